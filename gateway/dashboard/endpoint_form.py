"""The form of an endpoint: what it shows, how it is read, and what is wrong with which field."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from supabase_webhooks.gateway.dashboard.forms import FormError, choice, document, label, number, seconds, text
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.retries import PRESETS, described, preset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from supabase_webhooks.webhooks.errors import StoreError
    from supabase_webhooks.webhooks.settings import Settings

#: Numbers that an endpoint may set for itself: name, kind, lower and upper bound, unit.
NUMBERS: dict[str, tuple[type[int | float], float, float, str]] = {
    "timeout_seconds": (float, 0.1, 120, "seconds"),
    "rate_limit_per_second": (int, 1, 100_000, "a second"),
    "max_concurrency": (int, 1, 10_000, "at once"),
    "circuit_failure_threshold": (int, 1, 10_000, "failures"),
    "circuit_reset_seconds": (int, 1, 86_400, "seconds"),
}

#: How the form says when a delivery is retried: a preset, a list of seconds, or a number of attempts.
RETRIES = {
    **{name: f"{name.capitalize()}: {described(waits, 0)}" for name, waits in PRESETS.items()},
    "custom": "Custom: seconds to wait after each attempt",
    "attempts": "Attempts, with waits that double from 2 s up to a minute",
}

#: Attempts at most, and those of an endpoint that says nothing. As webhooks.apply_endpoint_changes has them.
MOST_ATTEMPTS, ATTEMPTS = 20, 3

#: Fields of the form with one line of text.
LINES = ("name", "url", "credentials_profile", "retry", "waits", "max_attempts", "expires_after", *NUMBERS)

#: What the form of a new endpoint shows.
NEW = {**dict.fromkeys(LINES, ""), "events": ["*"], "headers": "", "retry": "standard", "max_attempts": str(ATTEMPTS)}

#: What the database's errors are about, once the endpoint's name is left out of them. The first that matches counts.
ABOUT = (
    ("headers", r"^headers\b"),
    ("events", r"\bevents\b"),
    ("waits", r"\bretry.schedule\b"),
    ("expires_after", r"\bexpires_after\b|\binterval\b"),
    ("name", r"\bneeds a name\b"),
    ("url", r"\bURL\b"),
)


@dataclass(frozen=True)
class Form:
    """The form as it is shown: of a new endpoint, or of one that exists.

    `was`: what it showed when it was opened. `problems`, `theirs`: what is wrong, and what someone else (`last`) has
    changed since, by field. `restored`: what was filled in before a session ended.
    """

    shown: dict[str, Any]
    endpoint: dict[str, Any] | None = None
    was: str | None = None
    problems: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)
    last: dict[str, Any] | None = None
    restored: bool = False


def shown(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return what the form shows of an endpoint: text for each field, a list for events; headers are never shown."""
    schedule = endpoint["retry_schedule"]
    retry = preset(schedule) or ("attempts" if schedule is None else "custom")
    plain = {name: "" if endpoint.get(name) is None else str(endpoint[name]) for name in LINES}
    waits = ", ".join(map(str, schedule or [])) if retry == "custom" else ""
    return {**NEW, **plain, "events": endpoint["events"], "retry": retry, "waits": waits}


def retries_in_words(form: Mapping[str, Any]) -> str:
    """Return what the form says about retries; empty for what cannot be read."""
    try:
        given = _retry(form)
    except FormError:
        return ""
    schedule = given["retry_schedule"]
    waits = PRESETS[schedule] if isinstance(schedule, str) else schedule
    return described(waits, given.get("max_attempts", ATTEMPTS))


def filled_in(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
    """Return what the form shows again of what was filled in."""
    plain = {name: str(fields.get(name) or "") for name in (*LINES, "headers", "remove_headers")}
    return {**plain, "events": fields.getall("events", [])}


def read(fields: Any) -> tuple[dict[str, Any], dict[str, str]]:  # noqa: ANN401 - Litestar's form
    """Return the settings, and what is wrong, by field."""
    settings: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, of in READERS.items():
        try:
            settings |= of(fields)
        except FormError as exc:
            problems[exc.field or name] = str(exc)
    return settings, problems


def refused(exc: StoreError, *names: str) -> dict[str, str]:
    """Return what the database says is wrong, by field; of no field in particular: "". Another error is raised.

    `names`: those that the error may call the endpoint by.
    """
    if exc.code not in REFUSALS:
        raise exc
    told = str(exc)
    for name in names:
        told = told.removeprefix(f'webhook endpoint "{name}"')
    told = told.lstrip(": ")
    about = next((name for name, pattern in ABOUT if re.search(pattern, told)), "")
    return {about: told[:1].upper() + told[1:]}


def seen(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return what someone who opens the form sees: of headers, their names."""
    return {**shown(endpoint), "headers": endpoint["header_names"]}


def differences(was: str | None, endpoint: dict[str, Any]) -> dict[str, str]:
    """Return the fields that are no longer as they were when the form was opened, each with its text now."""
    try:
        before = exact.decode(was or "{}")
    except ValueError:
        before = {}
    if not isinstance(before, dict):
        return {}
    now = {name: value for name, value in seen(endpoint).items() if name in before and before[name] != value}
    return {name: (", ".join(value) if isinstance(value, list) else value) or "empty" for name, value in now.items()}


def defaults(settings: Settings) -> dict[str, str]:
    """Return what holds for a field that is left empty."""
    return {
        "timeout_seconds": f"{settings.timeout_seconds:g}",
        "rate_limit_per_second": "no limit",
        "max_concurrency": "no limit",
        "circuit_failure_threshold": f"{settings.circuit_failures}",
        "circuit_reset_seconds": f"{settings.circuit_reset_seconds:g}",
        "credentials_profile": "what the SDK finds",
        "expires_after": "never",
        "headers": "none",
    }


def _required(name: str, example: str) -> Callable[[Any], dict[str, Any]]:
    def of(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
        value = text(fields, name)
        if value is None:
            raise FormError(f"Enter {example}.", name)
        return {name: value}

    return of


def _events(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
    chosen = fields.getall("events", [])
    if not chosen:
        raise FormError("Select at least one event.", "events")
    return {"events": chosen}


def _retry(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
    retry = choice(fields, "retry", of=list(RETRIES))
    if retry == "attempts":
        attempts = number(fields, "max_attempts") or ATTEMPTS
        if not 1 <= attempts <= MOST_ATTEMPTS:
            raise FormError(f"Attempts must be from 1 to {MOST_ATTEMPTS}.", "max_attempts")
        return {"retry_schedule": None, "max_attempts": attempts}
    return {"retry_schedule": seconds(fields, "waits") if retry == "custom" else retry}


def _number(name: str) -> Callable[[Any], dict[str, Any]]:
    kind, low, high, unit = NUMBERS[name]

    def of(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
        value = number(fields, name, kind)
        if value is not None and not low <= value <= high:
            raise FormError(f"{label(name)} must be from {low} to {high:,} {unit}.", name)
        return {name: value}

    return of


#: How each field is read.
READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "name": _required("name", "a name"),
    "url": _required("url", "a URL such as https://example.com/webhooks"),
    "events": _events,
    "retry": _retry,
    "expires_after": lambda fields: {"expires_after": text(fields, "expires_after")},
    **{name: _number(name) for name in NUMBERS},
    "credentials_profile": lambda fields: {"credentials_profile": text(fields, "credentials_profile")},
    "headers": lambda fields: {"headers": document(fields, "headers")},
}
