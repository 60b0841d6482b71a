"""What a list of deliveries is narrowed to, as its address says: filters, a range of time, and a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from supabase_webhooks.gateway.dashboard.forms import FormError, choice, identifier, moment, number, text

#: As the database has them, and `unfinished` for the first two.
STATUSES = ["pending", "processing", "delivered", "failed", "unfinished"]

#: Reads a field of a form or an address.
Read = Callable[[Mapping[str, Any], str], Any]


def status_code(fields: Mapping[str, Any], name: str) -> int | None:
    """Return the status code of a response."""
    value = number(fields, name)
    if value is not None and not 100 <= value <= 599:  # noqa: PLR2004 - RFC 9110, section 15
        raise FormError("Response status must be between 100 and 599")
    return None if value is None else int(value)


#: Each filter of the page, and how it is read.
FILTERS: dict[str, Read] = {
    "event_type": text,
    "status": partial(choice, of=STATUSES),
    "webhook_config_id": identifier,
    "response_status": status_code,
    "created_from": moment,
    "created_until": moment,
    "request_id": identifier,
    "payload_path": text,
    "payload_value": text,
}

CURSOR: dict[str, Read] = {"before_created_at": moment, "before_id": identifier}

#: Ranges that end now: their name, and seconds.
RANGES = {
    "1h": ("1 h", 3600),
    "6h": ("6 h", 21_600),
    "24h": ("24 h", 86_400),
    "7d": ("7 d", 604_800),
    "30d": ("30 d", 2_592_000),
}

#: What else an address may have: the search box, live mode, and what a delivery's panel shows.
OTHERS = ("range", "q", "live", "tab", "attempt", "told")

#: Seconds that the histogram covers when no range is chosen.
DAY = 86_400


@dataclass(frozen=True)
class Wanted:
    """`fields`: the filters that are given, as text; `arguments`: as the database takes them; `problem`: an error."""

    fields: dict[str, str]
    arguments: dict[str, Any]
    cursor: dict[str, str]
    problem: str | None
    begin: datetime
    end: datetime

    @property
    def all(self) -> dict[str, str]:
        """Each filter, as a form shows it: empty without a value."""
        return {name: self.fields.get(name, "") for name in [*FILTERS, "range"]}

    def time(self, name: str) -> str:
        """Return a time as a form's field takes it: UTC, without an offset; empty without one."""
        at = _moment(self.arguments.get(name))
        if at is None or name not in self.fields:
            return ""
        return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")

    def without(self, *names: str) -> str:
        """Return the list's address without these filters."""
        return self.address("/deliveries", **dict.fromkeys(names))

    def address(self, path: str = "/deliveries", **changes: str | None) -> str:
        """Return an address with these filters, changed; None removes one."""
        given = {name: value for name, value in {**self.fields, **changes}.items() if value}
        return f"{path}?{urlencode(given)}" if given else path


def wanted(parameters: Mapping[str, Any], now: datetime | None = None) -> Wanted:
    """Return what an address asks for."""
    now = now or datetime.now(UTC)
    names = [*FILTERS, "range"]
    fields = {name: str(parameters[name]).strip() for name in names if str(parameters.get(name) or "").strip()}
    cursor = {name: str(parameters[name]) for name in CURSOR if parameters.get(name)}
    arguments: dict[str, Any] = {}
    problem = None
    try:
        _check_names(parameters)
        choice(parameters, "range", of=list(RANGES))
        found = {name: read(parameters, name) for name, read in {**FILTERS, **CURSOR}.items()}
        arguments = {name: value for name, value in found.items() if value is not None}
        if "payload_path" not in arguments:
            arguments.pop("payload_value", None)
    except FormError as exc:
        problem = f"{exc}."
    if seconds := RANGES.get(fields.get("range", ""), ("", 0))[1]:
        arguments.setdefault("created_from", (now - timedelta(seconds=seconds)).isoformat())
    end = _moment(arguments.get("created_until")) or now
    begin = _moment(arguments.get("created_from")) or end - timedelta(seconds=DAY)
    return Wanted(fields, arguments, cursor, problem, min(begin, end), end)


def _check_names(parameters: Mapping[str, Any]) -> None:
    """Raise FormError for a parameter that is not a filter: a list without it would show what was not asked for."""
    if unknown := sorted(set(parameters) - {*FILTERS, *CURSOR, *OTHERS}):
        raise FormError(f"There is no filter {', '.join(unknown)}. The filters are {', '.join(FILTERS)} and range")


def from_search_box(typed: str) -> dict[str, str]:
    """Return the filters that someone typed: an id, path=value, a status, a status code, or an event."""
    try:
        return {"request_id": str(UUID(typed))}
    except ValueError:
        pass
    path, equals, value = typed.partition("=")
    if equals and path.strip():
        return {"payload_path": path.strip(), "payload_value": value.strip()}
    if typed in STATUSES:
        return {"status": typed}
    is_code = len(typed) == 3 and typed.isascii() and typed.isdigit()  # noqa: PLR2004 - digits of a status code
    return {"response_status": typed} if is_code else {"event_type": typed}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
