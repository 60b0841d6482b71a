"""Attach a table: choose a table, a change and columns, and copy the SQL. The page never runs it.

An admin of webhooks is not an owner of the database: `webhook_attach` takes SQL that runs as that owner.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from supabase_webhooks.gateway.dashboard.choices import event_choices
from supabase_webhooks.gateway.dashboard.page import page
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.exact import encode, pretty

#: The changes that can be events, in words.
OPERATIONS = {"insert": "a row is inserted", "update": "a row is updated", "delete": "a row is deleted"}

#: The code of a statement that runs longer than Supabase allows.
TOO_LONG = "57014"

#: Characters of an event that the page shows.
LONGEST = 4000

#: What the catalog takes as a name.
EVENT = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")

#: A value of a column's type, for the sample; of other types, text.
SAMPLES: dict[str, Any] = {
    "uuid": "6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11",
    "boolean": True,
    **dict.fromkeys(("smallint", "integer", "bigint"), 42),
    **dict.fromkeys(("numeric", "real", "double precision"), 9.99),
    **dict.fromkeys(("timestamp with time zone", "timestamp without time zone"), "2026-01-29T12:34:56.789Z"),
    "date": "2026-01-29",
    "json": {},
    "jsonb": {},
}


@get("/events/attach")
async def form(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the choices, the SQL that they make, and an event as it would be sent."""
    tables = await admin.call("webhook_tables")
    types = await event_choices(admin)
    given = request.query_params
    table = next((one for one in tables if one["table"] == given.get("table")), None)
    names = [column["name"] for column in table["columns"]] if table else []
    chosen = [name for name in given.getall("column", []) if name in names]
    operation = next((one for one in OPERATIONS if one == given.get("operation")), "insert")
    event, actor = str(given.get("event", "")).strip(), next((n for n in names if n == given.get("actor")), None)
    problem = None
    if table and "event" in given:
        if not EVENT.fullmatch(event):
            problem = "An event's name is lower-case words with points, such as order.paid."
        elif not chosen:
            problem = "Select at least one column."
    ready = table is not None and "event" in given and problem is None
    samples, about = await sampled(admin, table, event, chosen, actor) if ready and table else ([], "")
    return page(
        request, "attach.html", admin, tables=tables, table=table, chosen=chosen, operation=operation, event=event,
        actor=actor, problem=problem, operations=OPERATIONS, types=types,
        sql=statement(table["table"], event, operation, chosen, actor) if ready and table else None,
        samples=[shortened(pretty(encode(one))) for one in samples], about=about,
    )  # fmt: skip


def statement(table: str, event: str, operation: str, columns: list[str], actor: str | None) -> str:
    """Return the SQL that attaches a table, its names quoted as literals."""
    arguments = [quoted(table), quoted(event), quoted(operation), quoted(encode(columns))]
    last = f", actor => {quoted(actor)}" if actor else ""
    return f"select public.webhook_attach({', '.join(arguments)}{last});"


def quoted(text: str) -> str:
    """Return a text as a literal of Postgres, whatever standard_conforming_strings says."""
    escaped = text.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in text else f"'{escaped}'"


async def sampled(
    admin: Admin, table: dict[str, Any], event: str, columns: list[str], actor: str | None
) -> tuple[list[dict[str, Any]], str]:
    """Return events as they would be sent, and what they are made of: rows that the admin may read, else made up."""
    try:
        found = await admin.call("webhook_sample_events", source=table["table"], columns=columns, actor=actor)
    except StoreError as exc:
        if exc.code != TOO_LONG:
            raise
        found = {"rows": [], "problem": "It takes too long to read the table's last rows."}
    if found["rows"]:
        about = " ".join(filter(None, ["From the last rows of the table that you can read.", found["problem"]]))
        return [envelope(event, row["data"], row["actor"]) for row in found["rows"]], about
    bases = {column["name"]: column["base"] for column in table["columns"]}
    made_up = {name: SAMPLES.get(bases[name], name) for name in columns}
    return [envelope(event, made_up, SAMPLES["uuid"] if actor else None)], f"{found['problem']} The values are made up."


def envelope(event: str, data: dict[str, Any], actor: str | None) -> dict[str, Any]:
    """Return an event with this data, as it would be sent."""
    return {
        "event": event,
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "actor_user_id": actor,
        "data": data,
        "request_id": str(UUID(int=0)),
    }


def shortened(text: str) -> str:
    """Return a text, cut after its first characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n… and {len(text) - LONGEST:,} more characters"


ROUTES = [form]
