"""`webhooks env`: the settings in `.env`, found, asked for or generated."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supabase_webhooks.webhooks.cli.arguments import Yes, ask
from supabase_webhooks.webhooks.cli.outcome import Outcome, end, show
from supabase_webhooks.webhooks.cli.output import AsJson, announce
from supabase_webhooks.webhooks.cli.supabase import supabase
from supabase_webhooks.webhooks.environment import DEFAULT, VARIABLE, is_placeholder, read, write
from supabase_webhooks.webhooks.errors import SettingsError, StoreError
from supabase_webhooks.webhooks.gitignore import ignore
from supabase_webhooks.webhooks.project import aliased, linked
from supabase_webhooks.webhooks.sealing import PREFIX, generate_key
from supabase_webhooks.webhooks.settings import DATABASE_URL, Settings, host_of, variable
from supabase_webhooks.webhooks.tokens import is_secret_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

App = Annotated[
    str | None, typer.Option("--app", help="Your app's name, for the User-Agent of deliveries: NAME Webhook/1.0.")
]

KEYS, AGENT = variable("encryption_keys"), variable("user_agent")

#: What is generated if it is missing: text of 256 bits.
GENERATED = (variable("dispatch_token"), variable("session_secret"))

LOSS = (
    f"{KEYS} encrypts endpoints' secrets in the database. Store a copy elsewhere, such as a password manager: without "
    "it no delivery can be signed, and each endpoint needs a new secret"
)


#: What was done about git -> what it says.
IGNORED = {"added": "; .gitignore names it now", "no repository": "; keep it out of version control"}


@dataclass(frozen=True)
class Question:
    """A setting that only you know. `problem`: what is wrong with a value, or None."""

    text: str
    problem: Callable[[str], str | None]
    hidden: bool = True
    optional: bool = False


def _url_problem(value: str) -> str | None:
    if value.startswith(("https://", "http://")) and host_of(value):
        return None
    return "the project's URL is like https://<ref>.supabase.co"


QUESTIONS = {
    "SUPABASE_URL": Question("The project's URL", _url_problem, hidden=False),
    "SUPABASE_SERVICE_ROLE_KEY": Question(
        "Its secret key (Project Settings > API keys)",
        lambda value: None if is_secret_key(value) else "that is not a secret key: sb_secret_... or service_role",
    ),
    "SUPABASE_ANON_KEY": Question(
        "Its publishable key, for the dashboard's sign-in (empty: no dashboard)",
        lambda value: "that is a secret key; a publishable one is sb_publishable_..." if is_secret_key(value) else None,
        optional=True,
    ),
    "DATABASE_URL": Question(
        "Its connection string, to apply migrations (Connect > Session pooler; empty: supabase db push applies them)",
        lambda value: None if DATABASE_URL.fullmatch(value) else "a connection string is like postgresql://user:password@"
        "host:5432/postgres, with special characters of the password as %40 and so on",
        optional=True,
    ),
}  # fmt: skip


def env(app: App = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Complete the settings in .env: the project, the app's name, tokens, and the key that encrypts secrets at rest."""
    done = []
    for one in complete(app, asking=not yes):
        done.append(one)
        if not as_json:
            show(one)
    end(done, as_json=as_json)


def complete(app: str | None, *, asking: bool) -> Iterator[Outcome]:
    """Write what is missing into the file, and add it to the environment; what has a value is kept."""
    file = _file()
    ignored = ignore(file)
    if ignored == "tracked":
        yield Outcome(
            "settings", "missing", f"git tracks {file}, so nothing was written into it", f"git rm --cached {file}"
        )
        return
    known = {**(read(file) if file.is_file() else {}), **os.environ}
    new = _project(known, asking=asking)
    needed = [name for name, one in QUESTIONS.items() if not one.optional and _lacks(known | new, name)]
    if needed:
        yield Outcome(
            "settings",
            "missing",
            f"{' and '.join(needed)}: not in the environment, in {file} or in a linked supabase/ folder",
            f"set {'it' if len(needed) == 1 else 'them'}, or run webhooks env in a terminal",
        )
        return
    new |= _agent(app, known, asking=asking)
    new |= {name: secrets.token_urlsafe(32) for name in GENERATED if _lacks(known, name)}
    # raises for what else is wrong, before anything is written
    host = Settings.from_environment({**os.environ, **new}).host
    announce(host)
    yield _write(file, new, IGNORED.get(ignored, ""))
    yield _key(file, known | new)


