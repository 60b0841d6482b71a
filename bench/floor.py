"""Scenario floor: what a delivery takes before anything is delivered, and what its parts take alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench import rivals, usage
from bench.arriving import ENDPOINTS, EVENTS
from bench.callers import Callers
from bench.drain import drain
from bench.figures import percentile, spreads
from bench.meter import Meter
from bench.progress import rounds, say
from bench.shares import per_delivery, per_thousand

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World

#: In the full form and in the short one.
ROUNDS = {False: 2, True: 1}

#: Seconds of a steady rate.
SECONDS = {False: 20.0, True: 3.0}

#: Seconds of workers that have nothing to do, of one process and then of two.
IDLE = {False: 60.0, True: 5.0}

#: Events a second: (l)'s that have bars.
RATES = (1, 50)

NOTHING = "a call through REST that reads a row"

LOG, POSTGRES = "WAL bytes per delivery", "postgres CPU s per 1,000"

#: Rows whose log is measured, and how many of them a statement changes: what a worker records at once.
ROWS, AT_ONCE = {False: 20_000, True: 1_000}, 250

#: The least that a delivery is: a row with its payload, its status set once, and an attempt; a primary key each.
BARE = (
    ("create table", """
        create table bare_deliveries (like public.webhook_deliveries, primary key (id));
        create table bare_attempts (like public.webhook_attempts, primary key (delivery_id, number))
    """),
    ("insert", "insert into bare_deliveries select * from public.webhook_deliveries"),
    ("status", """
        do $$
        declare one uuid[];
        begin
            for one in
                select array_agg(b.id)
                from (select id, row_number() over () / {at_once} as part from bare_deliveries) as b
                group by b.part
            loop
                update bare_deliveries set status = status where id = any (one);
            end loop;
        end $$
    """),
    ("attempt", "insert into bare_attempts select * from public.webhook_attempts"),
    ("drop table", "drop table bare_deliveries, bare_attempts"),
)  # fmt: skip


def closed(world: World, way: str, events: int) -> Figures:
    """Return what 1,000 deliveries take to be dispatched, ten an event, while no worker runs."""
    world.begin(ENDPOINTS)
    with Callers(world, way) as callers:
        meter = Meter(world)
        made = sum(call.deliveries for call in callers.call(events))
        used = meter.used()
    return per_thousand(used, made, used.seconds)


def steady(world: World, way: str, rate: int, seconds: float) -> Figures:
    """Return what one call takes at a steady rate, while no worker runs."""
    world.begin(1)
    with Callers(world, way) as callers:
        meter = Meter(world)
        calls = callers.call(int(rate * seconds) or 1, per_second=rate)
        used = meter.used()
    took = sorted((call.ended - call.begun) * 1000 for call in calls)
    return {
        "p50 ms of the call": percentile(took, 0.5),
        "p99 ms of the call": percentile(took, 0.99),
        **per_delivery(used, sum(call.deliveries for call in calls), len(calls), 0),
    }


def written(world: World, rows: int) -> dict[str, Figures]:
    """Return what a drained row takes of Postgres: as it is, its insert's CPU left out, and in tables without more."""
    worker = world.worker(2)
    drained = drain(world, rows, ENDPOINTS)
    found = {"ours": {name: drained[name] for name in (LOG, POSTGRES)}}
    worker.stop()
    server = world.db.info.backend_pid
    for name, sql in BARE:
        log, cpu = world.wal(), usage.cpu(server)
        world.db.execute(sql.replace("{at_once}", str(AT_ONCE)).encode())
        found[f"bare: {name}"] = {
            LOG: (world.wal() - log) / rows,
            POSTGRES: (usage.cpu(server) - cpu) / rows * 1000,
        }
    return found


def run(world: World, *, short: bool) -> dict[str, Any]:
    """Dispatch without a worker, call REST for nothing, and let the client alone send, each at the rates of k and l."""
    events, seconds = EVENTS[short], SECONDS[short]
    dispatched: dict[str, list[Figures]] = {}
    at_a_rate: dict[str, list[Figures]] = {}
    clients: dict[str, list[Figures]] = {}
    tables: dict[str, list[Figures]] = {}
    for _ in rounds("floor", ROUNDS[short]):
        for form, way in (("dispatched through REST", "REST"), ("dispatched by SQL", "SQL"), (NOTHING, "nothing")):
            if way != "nothing":
                dispatched.setdefault(f"{form}, to ten endpoints", []).append(closed(world, way, events))
            for rate in RATES:
                at_a_rate.setdefault(f"{form}, {rate}/s", []).append(steady(world, way, rate, seconds))
        for rate in RATES:
            sent = max(1, int(rate * seconds))
            alone = rivals.ceiling(world, sent, 1, processes=1, concurrency=50, per_second=rate)
            milliseconds = {"the client's CPU ms per delivery": alone["worker CPU s per 1,000"]}
            clients.setdefault(f"the client alone, {rate}/s", []).append(milliseconds)
        for name, figures in written(world, ROWS[short]).items():
            tables.setdefault(name, []).append(figures)
    say(f"(floor) workers of Dramatiq's with nothing to do: {2 * IDLE[short]:.0f} s")
    return {
        "dispatched, no worker": {form: spreads(each) for form, each in dispatched.items()},
        "at a steady rate, no worker": {form: spreads(each) for form, each in at_a_rate.items()},
        "client alone": {form: spreads(each) for form, each in clients.items()},
        "rows of a backlog": {name: spreads(each) for name, each in tables.items()},
        "nothing to do": {
            name: rivals.nothing_to_do(world, IDLE[short], processes=processes)
            for name, processes in (("a worker of Dramatiq's", 1), ("one with two processes", 2))
        },
    }
