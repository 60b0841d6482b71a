"""The environment, completed by the `.env` file of the working directory. What the environment has wins."""

from __future__ import annotations

import os
import re
import tempfile
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv.parser import parse_stream

from supabase_webhooks.webhooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from dotenv.parser import Binding

#: Names another file than `.env`; empty: none. Read from the environment alone.
VARIABLE = "WEBHOOKS_ENV_FILE"

DEFAULT = ".env"

#: Bytes of a file; a link may lead to a device.
MOST = 1_000_000

#: What is taken from it: our settings, and what the protocols' clients read. Not PATH, LD_PRELOAD, HTTPS_PROXY or
#: AWS_CONFIG_FILE, by which a file in someone's folder would run programs or read the traffic.
TAKEN = re.compile(
    r"SUPABASE_\w+|WEBHOOKS_\w+|DATABASE_URL|REDIS_URL|FORWARDED_ALLOW_IPS|GOOGLE_APPLICATION_CREDENTIALS"
    r"|AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|DEFAULT_REGION)"
    r"|OTEL_(EXPORTER_OTLP_\w+|SERVICE_NAME|RESOURCE_ATTRIBUTES)"
)

#: A value that needs no quotes, in a shell as in Docker's and systemd's files.
_PLAIN = re.compile(r"[\w@%+=:,./~-]+", re.ASCII)


def load(environment: MutableMapping[str, str], *, optional: bool = False) -> None:
    """Add what the file has and the environment lacks. Raises SettingsError, which repeats no value.

    `optional`: a file that VARIABLE names may be missing, as `.env` may.
    """
    file = Path(environment.get(VARIABLE, DEFAULT))
    if environment.get(VARIABLE) == "":
        return
    if not file.is_file():
        # a folder, such as a virtual environment of that name, is none either
        if VARIABLE in environment and not optional:
            raise SettingsError(f"{VARIABLE} names {file}, which is not a file; leave it empty to read none")
        return
    for name, value in read(file).items():
        if TAKEN.fullmatch(name):
            environment.setdefault(name, value)


def read(file: Path) -> dict[str, str]:
    """Return a file's variables as they are written, without replacing `$NAME`. Raises SettingsError."""
    found = {one.key: one.value for one in _bindings(file) if one.key and one.value is not None}
    if broken := next((name for name, value in found.items() if "\0" in value), None):
        raise SettingsError(f"{file}: {broken} contains a zero byte; write its value again")
    return found


def is_placeholder(value: str | None) -> bool:
    """Return whether a value is none yet: empty, or an example's (`https://<ref>.supabase.co`, `sb_secret_...`)."""
    return not value or "<" in value or value.endswith("...")


def write(file: Path, values: Mapping[str, str]) -> None:
    """Add variables to a file, in place of empty ones and examples; everything else in it stays.

    Only its owner can read it from then on (0600). Raises SettingsError if it cannot be written as a whole.
    """
    if file.is_symlink():
        raise SettingsError(f"{file} is a link to {file.readlink()}; set {VARIABLE} to that file, and run this again")
    left, text = dict(values), ""
    for one in _bindings(file) if file.exists() else []:
        if one.key and one.key in values and is_placeholder(one.value):
            # the first of several takes the value
            text += _line(one.key, left.pop(one.key)) if one.key in left else ""
        else:
            text += one.original.string
    if text and not text.endswith("\n"):
        text += "\n"
    text += "".join(_line(name, value) for name, value in left.items())
    handle, temporary = tempfile.mkstemp(dir=file.absolute().parent, prefix=f"{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            out.write(text)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _line(name: str, value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value:
        raise SettingsError(f"{name} must be one line")
    if not _PLAIN.fullmatch(value):
        value = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return f"{name}={value}\n"


def _bindings(file: Path) -> list[Binding]:
    with file.open("rb") as opened:
        content = opened.read(MOST + 1)
    if len(content) > MOST:
        raise SettingsError(f"{file} has more than {MOST} bytes; is it the right file?")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"{file} is not UTF-8 text; save it as UTF-8") from None
    found = list(parse_stream(StringIO(text, newline="")))
    if broken := next((one for one in found if one.error), None):
        raise SettingsError(
            f"{file}, line {broken.original.line}, is not NAME=value; put a value of several lines in quotes, or set "
            f"{VARIABLE} to another file"
        )
    return found