def _file() -> Path:
    if os.environ.get(VARIABLE) == "":
        raise SettingsError(f"{VARIABLE} is empty, so that no file is read; unset it, or set it to a file")
    return Path(os.environ.get(VARIABLE, DEFAULT))


def _lacks(known: Mapping[str, str], name: str) -> bool:
    return is_placeholder(known.get(name, "").strip())


def _project(known: Mapping[str, str], *, asking: bool) -> dict[str, str]:
    """Return what the project's settings lack, as it was found or given."""
    new = {}
    for name, question in QUESTIONS.items():
        if not _lacks(known, name):
            continue
        found = aliased(name, known)
        if name == "SUPABASE_URL":
            found = found or linked(Path())
        elif name == "DATABASE_URL" and (not _lacks(known, "SUPABASE_DB_URL") or Path("supabase").is_dir()):
            continue
        if asking and (found is None or not question.hidden):
            found = ask(question.text, default=found, hidden=question.hidden, optional=question.optional,
                        problem=question.problem)  # fmt: skip
        if found:
            if problem := question.problem(found):
                raise SettingsError(f"{name}: {problem}")
            new[name] = found
    return new


def _agent(app: str | None, known: Mapping[str, str], *, asking: bool) -> dict[str, str]:
    """Return the User-Agent, if it is not set and there is a name for it."""
    if not _lacks(known, AGENT):
        return {}
    if app is None and asking:
        default = str(Settings.user_agent).removesuffix(" Webhook/1.0")
        app = ask("Your app's name, which receivers see as User-Agent", default=default, problem=_name_problem)
    if not app:
        return {}
    if problem := _name_problem(app):
        raise SettingsError(f"--app: {problem}")
    return {AGENT: f"{app.strip()} Webhook/1.0"}


def _name_problem(name: str) -> str | None:
    if re.fullmatch(r"[ -~]{1,80}", name) and name.strip():
        return None
    return "a name is up to 80 characters of ASCII: it is sent in a header"


def _write(file: Path, new: dict[str, str], ignored: str) -> Outcome:
    if not new:
        return Outcome("settings", "kept", "nothing is missing")
    write(file, new)
    os.environ.update(new)
    return Outcome("settings", "done", f"{', '.join(new)}: written to {file}, which only you can read{ignored}")


def _key(file: Path, known: Mapping[str, str]) -> Outcome:
    """Generate the key that encrypts secrets at rest, unless the database has secrets: then others may lack it."""
    if not _lacks(known, KEYS):
        return Outcome("key", "kept", LOSS)
    try:
        stored = asyncio.run(_stored())
    except StoreError as exc:
        return Outcome(
            "key", "missing", f"no key was generated, since the database may have one: {exc}", "webhooks env"
        )
    if any(secret.startswith(PREFIX) for secret in stored):
        return Outcome(
            "key", "missing", "the database's secrets are encrypted with a key that is not here",
            f"copy {KEYS} from where gateway and workers run",
        )  # fmt: skip
    if stored:
        return Outcome(
            "key", "skipped", "the database has endpoints' secrets, which are not encrypted",
            f"to encrypt them: webhooks secrets key, and set {KEYS} to it for each gateway and worker",
        )  # fmt: skip
    key = generate_key()
    write(file, {KEYS: key})
    os.environ[KEYS] = key
    return Outcome("key", "done", LOSS)


async def _stored() -> list[str]:
    """Return the secrets in the database, encrypted or not; none before its migrations."""
    from supabase_webhooks.webhooks.versions import LACKING  # noqa: PLC0415 - takes a second: not for --help

    try:
        async with supabase() as store:
            return [secret for _, secret in await store.secrets()]
    except StoreError as exc:
        if exc.code in LACKING:
            return []
        raise
