"""Scenario f, second half: what it costs that commits notify, when commits take a millisecond and eight go at once."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import psycopg

from bench.dispatch import CONNECTIONS, rate
from bench.figures import spreads
from bench.progress import rounds

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World

#: The function that wakes workers, and another body for it.
WAKE = "webhooks.wake_workers()"
BODY = f"create or replace function {WAKE} returns void language plpgsql as $$ begin %s end $$"

#: form -> what makes it so. A commit that notifies holds a lock of the whole server until it is on disk.
FORMS = {
    "no one is notified": BODY % "null;",
    "as shipped": "",
    "by every commit": BODY % "perform pg_notify('webhook_deliveries', '');",
}


def notifying(world: World, calls: int, *, short: bool) -> dict[str, Figures]:
    """Return calls a second on eight connections, in turns for each form."""
    world.fill(0, 1)
    world.allow()
    found: dict[str, list[Figures]] = {form: [] for form in FORMS}
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(world.dsn, autocommit=True)) for _ in range(CONNECTIONS)]
        for one in connections:
            # as a disk does that takes a millisecond: who leads a group of commits sleeps before it writes
            one.execute("set commit_delay = 1000")
            one.execute("set commit_siblings = 1")
        row = world.db.execute("select pg_get_functiondef(%s::regprocedure)", (WAKE,)).fetchone()
        assert row
        shipped = row[0]
        for _ in rounds("f, notifications", 2 if short else 5):
            for form, sql in FORMS.items():
                world.db.execute((sql or shipped).encode())
                found[form].append({f"calls/s on {CONNECTIONS} connections": rate(connections, calls)})
        world.db.execute(shipped.encode())
    world.empty()
    return {form: spreads(each) for form, each in found.items()}
