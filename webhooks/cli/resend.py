"""`webhooks resend`: one event again, to each of its endpoints, or one delivery."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.ids import DELIVERY, ENDPOINT, EVENT, find, none, parser, several, whole_id
from supabase_webhooks.webhooks.cli.output import FAILED, AsJson, complain, note, print_json
from supabase_webhooks.webhooks.cli.responses import Timeout, Wait, show_responses
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable

#: Rows requested at once; the database returns at most 500.
PAGE = 500


def resend(
    event: Annotated[str, typer.Argument(metavar="ID", help="An event's request_id, or a delivery's id.")],
    endpoint: Annotated[
        str | None, typer.Option(parser=parser(ENDPOINT), metavar="NAME|ID", help="Only to this endpoint.")
    ] = None,
    wait: Wait = False,
    timeout: Timeout = 30,
    as_json: AsJson = False,
) -> None:
    """Send an event again, now, to each endpoint that it went to, whether they have received it or not.

    Each keeps its webhook-id: a receiver that has already handled it, and deduplicates, ignores it. For many at once,
    by time and type, see: webhooks deliveries replay.
    """
    chosen = [row for row in _deliveries(event.strip()) if endpoint in {None, row["webhook_config_id"]}]
    if not chosen:
        raise typer.BadParameter("the event did not go to this endpoint; leave out --endpoint to send it to all of its")
    before: dict[str, int] = {}
    for row in chosen:
        try:
            made = call("retry_webhook_delivery", delivery_id=row["id"])
        except StoreUnavailable:
            raise
        except StoreError as exc:
            # deleted, paused or in progress: the others are still sent
            complain(str(exc))
            continue
        before[row["id"]] = made["attempts"]
    if wait and before:
        show_responses(before, timeout=timeout, made=list(before), as_json=as_json)
    elif as_json:
        print_json({"made": list(before)})
    else:
        note(f"{len(before)} of {len(chosen)} deliveries are due now.")
    if len(before) < len(chosen):
        raise typer.Exit(FAILED)


def _deliveries(text: str) -> list[dict[str, Any]]:
    """Return the delivery with an id, or all those of an event."""
    # as far as they are given, they may be of either kind
    deliveries, events = (asyncio.run(find(kind, text)) for kind in (DELIVERY, EVENT))
    if len(deliveries) + len(events) > 1:
        kind, found = (DELIVERY, deliveries) if deliveries else (EVENT, events)
        raise typer.BadParameter(several(kind, text, found))
    if deliveries:
        one = call("get_webhook_delivery", delivery_id=deliveries[0]["id"])
        return [{"id": one["id"], "webhook_config_id": (one["endpoint"] or {}).get("id")}]
    if not events:
        raise typer.BadParameter(none(DELIVERY if whole_id(text) else EVENT, text))
    return deliveries_of(events[0]["request_id"])


def deliveries_of(request_id: str) -> list[dict[str, Any]]:
    """Return all deliveries of an event."""
    found: list[dict[str, Any]] = []
    page: dict[str, Any] | None = {}
    while page is not None:
        response = call("search_webhook_deliveries", request_id=request_id, page_size=PAGE, **page)
        found += response["deliveries"]
        page = response["next"]
    return found
