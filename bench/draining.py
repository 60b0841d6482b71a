"""Scenario a: a backlog drained, to one, ten and a thousand endpoints, alongside the client alone and older designs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench import rivals
from bench.bars import RATIO
from bench.drain import WARM, drain
from bench.figures import spread, spreads
from bench.progress import rounds
from bench.sides import turns
from bench.tables import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figures import Figures
    from bench.sides import Sides

#: In the full form and in the short one.
ROWS, ROUNDS = {False: 20_000, True: 4_000}, {False: 5, True: 1}

RATE, TEN = "deliveries/s", 10

#: The parts whose work differs with the number of endpoints.
PARTS = ("postgres", "rest", "worker", "receiver", "total", "total without REST")

#: What the table of endpoints shows of a drain.
SHOWN = (RATE, *(f"{part} CPU s per 1,000" for part in PARTS), "WAL bytes per delivery", "connections per 1,000")

#: Concurrent requests of the client alone, which are a worker's: to one endpoint it has fewer.
CONCURRENCY = {1: 50, TEN: 500, 1_000: 500}


def run(sides: Sides, *, short: bool) -> dict[str, Any]:
    """Drain 20,000 rows to 1, 10 and 1,000 endpoints, like the client alone and the two older designs, in turns."""
    rows = ROWS[short]
    this = sides["this"]
    drains: dict[str, dict[int, list[Figures]]] = {side: {one: [] for one in CONCURRENCY} for side in sides}
    alone: dict[int, list[Figures]] = {one: [] for one in CONCURRENCY}
    others: dict[str, list[Figures]] = {}
    for number in rounds("a", ROUNDS[short]):
        for side, world in turns(sides, number):
            worker = world.worker(2)
            drain(world, WARM, TEN)
            for endpoints, figures in drains[side].items():
                figures.append(drain(world, rows, endpoints))
            worker.stop()
        for endpoints, concurrency in CONCURRENCY.items():
            alone[endpoints].append(rivals.ceiling(this, rows, endpoints, concurrency=concurrency))
        for name, rival in {
            "receiver alone": rivals.receiver(this, rows),
            "client alone": alone[TEN][-1],
            "one message a delivery": rivals.one_message_a_delivery(this, rows // 10, TEN),
            "first generation": rivals.first_generation(this, rows // 40, TEN),
        }.items():
            others.setdefault(name, []).append(rival)
    to_ten = {side: each[TEN] for side, each in drains.items()}
    beside = {**{side: each for side, each in to_ten.items() if side != "this"}, **others}
    return {
        "rows": rows,
        "rounds": len(to_ten["this"]),
        "figures": {name: spreads(each) for name, each in {"this": to_ten["this"], **beside}.items()},
        "ratios": {f"this / {name}": ratio(to_ten["this"], each) for name, each in beside.items()},
        "by endpoints": {
            f"{side}, {counted(endpoints, 'endpoint')}": {
                **spreads([{name: one[name] for name in SHOWN if name in one} for one in each]),
                RATIO: ratio(each, by_endpoints[TEN])["ratio"],
            }
            for side, by_endpoints in {**drains, "client alone": alone}.items()
            for endpoints, each in by_endpoints.items()
        },
        "each round": {"drains": drains, "others": others},
    }


def ratio(these: Sequence[Figures], those: Sequence[Figures]) -> Figures:
    """Return how many times as fast these were as those, round by round."""
    return {"ratio": spread([this[RATE] / that[RATE] for this, that in zip(these, those, strict=True)])}
