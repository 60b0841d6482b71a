"""Scenario f: how fast dispatch_webhook is, with this many endpoints subscribed."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import psycopg

from bench.statements import logged
from bench.world import DATA, EVENT

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.world import World

SQL = "select public.dispatch_webhook(%s, %s::jsonb)"

#: Calls that are left out: plans and caches are made.
WARM = 20

#: Connections at once, to see whether commits wait for each other.
CONNECTIONS = 8

#: Calls whose statements are counted.
COUNTED = 50


def dispatch(world: World, endpoints: int, calls: int) -> Figures:
    """Return calls a second, a transaction each, on one connection and on several, and the statements of a call."""
    world.fill(0, endpoints)
    world.allow()
    with ExitStack() as stack:
        connections = [stack.enter_context(psycopg.connect(world.dsn, autocommit=True)) for _ in range(1 + CONNECTIONS)]
        before = world.cpu()["postgres"]
        one = rate(connections[:1], calls)
        used = world.cpu()["postgres"] - before
        several = rate(connections[1:], calls)
        made = world.count("select count(*) from public.webhook_deliveries")
        each = made / (2 * calls + len(connections) * WARM)
        with logged(world, connections[0].info.backend_pid) as said:
            _call(connections[0], COUNTED)
    world.empty()
    return {
        "calls/s on 1 connection": one,
        f"calls/s on {CONNECTIONS} connections": several,
        "Postgres CPU s per 1,000 calls": used / (calls + WARM) * 1000,
        "deliveries/s on 1 connection": one * each,
        f"deliveries/s on {CONNECTIONS} connections": several * each,
        "deliveries per call": each,
        "statements per call": len(said) / COUNTED,
    }


def rate(connections: list[psycopg.Connection[Any]], calls: int) -> float:
    """Return calls a second of all connections together, a thread each."""
    with ThreadPoolExecutor(len(connections)) as threads:
        list(threads.map(lambda one: _call(one, WARM), connections))
        begun = time.perf_counter()
        list(threads.map(lambda one: _call(one, calls // len(connections)), connections))
    return calls // len(connections) * len(connections) / (time.perf_counter() - begun)


def _call(connection: psycopg.Connection[Any], calls: int) -> None:
    data = json.dumps(DATA)
    for _ in range(calls):
        connection.execute(SQL, (EVENT, data))
