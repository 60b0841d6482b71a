"""Scenario g: the SQL statements that deliveries take, counted in Postgres's log, by caller."""

from __future__ import annotations

import re
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bench.figures import Figures
    from bench.world import World

#: One statement in Postgres's log, as log_statement = all writes it; a transaction's begin and commit count too.
STATEMENT = re.compile(r"\[(\d+)\] LOG:  (?:statement|execute [^:]+): ?(.*)")

#: A call of one of our functions, as the REST server puts it.
CALL = re.compile(r"\bpublic\.(\w+)\(")

#: Statements that PostgREST sends for one call: begin, all settings in one select, the call, commit.
POSTGREST = 4


def statements(world: World, rows: int, endpoints: int) -> Figures:
    """Return the statements per 1,000 deliveries, by kind."""
    world.fill(rows, endpoints)
    with logged(world) as said:
        before = world.watch.counts(world.receiver)
        world.activate()
        world.watch.recorded(world.receiver, before.requests + rows)
    return tabulate(said, rows)


def tabulate(said: Iterable[str], rows: int) -> Figures:
    """Count statements by kind: calls of our functions by name, and what the REST server adds to them."""
    kinds: Counter[str] = Counter()
    added = 0
    for statement in said:
        if call := CALL.search(statement):
            kinds[call[1]] += 1
        else:
            added += 1
    calls = kinds.total()
    table = {
        **{f"calls of {name}": count for name, count in kinds.most_common()},
        "calls of ours, all": calls,
        "added by the REST server (begin, set_config, commit)": added,
        "all, as Supabase Lite sends them": calls + added,
        "all, were PostgREST the REST server: computed, not measured": calls * POSTGREST,
    }
    return {name: {"statements per 1,000 deliveries": count / rows * 1000} for name, count in table.items()}


@contextmanager
def logged(world: World, *pids: int) -> Iterator[list[str]]:
    """Have all statements logged; afterwards the list has those of these processes, else of all but our own."""
    child = world.stack.postgres.child
    assert child
    start, found = child.log.stat().st_size, list[str]()
    _log(world, "all")
    try:
        yield found
    finally:
        _log(world, "none")
    found += [text for pid, text in _read(child.log, start) if (pid in pids if pids else pid not in world.own)]


def _log(world: World, what: str) -> None:
    world.db.execute(f"alter system set log_statement = '{what}'".encode())
    world.db.execute("select pg_reload_conf()")
    time.sleep(0.5)  # every process reads it before its next statement, once it was told


def _read(log: Path, start: int) -> Iterator[tuple[int, str]]:
    with log.open(errors="replace") as file:
        file.seek(start)
        for line in file:
            if match := STATEMENT.search(line):
                yield int(match[1]), match[2]
