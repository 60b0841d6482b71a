"""Ids as people give them: whole, any unique beginning, or an endpoint's name."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from supabase_webhooks.webhooks.cli.supabase import supabase
from supabase_webhooks.webhooks.cli.tables import shortest
from supabase_webhooks.webhooks.durations import ago
from supabase_webhooks.webhooks.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Candidates that are listed for a beginning that several ids have.
CANDIDATES = 6

#: Names that are compared with one that does not exist.
NAMES = 1000


@dataclass(frozen=True)
class Kind:
    """What an id is of: the table and column to look in, and what to show of a candidate besides."""

    noun: str
    plural: str
    table: str
    column: str
    shown: tuple[str, ...]
    see: str


ENDPOINT = Kind(
    "endpoint", "endpoints", "webhook_configurations", "id", ("name", "created_at"), "webhooks endpoints list"
)
DELIVERY = Kind(
    "delivery", "deliveries", "webhook_deliveries", "id", ("event_type", "status", "created_at"),
    "webhooks deliveries list",
)  # fmt: skip
EVENT = Kind(
    "event", "events", "webhook_deliveries", "request_id", ("event_type", "created_at"),
    "webhooks deliveries list --json",
)  # fmt: skip
TRIGGER_ERROR = Kind(
    "trigger error", "trigger errors", "webhook_trigger_errors", "id", ("source", "occurred_at"), "webhooks doctor"
)


def parser(kind: Kind) -> Callable[[str], str]:
    """Return what reads an argument that is an id of a kind. Typer prints its error: the candidates, or none."""

    def read(given: str) -> str:
        text = given.strip()
        # while a shell completes a command, nothing is looked up
        if (whole := whole_id(text)) or "_WEBHOOKS_COMPLETE" in os.environ:
            return whole or text
        found = asyncio.run(find(kind, text))
        if len(found) == 1:
            return str(found[0][kind.column])
        raise typer.BadParameter(several(kind, text, found) if found else none(kind, text))

    return read


#: A name means one of the app's own: a customer could give its endpoint any name, even the beginning of another's id.
OWN = [("deleted_at", "is.null"), ("tenant_id", "is.null")]

#: What commands annotate their parameters with.
EndpointId = Annotated[
    str, typer.Argument(parser=parser(ENDPOINT), metavar="NAME|ID", help="The endpoint's name, or its id.")
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", parser=parser(ENDPOINT), metavar="NAME|ID", help="Only deliveries to this endpoint."),
]
DeliveryId = Annotated[
    str, typer.Argument(parser=parser(DELIVERY), metavar="ID", help="The delivery's id: the webhook-id header.")
]


def suggestion(text: str, names: Sequence[str]) -> str:
    """Return ` (did you mean user.joined?)` for a name that resembles another, or nothing."""
    similar = get_close_matches(text, names, n=2)
    return f" (did you mean {' or '.join(map(plain, similar))}?)" if similar else ""


def bounds(beginning: str) -> tuple[str, str] | None:
    """Return the first and the last id with a beginning, or None if no id begins so."""
    digits = beginning.replace("-", "")
    if not re.fullmatch(r"[0-9a-fA-F]{1,32}", digits) or beginning.startswith("-"):
        return None
    return str(UUID(digits.ljust(32, "0"))), str(UUID(digits.ljust(32, "f")))


def whole_id(text: str) -> str | None:
    """Return a whole id in its usual form, or None."""
    try:
        return str(UUID(text))
    except ValueError:
        return None


async def find(kind: Kind, text: str) -> list[dict[str, Any]]:
    """Return rows whose id begins with a text, one for each id; an own endpoint of that name comes first."""
    select = ("select", ",".join(dict.fromkeys([kind.column, *kind.shown])))
    async with supabase() as store:
        if kind is ENDPOINT:
            named = [select, ("name", f"eq.{text}"), *OWN, ("limit", str(CANDIDATES))]
            if found := await store.rows(kind.table, named):
                return found
        if not (between := bounds(text)):
            return []
        first, last = between
        # a range, which the index has; an event has a row for each of its endpoints
        wanted = [select, (kind.column, f"gte.{first}"), (kind.column, f"lte.{last}"), ("order", kind.column)]
        rows = await store.rows(kind.table, [*wanted, ("limit", str(CANDIDATES if kind.column == "id" else NAMES))])
    return list({row[kind.column]: row for row in rows}.values())


def several(kind: Kind, text: str, found: Sequence[dict[str, Any]]) -> str:
    """Return the error for a beginning that several ids have."""
    length = shortest(row[kind.column] for row in found)
    lines = [
        "  ".join([row[kind.column][:length], *(_shown(name, row[name]) for name in kind.shown)])
        for row in found[: CANDIDATES - 1]
    ]
    more = ["..."] if len(found) >= CANDIDATES else []
    return "\n".join([f"{text!r} means several {kind.plural}; give more of the id:", *lines, *more])


def _shown(name: str, value: object) -> str:
    return ago(str(value)) if name.endswith("_at") else plain(str(value))


def none(kind: Kind, text: str) -> str:
    """Return the error for what is neither an id nor a name."""
    if kind is not ENDPOINT:
        return f"no {kind.noun} has an id that begins with {text!r}; see: {kind.see}"
    return f"no endpoint has the name {text!r}, or an id that begins so{_similar(text)}; see: {kind.see}"


def _similar(text: str) -> str:
    async def names() -> list[str]:
        async with supabase() as store:
            wanted = [("select", "name"), *OWN, ("limit", str(NAMES))]
            return [row["name"] for row in await store.rows(ENDPOINT.table, wanted)]

    return suggestion(text, asyncio.run(names()))
