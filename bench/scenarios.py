"""The scenarios in their order: what each runs, how large, and how long that takes."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import (
    arriving,
    backlog,
    calls,
    dispatch,
    drain,
    draining,
    floor,
    idle,
    notify,
    pages,
    partitions,
    processes,
    protocols,
    rates,
    silence,
    soak,
    statements,
    tls,
)
from bench.figures import spreads
from bench.progress import rounds
from bench.tables import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.figures import Figures
    from bench.world import World

Result = dict[str, Any]


def d(world: World, *, short: bool) -> Result:
    """Claim 100 and record them, with ever more rows in the table, and at 10,000 again after each."""
    least = 10_000
    sizes = (50_000,) if short else (100_000, 1_000_000)
    finished = 100_000 if short else 10_000_000
    before = backlog.claims(world, least)
    found, ratio, figure = {f"{least:,} pending": before}, 1.0, "claim of 100, median ms"
    for size in sizes:
        found[f"{size:,} pending"] = most = backlog.claims(world, size)
        found[f"{least:,} pending, after {size:,}"] = after = backlog.claims(world, least)
        # alongside its two neighbours, so that a drift of the machine does not count
        ratio = most[figure] / median([before[figure], after[figure]])
        before = after
    found[f"{least:,} pending, {finished:,} finished"] = backlog.claims(world, least, finished)
    return {"most pending rows": sizes[-1], "claim at most / at 10,000": ratio, "figures": found}


def e(world: World, *, short: bool) -> Result:
    """Deliver to a hundred endpoints of which one never responds, and to a hundred healthy ones, in pairs."""
    rows = 3_000 if short else 10_000
    pairs: dict[str, Figures] = {}
    for number in rounds("e", 2 if short else 3):
        # the order alternates, so that a drift of the machine favours neither
        order = (False, True) if number % 2 == 0 else (True, False)
        rates = {silent: silence.healthy_rate(world, rows, 100, silent=silent) for silent in order}
        pairs[f"pair {number + 1}"] = {
            "all healthy, deliveries/s": rates[False],
            "one silent, healthy deliveries/s": rates[True],
            "share": rates[True] / rates[False],
        }
    return {"rows": rows, "share kept": {**pairs, "all pairs": spreads(list(pairs.values()))}}


def f(world: World, *, short: bool) -> Result:
    """Dispatch with 1, 10 and 100 subscribed endpoints, on one connection and on eight."""
    calls = 400 if short else 2_000
    found = {counted(number, "endpoint"): dispatch.dispatch(world, number, calls) for number in (1, 10, 100)}
    row = world.db.execute("show synchronous_commit").fetchone()
    return {
        "calls": calls,
        "synchronous_commit": row[0] if row else "?",
        "figures": found,
        "who is notified, commits of 1 ms": notify.notifying(world, calls, short=short),
    }


def g(world: World, *, short: bool) -> Result:
    """Count SQL statements by kind, and Redis commands, per 1,000 deliveries."""
    rows = 2_000 if short else 10_000
    worker = world.worker(2)
    drain.drain(world, drain.WARM, 10)
    kinds = statements.statements(world, rows, 10)
    measured = drain.drain(world, rows, 10)
    worker.stop()
    (lite, postgrest) = (one["statements per 1,000 deliveries"] for one in list(kinds.values())[-2:])
    commands = measured["Redis commands per 1,000"]
    return {"rows": rows, "lite": lite, "postgrest": postgrest, "Redis commands per 1,000": commands, "figures": kinds}


def p(world: World, *, short: bool) -> Result:
    """Claim, record, vacuum and purge with a long history, in one table and partitioned; and the change to it."""
    return {"figures": partitions.compare(world, 1_000_000 if short else 10_000_000)}


def n(world: World, *, short: bool) -> Result:
    """Claim 100 rows of ten endpoints, alongside others of which each has one row that is due tomorrow."""
    most = 20_000 if short else 100_000
    found = {counted(idle, "idle endpoint"): backlog.beside_idle(world, idle) for idle in (10, most, 10)}
    figure = "claim of 100, median ms"
    ratio = found[counted(most, "idle endpoint")][figure] / found[counted(10, "idle endpoint")][figure]
    return {"idle endpoints": most, "most / 10": ratio, "figures": found}


class Scenario(NamedTuple):
    """What it runs, and about how many seconds that takes in the short and in the full form.

    What `compares` is given both sides, else the world of this checkout.
    """

    run: Callable[..., Result]
    short: int
    full: int
    compares: bool = False

    @property
    def about(self) -> str:
        """What it does, in a sentence."""
        return (self.run.__doc__ or "").strip()


SCENARIOS = {
    "k": Scenario(arriving.run, 120, 600, compares=True),
    "l": Scenario(rates.run, 300, 1_700, compares=True),
    "m": Scenario(idle.run, 110, 700, compares=True),
    "a": Scenario(draining.run, 100, 430, compares=True),
    "floor": Scenario(floor.run, 50, 520),
    "calls": Scenario(calls.run, 10, 60, compares=True),
    "d": Scenario(d, 6, 180),
    "e": Scenario(e, 28, 70),
    "f": Scenario(f, 10, 25),
    "g": Scenario(g, 15, 25),
    "h": Scenario(tls.run, 35, 80),
    "i": Scenario(protocols.run, 27, 40),
    "j": Scenario(processes.run, 40, 100),
    "n": Scenario(n, 12, 40),
    "pages": Scenario(pages.run, 35, 150),
    "soak": Scenario(soak.run, 45, 640),
    "p": Scenario(p, 150, 960),
}

#: What runs unless scenarios are named: all but the one that takes as long as the rest together.
USUAL = tuple(name for name in SCENARIOS if name != "p")
