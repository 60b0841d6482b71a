"""`webhooks deliveries`: inspect, retry and replay deliveries."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli import replay, tail
from supabase_webhooks.webhooks.cli.arguments import moment
from supabase_webhooks.webhooks.cli.output import (
    AsJson,
    cell,
    console,
    note,
    print_fields,
    print_json,
    print_table,
    say,
)
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.retries import waiting

app = typer.Typer(help="List, watch, show, retry and replay deliveries.", no_args_is_help=True)
app.command()(tail.tail)
app.command()(replay.replay)
app.command()(replay.purge)

#: Rows requested at once; the database returns at most 500.
PAGE = 500

#: Deliveries that one call retries; the next call retries the rest.
BATCH = 1000

COLUMNS = [
    "id", "created_at", "event_type", "endpoint", "status", "attempts", "response_status", "error_message", "waits_for",
]  # fmt: skip


@app.command("list")
def list_deliveries(
    event: Annotated[str | None, typer.Option(help="Only deliveries of this event type.")] = None,
    endpoint: Annotated[UUID | None, typer.Option(help="Only deliveries to this endpoint.")] = None,
    status: Annotated[str | None, typer.Option(help="pending, processing, delivered, failed, or unfinished.")] = None,
    request: Annotated[
        UUID | None, typer.Option(help="Only deliveries with this request_id, as dispatch returned it.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only deliveries created since: 2h, 7d, or an ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only deliveries created until.")] = None,
    payload: Annotated[
        str | None,
        typer.Option(
            help="Filter by a payload field: data.community_id=42, or data.community_id to require only that it exists."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="Maximum number of rows.", min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """List deliveries, newest first."""
    path, marked, value = (payload or "").partition("=")
    filters = {
        "event_type": event,
        "webhook_config_id": str(endpoint) if endpoint else None,
        "status": status,
        "request_id": str(request) if request else None,
        "created_from": moment(since),
        "created_until": moment(until),
        "payload_path": path or None,
        "payload_value": value if marked else None,
    }
    found: list[dict[str, Any]] = []
    after: dict[str, Any] | None = {}
    while after is not None and len(found) < limit:
        page = call("search_webhook_deliveries", **filters, **after, page_size=min(PAGE, limit - len(found)))
        found += page["deliveries"]
        after = page["next"]
    if as_json:
        print_json(found)
    else:
        print_table([row | {"waits_for": waiting(row["waits_for"])} for row in found], COLUMNS)


@app.command()
def show(
    delivery: Annotated[UUID, typer.Argument(help="The delivery's id: the webhook-id header.")], as_json: AsJson = False
) -> None:
    """Show one delivery: its payload, every attempt with its response, and a timeline."""
    found = call("get_webhook_delivery", delivery_id=str(delivery))
    if as_json:
        print_json(found | {"payload": msgspec.Raw(found["body"].encode())})
        return
    shown = ("id", "event_type", "status", "attempts", "request_id", "created_at", "finished_at", "error_message")
    endpoint = found["endpoint"] or {}
    where = {"endpoint": endpoint.get("name"), "url": endpoint.get("url"), "waits_for": waiting(found["waits_for"])}
    print_fields({name: found[name] for name in shown} | where)
    say("\ntimeline")
    for step in found["timeline"]:
        console().print(Text("  ").append_text(cell(step["at"])).append("  ").append_text(cell(step["text"])))
    if found["attempt_log"]:
        say("\nattempts")
        print_table(
            found["attempt_log"],
            ["number", "started_at", "duration_ms", "delivered", "response_status", "error", "response_excerpt"],
        )
    say("\npayload")
    # as Postgres prints it: a number of many digits stays as it is sent
    say(found["pretty_body"])


@app.command()
def retry(
    delivery: Annotated[list[UUID] | None, typer.Argument(help="Ids of deliveries.")] = None,
    endpoint: Annotated[
        UUID | None,
        typer.Option(help="Instead of ids: the deliveries that wait for their next attempt at this endpoint."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make deliveries due now: a failed one gets one more attempt, a delivered one is sent again."""
    if bool(delivery) == bool(endpoint):
        raise typer.BadParameter("give either delivery ids or --endpoint")
    if endpoint:
        retried = _retry_at(endpoint)
        print_json({"retried": retried}) if as_json else note(f"{retried} deliveries are due now.")
        return
    done = []
    for one in delivery or []:
        done.append(call("retry_webhook_delivery", delivery_id=str(one)))
        if not as_json:
            note(f"Delivery {one} is due.")
    if as_json:
        print_json(done)


def _retry_at(endpoint: UUID) -> int:
    retried = 0
    while True:
        done = call("retry_webhook_deliveries", webhook_config_id=str(endpoint), at_most=BATCH)
        retried += int(done["retried"])
        # deliveries of an inactive endpoint never change, however often the command is repeated
        if not (done["more"] and done["retried"]):
            return retried
