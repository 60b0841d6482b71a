"""The bars: what the system is held to, and whether a run's figures meet it."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.figures import middle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RELATIONS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le, "=": operator.eq}


class Bar(NamedTuple):
    """A figure of a scenario, found along `path` in its result, and what it has to be."""

    scenario: str
    what: str
    path: tuple[str, ...]
    relation: str
    limit: float


BARS = (
    Bar("a", "deliveries/s to 10 endpoints", ("figures", "this", "deliveries/s"), ">=", 4_500),
    Bar("a", "times the rate of one message a delivery", ("ratios", "this / one message a delivery", "ratio"), ">=", 5),
    Bar("a", "of the rate of the client alone", ("ratios", "this / client alone", "ratio"), ">=", 0.7),
    Bar("a", "worker CPU s per 1,000", ("figures", "this", "worker CPU s per 1,000"), "<=", 0.42),
    Bar("a", "MB, a worker process's peak", ("figures", "this", "worker peak MB"), "<=", 150),
    Bar("c", "p50 ms at 50 events/s", ("figures", "50 events/s", "p50 ms"), "<=", 50),
    Bar("c", "p99 ms at 50 events/s", ("figures", "50 events/s", "p99 ms"), "<=", 250),
    Bar("d", "times the claim's ms, most pending rows / 10,000", ("claim at most / at 10,000",), "<=", 1.3),
    Bar("n", "times the claim's ms, beside most idle endpoints / beside ten", ("beside most / beside 10",), "<=", 1.3),
    Bar("e", "of their rate that healthy endpoints keep", ("share kept", "all pairs", "share"), ">=", 0.9),
    Bar("f", "dispatches/s to 10 endpoints", ("figures", "10 endpoints", "calls/s on 1 connection"), ">=", 1_000),
    Bar("f", "statements per dispatch", ("figures", "10 endpoints", "statements per call"), "=", 1),
    Bar("g", "statements per 1,000, as Supabase Lite sends them", ("lite",), "<=", 60),
    Bar("g", "statements per 1,000 with PostgREST (computed, not measured)", ("postgrest",), "<=", 60),
    Bar("soak", "deliveries lost", ("lost",), "=", 0),
    Bar("soak", "MB, the largest worker process's peak", ("peak MB",), "<=", 150),
)  # fmt: skip


def judge(results: Mapping[str, Any], bars: tuple[Bar, ...] = BARS) -> dict[str, dict[str, Any]]:
    """Return a row for each bar: what was asked, what was found, and whether that meets it."""
    rows = {}
    for bar in bars:
        found = _at(results.get(bar.scenario), bar.path)
        met = None if found is None else RELATIONS[bar.relation](found, bar.limit)
        rows[f"({bar.scenario}) {bar.what}"] = {
            "bar": f"{bar.relation} {bar.limit:,g}",
            "found": "" if found is None else found,
            "verdict": {None: "not run", True: "met", False: "**missed**"}[met],
        }
    return rows


def _at(result: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - nested results
    for key in path:
        if not isinstance(result, dict) or key not in result:
            return None
        result = result[key]
    return middle(result)
