"""What a project has, written as webhooks.toml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import tomlkit

from supabase_webhooks.webhooks import durations, exact
from supabase_webhooks.webhooks.errors import ManifestError
from supabase_webhooks.webhooks.manifest import MAX_ATTEMPTS
from supabase_webhooks.webhooks.plain import OBEYED, escaped
from supabase_webhooks.webhooks.plan import PLAIN
from supabase_webhooks.webhooks.retries import preset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tomlkit.items import Table

HEAD = """\
Endpoints and event types as code: webhooks plan shows the difference, webhooks apply carries it out.
Write env(NAME) for a URL that differs by environment. A secret stays as it is unless you add: secret = "env(NAME)"
"""

#: Sizes of the units of a manifest's durations, the largest first.
SIZES = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def render(endpoints: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]]) -> str:
    """Return the manifest of endpoints and event types, as the database lists them.

    Raise ManifestError if two endpoints have the same name: in a file, a name is one endpoint.
    """
    document = tomlkit.document()
    for line in HEAD.splitlines():
        document.add(tomlkit.comment(line))
    tables = tomlkit.table(is_super_table=True)
    for one in endpoints:
        if one["name"] in tables:
            raise ManifestError(
                f"two endpoints have the name {one['name']!r}; rename one: "
                f"webhooks endpoints update {one['id']} --name ..."
            )
        tables.add(one["name"], _table(_endpoint(one)))
    types = tomlkit.table(is_super_table=True)
    for one in events:
        types.add(one["name"], _table(_event(one)))
    if endpoints:
        document.add("endpoints", tables)
    if events:
        document.add("events", types)
    # a text that someone else wrote must not control a terminal; those that are JSON are escaped as JSON
    return OBEYED.sub(lambda found: f"\\U{ord(found[0]):08x}", tomlkit.dumps(document))


def _table(values: Iterator[tuple[str, Any]]) -> Table:
    table = tomlkit.table()
    for name, value in values:
        table.add(name, value)
    return table


def _endpoint(one: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the settings that are not a new endpoint's."""
    yield "url", one["url"]
    schedule = one["retry_schedule"]
    if schedule is None:
        yield "max_attempts", one["max_attempts"] or MAX_ATTEMPTS
    elif preset(schedule) != "standard":
        yield "retry_schedule", preset(schedule) or schedule
    if one["expires_after"] is not None and (age := durations.seconds(one["expires_after"])):
        yield "expires_after", next(f"{age // size}{unit}" for unit, size in SIZES.items() if age % size == 0)
    yield "events", one["events"]
    yield from ((name, one[name]) for name in PLAIN if one[name] and name != "events")
    # by a person; what the system has disabled, it is to enable once that is repaired
    if not one["is_active"] and one["disabled_at"] is None:
        yield "is_active", False
    if one["header_names"]:
        headers = tomlkit.inline_table()
        for name in one["header_names"]:
            headers.add(name, f"env({_variable(one['name'], name)})")
        yield "headers", headers


def _event(one: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "description", one["description"]
    for name in ("data_schema", "example"):
        # JSON as it is known: TOML has no null, and its nested tables are hard to read
        text = escaped(exact.pretty(exact.encode(one[name])))
        plain = "'''" not in text
        yield name, tomlkit.string(f"{text}\n" if plain else text, literal=plain, multiline=plain)
    if one["users_may_dispatch"]:
        yield "users_may_dispatch", True
    if one["audience"] != "internal":
        yield "audience", one["audience"]


def _variable(*parts: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper()).strip("_").removeprefix("_") or "HEADER"
