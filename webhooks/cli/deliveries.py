"""`webhooks deliveries`: inspect, retry and replay deliveries."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli import replay, tail
from supabase_webhooks.webhooks.cli.arguments import moment
from supabase_webhooks.webhooks.cli.ids import DELIVERY, ENDPOINT, EVENT, DeliveryId, EndpointOption, parser
from supabase_webhooks.webhooks.cli.output import (
    AsJson,
    cell,
    console,
    note,
    print_card,
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

COLUMNS = ["id", "status", "event_type", "endpoint", "result", "attempts", "created_at"]


@app.command("list")
def list_deliveries(
    event: Annotated[str | None, typer.Option(help="Only deliveries of this event type.")] = None,
    endpoint: EndpointOption = None,
    status: Annotated[str | None, typer.Option(help="pending, processing, delivered, failed, or unfinished.")] = None,
    request: Annotated[
        str | None,
        typer.Option(
            parser=parser(EVENT), metavar="ID", help="Only deliveries with this request_id, as dispatch returned it."
        ),
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
        "webhook_config_id": endpoint,
        "status": status,
        "request_id": request,
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
        print_table([row | {"result": _result(row)} for row in found], COLUMNS)


@app.command()
def show(delivery: DeliveryId, as_json: AsJson = False) -> None:
    """Show one delivery: its payload, every attempt with its response, and a timeline."""
    found = call("get_webhook_delivery", delivery_id=delivery)
    if as_json:
        print_json(found | {"payload": msgspec.Raw(found["body"].encode())})
        return
    endpoint = found["endpoint"] or {}
    shown = ("id", "request_id", "attempts", "created_at", "finished_at", "error_message")
    where = {"endpoint": endpoint.get("name"), "url": endpoint.get("url"), "waits_for": waiting(found["waits_for"])}
    print_card(found["event_type"], found["status"], where | {name: found[name] for name in shown})
    say("\ntimeline")
    for step in found["timeline"]:
        console().print(Text("  ").append_text(cell(step["at"])).append("  ").append_text(cell(step["text"])))
    if found["attempt_log"]:
        say("\nattempts")
        print_table(
            found["attempt_log"],
            ["number", "delivered", "response_status", "duration_ms", "error", "response_excerpt", "started_at"],
        )
    say("\npayload")
    # as Postgres prints it: a number of many digits stays as it is sent
    say(found["pretty_body"])


@app.command()
def retry(
    delivery: Annotated[
        list[str] | None, typer.Argument(parser=parser(DELIVERY), metavar="ID", help="Ids of deliveries.")
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(
            parser=parser(ENDPOINT),
            metavar="NAME|ID",
            help="Instead of ids: the deliveries that wait for their next attempt at this endpoint.",
        ),
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
        done.append(call("retry_webhook_delivery", delivery_id=one))
        if not as_json:
            note(f"Delivery {one} is due.")
    if as_json:
        print_json(done)


def _result(row: dict[str, Any]) -> str:
    """Return how the last attempt ended, and what the next one waits for."""
    status = f"HTTP {row['response_status']}" if row["response_status"] else None
    return "; ".join(filter(None, [row["error_message"] or status, waiting(row["waits_for"])]))


def _retry_at(endpoint: str) -> int:
    retried = 0
    while True:
        done = call("retry_webhook_deliveries", webhook_config_id=endpoint, at_most=BATCH)
        retried += int(done["retried"])
        # deliveries of an inactive endpoint never change, however often the command is repeated
        if not (done["more"] and done["retried"]):
            return retried
