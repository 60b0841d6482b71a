"""Scenarios a, b and g: pending rows drained through the REST API, and what that takes."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from bench import usage
from bench.world import POLL, wait

if TYPE_CHECKING:
    from bench.world import World

#: One statement in Postgres's log, as log_statement = all writes it; a transaction's begin and commit count too.
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]+): ")


def drain(
    world: World, rows: int, endpoints: int, *, path: str = "hook", receiver: str | None = None
) -> dict[str, float]:
    """Return the rate, CPU seconds per 1,000 of each part, peak memory, transactions and Redis commands."""
    world.fill(rows, endpoints, path=path, receiver=receiver)
    before, commits, commands = world.cpu(), _commits(world), world.commands()
    begun = time.perf_counter()
    world.activate()
    # asked seldom, so that the asking takes little from what is measured
    wait(lambda: world.unfinished() == 0)
    seconds = time.perf_counter() - begun
    # the statistics of a connection are seen once it has been idle for a moment
    commands = world.commands() - commands
    polls = seconds / POLL
    used = {f"cpu {name}": (now - before[name]) / rows * 1000 for name, now in world.cpu().items()}
    peaks = {f"MB {name}": usage.peak(pid) for name, pid in world.parts.items()}
    time.sleep(1.2)
    return {
        "rate": rows / seconds,
        **used,
        **peaks,
        "transactions per 1,000": max(0.0, _commits(world) - commits - polls) / rows * 1000,
        "redis commands per 1,000": commands / rows * 1000,
    }


def statements(world: World, rows: int, endpoints: int) -> dict[str, float]:
    """Return the SQL statements per 1,000 deliveries, counted in Postgres's log: in all, and those that are ours."""
    world.fill(rows, endpoints)
    world.db.execute("alter system set log_statement = 'all'")
    world.db.execute("select pg_reload_conf()")
    time.sleep(0.5)
    log = world.stack.postgres.child.log if world.stack.postgres.child else None
    assert log
    start = log.stat().st_size
    world.activate()
    # the receiver is asked, not the database: it logs
    already = world.received()
    wait(lambda: world.received() - already >= rows * 0.98)
    time.sleep(2)
    with log.open(errors="replace") as file:
        file.seek(start)
        text = file.read()
    world.db.execute("alter system reset log_statement")
    world.db.execute("select pg_reload_conf()")
    lines = [line for line in text.splitlines() if STATEMENT.search(line)]
    ours = [line for line in lines if "claim_webhook_deliveries" in line or "record_webhook_attempts" in line]
    return {
        "statements per 1,000": len(lines) / rows * 1000,
        "claims and records per 1,000": len(ours) / rows * 1000,
    }


def _commits(world: World) -> int:
    return world.count("select xact_commit from pg_stat_database where datname = current_database()")
