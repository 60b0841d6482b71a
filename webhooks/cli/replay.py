"""`webhooks deliveries replay` and `purge`: many deliveries, in batches, with a progress bar."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.arguments import Yes, confirm, moment, span
from supabase_webhooks.webhooks.cli.ids import EndpointOption
from supabase_webhooks.webhooks.cli.output import AsJson, note, print_json, progress
from supabase_webhooks.webhooks.cli.supabase import call

Batch = Annotated[int, typer.Option(help="Rows per call.", min=1, max=10_000)]


def replay(
    endpoint: EndpointOption = None,
    event: Annotated[str | None, typer.Option(help="Only deliveries of this event type.")] = None,
    status: Annotated[str, typer.Option(help="failed or delivered.")] = "failed",
    since: Annotated[str | None, typer.Option(help="Only deliveries created since: 2h, 7d, or an ISO time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only deliveries created until.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Yes = False,
    batch: Batch = 1000,
    as_json: AsJson = False,
) -> None:
    """Make failed (or delivered) deliveries due again, oldest first.

    Each keeps its webhook-id: a receiver that has already handled it, and deduplicates, ignores it.
    """
    filters = {
        "webhook_config_id": endpoint,
        "event_type": event,
        "status": status,
        "created_from": moment(since),
        "created_until": moment(until),
    }
    counted = call("replay_webhook_deliveries", **filters, dry_run=True)
    matching, bounded = counted["matching"], counted["bounded"]
    if dry_run or not matching:
        _tell({"matching": matching, "bounded": bounded, "replayed": 0}, as_json=as_json)
        return
    confirm(f"Send {'more than ' if bounded else ''}{matching} {status} deliveries again?", yes=yes)
    # deliveries created while this runs are not replayed: the count's end time applies
    filters["created_until"] = counted["created_until"]
    replayed = 0
    after: dict[str, Any] | None = {}
    with progress() as bar:
        task = bar.add_task("replaying", total=None if bounded else matching)
        while after is not None:
            response = call("replay_webhook_deliveries", **filters, **after, dry_run=False, at_most=batch)
            replayed += response["replayed"]
            bar.update(task, completed=replayed)
            after = response["next"]
    _tell({"matching": matching, "bounded": bounded, "replayed": replayed}, as_json=as_json)


def purge(
    older_than: Annotated[str, typer.Option(help="Only deliveries finished longer ago than this: 30d, 12h.")],
    yes: Yes = False,
    batch: Batch = 1000,
    as_json: AsJson = False,
) -> None:
    """Delete finished deliveries with their attempts, and old runs and keys. Pending ones are kept, however old."""
    interval = f"{span(older_than).total_seconds()} seconds"
    confirm(f"Delete everything that finished more than {older_than} ago?", yes=yes)
    purged = 0
    with progress() as bar:
        task = bar.add_task("purging", total=None)
        while deleted := call("purge_webhook_history", older_than=interval, batch_size=batch):
            purged += deleted
            bar.update(task, completed=purged)
    if as_json:
        print_json({"purged": purged})
    else:
        note(f"{purged} rows deleted.")


def _tell(outcome: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(outcome)
        return
    more = "more than " if outcome["bounded"] else ""
    note(f"{more}{outcome['matching']} match; {outcome['replayed']} are due now.")
