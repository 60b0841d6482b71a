"""The simulation of a day agrees with what can be computed by hand, where it can."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.assumptions import Assumptions, measured
from bench.day import DAY, Day, curve, percentile
from bench.simulate import cores, storage, waits, workers

if TYPE_CHECKING:
    from pathlib import Path

#: A hundred deliveries a second, evenly, and nothing goes wrong.
EVEN = Assumptions(
    events_per_day=100 * DAY, subscriptions_per_event=1, peak_factor=1, refusing_share=0, biggest_share=0.2,
    outage_at=math.inf, crash_at=math.inf,
)  # fmt: skip


def test_the_curve() -> None:
    """On average 1, at its peak the factor, and lowest half a day from there."""
    loads = curve(3, 20 * 3600)
    assert sum(loads) / DAY == pytest.approx(1)
    assert max(loads) == pytest.approx(3, rel=1e-3) == loads[20 * 3600]
    assert min(loads) == loads[8 * 3600]
    assert all(load == pytest.approx(1) for load in curve(1, 0))


def test_nothing_waits_below_the_capacity() -> None:
    """A load that is always below it: each delivery goes in its own second."""
    day = Day(EVEN, rate=101, workers=2, seconds=3600)
    assert max(day.backlog) == pytest.approx(0, abs=1e-6)
    assert waits(day)["all"] == {"p50 s": 0, "p99 s": 0, "longest s": 0}
    assert sum(part.delivered for part in day.lines.values()) == pytest.approx(100 * 3600)


def test_a_backlog_grows_by_what_is_above_the_capacity() -> None:
    """(load - capacity) x time, and the last to go has waited for all of it at the capacity's pace."""
    day = Day(replace(EVEN, biggest_share=0), rate=80, workers=2, seconds=1000)
    assert day.backlog[-1] == pytest.approx((100 - 80) * 1000)
    # what goes at second 1000 came when 80 x 1000 had come
    assert waits(day)["all"]["longest s"] == pytest.approx(1000 - 80 * 1000 / 100, abs=1)


def test_each_endpoint_gets_an_equal_share() -> None:
    """A load above the capacity delays only the endpoint that causes it: the others do not wait."""
    day = Day(replace(EVEN, biggest_share=0.9), rate=50, workers=2, seconds=600)
    assert waits(day)["the others"]["longest s"] == 0
    assert day.biggest.unfinished == pytest.approx((100 - 50) * 600)


def test_attempts_and_failures_of_who_refuses() -> None:
    """Of p rejected each time: 1 + p + p² attempts, p³ fail, and retries come after 2 and 4 seconds."""
    p = 0.3
    a = replace(EVEN, biggest_share=0, refusing_share=1, refusing_probability=p, endpoints=10)
    day = Day(a, rate=1000, workers=2, seconds=20_000)
    refusing = day.lines["endpoints that reject"]
    came = day.dispatched
    assert refusing.attempts / came == pytest.approx(1 + p + p * p, rel=1e-3) == a.attempts_a_delivery
    assert refusing.failed / came == pytest.approx(p**3, rel=1e-3)
    assert set(refusing.waits) == {0, 2, 6}


def test_an_outage() -> None:
    """The endpoint's deliveries wait, cost nothing while they do, and go at the pace that is left afterwards."""
    a = replace(EVEN, outage_at=1000, outage_seconds=3600)
    day = Day(a, rate=120, workers=2, seconds=20_000)
    # a probe every 300 s, the first at 1300: the circuit closes at the first one after 4600
    closes = 1000 + 300 * math.ceil(3600 / 300)
    assert day.biggest.failed < 20, "probes that were rejected three times"
    at_the_end = 0.2 * 100 * (closes - 1000)
    assert day.backlog[closes - 1] == pytest.approx(at_the_end, rel=0.01)
    # one delivery is the probe, then the backlog shrinks by the capacity that the load leaves
    empty = next(second for second in range(closes, 20_000) if day.backlog[second] < 1)
    assert empty - closes == pytest.approx(at_the_end / (120 - 100), rel=0.02)
    assert waits(day)["the others"]["longest s"] == 0


def test_a_crash() -> None:
    """What a killed worker held comes back with its lease; the others carry on."""
    a = replace(EVEN, crash_at=500)
    day = Day(a, rate=300, workers=3, seconds=1000)
    assert set(waits(day)["all"].values()) == {0, a.lease_seconds}
    assert max(day.backlog) == pytest.approx(100 / 3, rel=0.01), "a third of a second's deliveries"
    assert day.backlog[-1] == pytest.approx(0, abs=1e-6)


def test_nothing_is_lost_or_made() -> None:
    """With everything going wrong: delivered, failed and unfinished are what was dispatched."""
    a = Assumptions(events_per_day=1e6)
    day = Day(a, rate=workers(a) * 40, workers=workers(a))
    settled = sum(part.delivered + part.failed for part in day.lines.values())
    away = [kept for part in day.lines.values() for kept in (*part.later.values(), *part.leased.values(), part.waiting)]
    settled += sum(cohort.count for cohorts in away for cohort in cohorts)
    assert settled == pytest.approx(day.dispatched) == pytest.approx(a.deliveries_per_day)
    assert sum(sum(part.waits.values()) for part in day.lines.values()) == pytest.approx(
        sum(part.delivered for part in day.lines.values())
    )


def test_percentiles() -> None:
    """Of ten, nine within a second."""
    day = Day(EVEN, rate=200, workers=1, seconds=1)
    day.biggest.waits.clear()
    day.biggest.waits.update({1: 9, 60: 1})
    assert [percentile(day.biggest.waits, share) for share in (0.5, 0.9, 0.99)] == [1, 1, 60]


def test_sizes() -> None:
    """Twice the events take twice of everything."""
    one, two = Assumptions(), Assumptions(events_per_day=2e8)
    for part, count in cores(one).items():
        assert cores(two)[part] == pytest.approx(2 * count)
    assert storage(two)["GB a day"] == pytest.approx(2 * storage(one)["GB a day"])
    assert storage(one)["GB a day"] == pytest.approx(1.5e8 * one.bytes_a_delivery / 1e9, rel=0.2)
    assert workers(one) * one.worker_rate * one.utilisation >= one.peak_attempts


def test_measured_figures_replace_the_defaults(tmp_path: Path) -> None:
    """Those of the last bench; without one nothing changes."""
    assert measured(tmp_path / "none.json", Assumptions()) == (Assumptions(), [])
    file = tmp_path / "bench.json"
    this = {
        f"{part} CPU s per 1,000": {"median": cpu} for part, cpu in (("postgres", 0.1), ("rest", 0.2), ("worker", 0.3))
    }
    one = {"Postgres CPU s per 1,000 calls": 0.5}
    results = {"a": {"figures": {"this": this}}, "f": {"figures": {"1 endpoint": one}}}
    file.write_text(json.dumps({"results": results}))
    found, names = measured(file, Assumptions())
    assert (found.postgres_cpu, found.rest_cpu, found.worker_cpu, found.dispatch_cpu) == (0.1, 0.2, 0.3, 0.5)
    assert names == ["dispatch_cpu", "postgres_cpu", "rest_cpu", "worker_cpu"]
    # of a bench before it measured that
    file.write_text(json.dumps({"results": {"f": {"figures": {"1 endpoint": {"calls/s on 1 connection": 2_000}}}}}))
    assert measured(file, Assumptions()) == (Assumptions(), [])
