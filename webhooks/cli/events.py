"""`webhooks events`: the catalog of events that can be dispatched."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import msgspec
import typer

from supabase_webhooks.webhooks.cli import types
from supabase_webhooks.webhooks.cli.ids import TRIGGER_ERROR, parser, suggestion
from supabase_webhooks.webhooks.cli.migrate import Dsn
from supabase_webhooks.webhooks.cli.output import (
    FAILED,
    AsJson,
    complain,
    note,
    print_fields,
    print_json,
    print_table,
    say,
)
from supabase_webhooks.webhooks.cli.supabase import call, event_types
from supabase_webhooks.webhooks.database import Database

app = typer.Typer(help="The event catalog.", no_args_is_help=True)
app.command()(types.docs)


def catalog() -> list[dict[str, Any]]:
    """Return the event types that may be dispatched, by name."""
    return [dict(msgspec.to_builtins(event, builtin_types=[Decimal])) for event in event_types()]


def named(event: str) -> dict[str, Any]:
    """Return one event type; exit if the catalog does not have it."""
    found = catalog()
    if wanted := next((one for one in found if one["name"] == event), None):
        return wanted
    similar = suggestion(event, [one["name"] for one in found])
    complain(f"the catalog has no event {event!r}{similar}; see: webhooks events list")
    raise typer.Exit(FAILED)


@app.command("list")
def list_events(as_json: AsJson = False) -> None:
    """List the event types that may be dispatched."""
    found = catalog()
    if as_json:
        print_json(found)
    else:
        print_table(found, ["name", "description"], empty="The catalog is empty.")


@app.command()
def show(
    event: Annotated[str, typer.Argument(help="The event type, for example user.joined_community.")],
    as_json: AsJson = False,
) -> None:
    """Show an event type: its meaning, the JSON Schema of its data, and an example."""
    found = named(event)
    if as_json:
        print_json(found)
        return
    print_fields({"name": found["name"], "description": found["description"]})
    say("\ndata schema")
    print_json(found["data_schema"])
    say("\nexample")
    print_json(found["example"])


@app.command()
def reattach(dsn: Dsn, as_json: AsJson = False) -> None:
    """Recreate the triggers that attached events have lost: a restore drops those on auth.users.

    Exits with 1 when one could not be created.
    """
    with Database(dsn) as database:
        done = database.reattach()
    if as_json:
        print_json({"reattached": done})
    else:
        print_table(done, ["source", "event", "operation", "outcome"], empty="Every attached event has its trigger.")
    if any(row["outcome"].startswith("left") for row in done):
        raise typer.Exit(FAILED)


@app.command("retry-errors")
def retry_errors(
    errors: Annotated[
        list[str] | None,
        typer.Argument(parser=parser(TRIGGER_ERROR), metavar="ID", help="Ids of trigger errors; without ids, all."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Emit the events again, once and in order, that triggers could not emit: see public.webhook_trigger_errors."""
    done = call("retry_webhook_trigger_errors", ids=errors or None)
    if as_json:
        print_json(done)
    else:
        note(f"{done['resolved']} resolved, {len(done['failed'])} failed")
        print_table(done["failed"], ["id", "message"], empty="")
    if done["failed"]:
        raise typer.Exit(FAILED)
