"""The bars: what the system is held to, and whether a run's figures meet it."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.figures import middle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RELATIONS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le, "=": operator.eq}


#: A column of scenario a's table by endpoints.
RATIO = "rate / that of 10"


class Bar(NamedTuple):
    """A figure of a scenario, found along `path` in its result, and what it has to be."""

    scenario: str
    what: str
    path: tuple[str, ...]
    relation: str
    limit: float


#: Tables of scenarios k and l.
ARRIVING, AT_50 = ("through REST", "this"), ("50/s", "this, by REST")

BARS = (
    Bar("k", "CPU s per 1,000, total", (*ARRIVING, "total CPU s per 1,000"), "<=", 0.50),
    Bar("k", "CPU s per 1,000, without REST", (*ARRIVING, "total without REST CPU s per 1,000"), "<=", 0.33),
    Bar("k", "times the rate before, through REST", ("this / before", "through REST", "ratio"), ">=", 2.2),
    Bar("k", "deliveries lost", ("lost",), "=", 0),
    Bar("l", "CPU ms per delivery at 50/s, total", (*AT_50, "total CPU ms per delivery"), "<=", 8),
    Bar("l", "CPU ms per delivery at 50/s, without REST", (*AT_50, "total without REST CPU ms per delivery"), "<=", 4),
    Bar("l", "REST calls per event at 50/s", (*AT_50, "REST calls per event, besides the dispatch"), "<=", 1.2),
    Bar("l", "p50 ms at 50/s, by SQL", ("50/s", "this, by SQL", "p50 ms"), "<=", 5),
    Bar("l", "p99 ms at 50/s, by SQL", ("50/s", "this, by SQL", "p99 ms"), "<=", 15),
    Bar("l", "CPU ms per delivery at 1/s, total", ("1/s", "this, by REST", "total CPU ms per delivery"), "<=", 30),
    *(
        Bar("m", f"{form}: {what}", (form, "this", what), "<=", limit)
        for command in ("worker", "webhooks serve")
        for form, calls in ((f"{command}, with the listener", 10), (f"{command}, without", 30))
        for what, limit in (("REST calls per minute", calls), ("worker % of a core", 0.5))
    ),
    Bar("a", "total CPU s per 1,000", ("figures", "this", "total CPU s per 1,000"), "<=", 0.22),
    Bar("a", "WAL bytes per delivery, its insert included", ("figures", "this", "WAL bytes per delivery"), "<=", 2_000),
    Bar("a", "of the rate to 10 endpoints, to 1", ("by endpoints", "this, 1 endpoint", RATIO), ">=", 0.8),
    Bar("a", "of the rate to 10 endpoints, to 1,000", ("by endpoints", "this, 1,000 endpoints", RATIO), ">=", 0.8),
    Bar("a", "deliveries/s to 10 endpoints", ("figures", "this", "deliveries/s"), ">=", 4_500),
    Bar("a", "times the rate of one message a delivery", ("ratios", "this / one message a delivery", "ratio"), ">=", 5),
    Bar("a", "of the rate of the client alone", ("ratios", "this / client alone", "ratio"), ">=", 0.7),
    Bar("a", "worker CPU s per 1,000", ("figures", "this", "worker CPU s per 1,000"), "<=", 0.42),
    Bar("a", "MB, a worker process's peak", ("figures", "this", "worker peak MB"), "<=", 150),
    Bar("d", "times the claim's ms, most pending rows / 10,000", ("claim at most / at 10,000",), "<=", 1.3),
    Bar("n", "times the claim's ms, among most idle endpoints / among ten", ("most / 10",), "<=", 1.3),
    Bar("e", "of their rate that healthy endpoints keep", ("share kept", "all pairs", "share"), ">=", 0.9),
    Bar("f", "dispatches/s to 10 endpoints", ("figures", "10 endpoints", "calls/s on 1 connection"), ">=", 1_000),
    Bar("f", "statements per dispatch", ("figures", "10 endpoints", "statements per call"), "=", 1),
    Bar("g", "statements per 1,000, as Supabase Lite sends them", ("lite",), "<=", 60),
    Bar("g", "statements per 1,000 with PostgREST (computed, not measured)", ("postgrest",), "<=", 60),
    Bar("pages", "ms, the slowest page's median", ("slowest median ms",), "<=", 200),
    Bar("pages", "ms, the overview's chart's median", ("chart median ms",), "<=", 200),
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
