"""Endpoints and event types as code: `webhooks.toml`, with `env(NAME)` for what differs by environment.

A manifest names all that it manages. What is left out of an endpoint has the value that a new endpoint has, but for
`is_active` and `secret`: whether it is paused, and the secret that the system generated, stay as they are.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.errors import ManifestError
from supabase_webhooks.webhooks.retries import PRESETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

#: A whole value that is the environment's, as in supabase/config.toml.
ENV = re.compile(r"env\(([A-Za-z_][A-Za-z0-9_]*)\)")

#: Who manages what is created from a file that does not say it.
MANAGER = "webhooks.toml"

#: The attempts that an endpoint has without a schedule, unless it says otherwise.
MAX_ATTEMPTS = 3

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


class Endpoint(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An endpoint as a manifest has it. `from_env`: field, or `headers.NAME` -> the variable its value is from."""

    url: str
    events: list[str] = msgspec.field(default_factory=lambda: ["*"])
    secret: str | None = None
    is_active: bool | None = None
    max_attempts: int | None = None
    retry_schedule: str | list[int] | None = None
    expires_after: str | None = None
    rate_limit_per_second: int | None = None
    max_concurrency: int | None = None
    timeout_seconds: float | None = None
    circuit_failure_threshold: int | None = None
    circuit_reset_seconds: int | None = None
    credentials_profile: str | None = None
    headers: dict[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        """Return nothing of the values: they may be secrets."""
        return "Endpoint(...)"

    def schedule(self) -> list[int] | None:
        """Return the retry schedule as it is stored: the standard one, unless there is a schedule or a number."""
        if isinstance(self.retry_schedule, str):
            return list(PRESETS[self.retry_schedule])
        standard = list(PRESETS["standard"]) if self.max_attempts is None else None
        return self.retry_schedule if self.retry_schedule is not None else standard


class EventType(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An event type as a manifest has it; without an example, the database derives one."""

    description: str
    data_schema: dict[str, Any]
    example: dict[str, Any] | None = None
    users_may_dispatch: bool = False
    audience: Literal["internal", "customers"] = "internal"


class Manifest(msgspec.Struct):
    """All that a file manages, by name; `variables`: endpoint -> field -> the environment variable of its value."""

    managed_by: str
    endpoints: dict[str, Endpoint]
    events: dict[str, EventType]
    variables: dict[str, dict[str, str]]


def read(file: Path, environment: Mapping[str, str]) -> Manifest:
    """Return the manifest of a file. Raise ManifestError: names the place, and all variables that are not set."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"there is no {file}; write what exists with: webhooks export > {file}") from None
    except (OSError, ValueError) as exc:
        raise ManifestError(f"{file} cannot be read: {exc}") from None
    if unknown := sorted(given.keys() - {"managed_by", "endpoints", "events"}):
        raise ManifestError(f"{file}: unknown key {', '.join(unknown)}; known are managed_by, endpoints and events")
    missing: dict[str, str] = {}
    endpoints: dict[str, Endpoint] = {}
    variables: dict[str, dict[str, str]] = {}
    for name, one in _tables(given, "endpoints", file):
        found = {path: match[1] for path, text in _texts(one) if (match := ENV.fullmatch(text))}
        missing |= {variable: name for variable in found.values() if not environment.get(variable)}
        endpoints[name] = _endpoint(_resolved(one, environment), f"{file}: endpoints.{name}")
        variables[name] = found
        if endpoints[name].secret is not None and "secret" not in found:
            raise ManifestError(f"{file}: endpoints.{name}.secret must be env(NAME): no secret belongs in a file")
    if missing:
        where = ", ".join(f"{variable} (endpoints.{name})" for variable, name in missing.items())
        raise ManifestError(f"{file} needs environment variables that are not set: {where}")
    events = {
        name: _converted(one | _schemas(one, f"{file}: events.{name}"), EventType, f"{file}: events.{name}")
        for name, one in _tables(given, "events", file)
    }
    managed_by = given.get("managed_by", MANAGER)
    if not isinstance(managed_by, str) or not managed_by:
        raise ManifestError(f"{file}: managed_by must be text, such as {MANAGER}")
    return Manifest(managed_by, endpoints, events, variables)


def seconds(text: str) -> float | None:
    """Return the seconds of a duration such as 12h or 3d, or None for another text."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    return float(match[1]) * _UNITS[match[2]] if match else None


def _tables(given: Mapping[str, Any], key: str, file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    tables = given.get(key, {})
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise ManifestError(f'{file}: {key} must be tables, such as [{key}."name"]')
    yield from tables.items()


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any TOML
    """Yield all texts in a table, with the path of each."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, f"{path}.{number}")


def _resolved(value: Any, environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - any TOML
    if isinstance(value, dict):
        return {name: _resolved(one, environment) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, environment) for one in value]
    if isinstance(value, str) and (match := ENV.fullmatch(value)):
        # a secret's trailing newline, or a file's Windows line endings
        return environment.get(match[1], "").strip()
    return value


def _schemas(one: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the JSON texts among a table's values as what they mean."""
    decoded = {}
    for name in ("data_schema", "example"):
        if isinstance(text := one.get(name), str):
            try:
                # fractions as TOML has them
                decoded[name] = exact.decode(text, float)
            except ValueError as exc:
                raise ManifestError(f"{where}.{name} is not valid JSON: {exc}") from None
    return decoded


def _endpoint(given: dict[str, Any], where: str) -> Endpoint:
    made: Endpoint = _converted(given, Endpoint, where)
    if isinstance(made.retry_schedule, str) and made.retry_schedule not in PRESETS:
        raise ManifestError(f"{where}.retry_schedule must be {' or '.join(PRESETS)}, or seconds such as [5, 300, 1800]")
    if made.expires_after is not None and not seconds(made.expires_after):
        raise ManifestError(f"{where}.expires_after must be a duration such as 12h or 3d")
    return made


def _converted(given: Mapping[str, Any], kind: type[Any], where: str) -> Any:  # noqa: ANN401 - of the kind
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as exc:
        # it names types and places, never a value
        raise ManifestError(f"{where}: {exc}") from None
