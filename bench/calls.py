"""Scenario calls: what Postgres takes for the three calls of an event that comes alone, and of a few together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg

from bench.backlog import CLAIM, RECORD, result
from bench.dispatch import SQL, WARM
from bench.figures import spreads
from bench.progress import rounds
from bench.sides import turns
from bench.usage import on_cpu
from bench.world import DATA, EVENT

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.sides import Sides
    from bench.world import World

#: In the full form and in the short one.
TIMES, ROUNDS = {False: 60, True: 10}, {False: 5, True: 1}

#: Events that are dispatched before a claim finds them: alone, and at 50/s what waits 250 ms to be recorded.
TOGETHER = (1, 12)


def take(world: World, together: int, times: int) -> Figures:
    """Return the CPU microseconds of each call, on one connection, once its plans are made. One endpoint, a history."""
    world.begin(1)
    used = dict.fromkeys(("dispatch", "claim", "record"), 0.0)
    with psycopg.connect(world.dsn, autocommit=True) as connection:

        def call(name: str, sql: str, *parameters: object) -> list[Any]:
            before = on_cpu(connection.info.backend_pid)
            rows = connection.execute(sql.encode(), parameters or None).fetchall()
            used[name] += on_cpu(connection.info.backend_pid) - before
            return rows

        for number in range(WARM + times):
            if number == WARM:
                used.update(dict.fromkeys(used, 0.0))
            for _ in range(together):
                call("dispatch", SQL, EVENT, json.dumps(DATA))
            results = [result(str(identity), str(lease)) for identity, lease in call("claim", CLAIM)]
            assert len(results) == together
            call("record", RECORD, json.dumps(results))
    return {
        "CPU us of a dispatch": used["dispatch"] / (times * together) * 1e6,
        f"CPU us of a claim that finds {together}": used["claim"] / times * 1e6,
        f"CPU us of recording {together}": used["record"] / times * 1e6,
    }


def run(sides: Sides, *, short: bool) -> dict[str, Any]:
    """Dispatch one event, claim it and record its result; and twelve: Postgres's CPU for each call."""
    found: dict[str, list[Figures]] = {}
    for number in rounds("calls", ROUNDS[short]):
        for side, world in turns(sides, number):
            alone, several = (take(world, together, TIMES[short]) for together in TOGETHER)
            # in this order, and a dispatch that comes alone: of twelve in a row each takes about as much
            found.setdefault(side, []).append({**alone, **several, **alone})
    return {"figures": {side: spreads(each) for side, each in sorted(found.items())}}
