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

TABLE = "public.webhook_deliveries"

#: form -> what makes it so. A commit that notifies holds a lock of the whole server until it is on disk.
FORMS = {
    "nobody is notified": f"alter table {TABLE} disable trigger wake_webhook_workers",
    "at most 50 times a second, as shipped": f"alter table {TABLE} enable trigger wake_webhook_workers",
    "by every commit": f"""
        alter table {TABLE} disable trigger wake_webhook_workers;
        create function public.bench_notify() returns trigger language plpgsql as
            $$ begin perform pg_notify('webhook_deliveries', ''); return null; end $$;
        create trigger bench_notify after insert on {TABLE} for each statement execute function public.bench_notify()
    """,
}
UNDO = f"""
drop trigger if exists bench_notify on {TABLE};
drop function if exists public.bench_notify();
alter table {TABLE} enable trigger wake_webhook_workers
"""


def notifying(world: World, calls: int, *, short: bool) -> dict[str, Figures]:
    """Return calls a second on eight connections, in turns for each form."""
    world.fill(0, 1)
    world.allow()
    found: dict[str, list[Figures]] = {form: [] for form in FORMS}
    _durable(world, "on")
    try:
        with ExitStack() as stack:
            connections = [stack.enter_context(psycopg.connect(world.dsn, autocommit=True)) for _ in range(CONNECTIONS)]
            for one in connections:
                one.execute("set synchronous_commit = on")
                # as a disk does that takes a millisecond: who leads a group of commits sleeps before it writes
                one.execute("set commit_delay = 1000")
                one.execute("set commit_siblings = 1")
            for _ in rounds("f, notifications", 2 if short else 5):
                for form, sql in FORMS.items():
                    world.db.execute(sql.encode())
                    found[form].append({f"calls/s on {CONNECTIONS} connections": rate(connections, calls)})
                    world.db.execute(UNDO.encode())
    finally:
        _durable(world, "off")
    world.empty()
    return {form: spreads(each) for form, each in found.items()}


def _durable(world: World, setting: str) -> None:
    world.db.execute(f"alter system set fsync = {setting}".encode())
    world.db.execute("select pg_reload_conf()")
