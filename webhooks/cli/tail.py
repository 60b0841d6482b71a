"""`webhooks deliveries tail`: watch deliveries as they are created and change."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli.ids import EndpointOption
from supabase_webhooks.webhooks.cli.output import STYLES, AsJson, cell, console, note, print_line
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.cli.tables import SHORT
from supabase_webhooks.webhooks.retries import waiting

#: Rows requested at once; the database returns at most 500.
PAGE = 500

#: Each query reaches back this far: a row becomes visible when its transaction commits, after its own timestamp.
OVERLAP = timedelta(seconds=10)

UNFINISHED = {"pending", "processing"}


def tail(
    event: Annotated[str | None, typer.Option(help="Only deliveries of this event type.")] = None,
    endpoint: EndpointOption = None,
    status: Annotated[str | None, typer.Option(help="Only deliveries that reach this status.")] = None,
    interval: Annotated[float, typer.Option(help="Seconds between queries.", min=0.1)] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Print deliveries as they are created and as their status changes, until Ctrl-C. JSON: one line each."""
    changes = Changes({"event_type": event, "webhook_config_id": endpoint})
    note("Waiting for deliveries; press Ctrl-C to stop.")
    # Ctrl-C is the normal way to stop, not a failure
    with suppress(KeyboardInterrupt):
        while True:
            for row in changes.look():
                if status in {None, row["status"]}:
                    if as_json:
                        print_line(row)
                    else:
                        _print(row)
            time.sleep(interval)


class Changes:
    """What has changed since the last query. Remembers only what may still change or appear again."""

    def __init__(self, filters: dict[str, Any]) -> None:
        self._filters = filters
        self._since = datetime.now(UTC) - OVERLAP
        self._seen: dict[str, tuple[str, int]] = {}

    def look(self) -> list[dict[str, Any]]:
        """Return the rows that are new or have another status, the oldest first."""
        rows = self._rows()
        changed = [row for row in rows if self._seen.get(row["id"]) != (row["status"], row["attempts"])]
        self._seen = {row["id"]: (row["status"], row["attempts"]) for row in rows}
        if rows:
            # from the first that is unfinished, else from the newest
            first = next((row for row in rows if row["status"] in UNFINISHED), rows[-1])
            self._since = max(self._since, datetime.fromisoformat(first["created_at"]) - OVERLAP)
        return changed

    def _rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: dict[str, Any] | None = {}
        while after is not None:
            arguments = {**self._filters, **after, "created_from": self._since.isoformat(), "page_size": PAGE}
            page = call("search_webhook_deliveries", **arguments)
            found += page["deliveries"]
            after = page["next"]
        return found[::-1]


def _print(row: dict[str, Any]) -> None:
    screen = console()
    told = row["error_message"] or (f"HTTP {row['response_status']}" if row["response_status"] else "")
    text = Text(" ").join(
        [
            Text(datetime.now(UTC).strftime("%H:%M:%SZ"), style="dim"),
            Text(f"{row['status']:<10}", style=STYLES.get(row["status"], "")),
            cell(row["event_type"]),
            Text(f"-> {row['endpoint']}"),
            Text(row["id"][:SHORT] if screen.is_terminal else row["id"], style="dim"),
            Text(told, style="red" if row["error_message"] else "dim"),
            Text(waiting(row["waits_for"]), style="dim"),
        ]
    )
    screen.print(text, soft_wrap=True)
