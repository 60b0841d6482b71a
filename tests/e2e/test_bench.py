"""The benchmark's first scenarios in their shortest form, on real parts: every bar of theirs finds its figure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from bench import arriving, calls, draining, floor, idle, pages, rates
from bench.bars import BARS, RATIO, judge
from bench.rates import Rate
from bench.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from bench.sides import Sides


@pytest.fixture(scope="module")
def sides(directory: Path) -> Iterator[Sides]:
    """One side: an earlier revision would take as long again."""
    with World(directory=directory / "bench") as world:
        yield {"this": world}


@pytest.fixture(autouse=True)
def shortest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rows and seconds than the short form has."""
    monkeypatch.setattr(arriving, "EVENTS", {True: 20})
    monkeypatch.setattr(arriving, "WARM", 20)
    monkeypatch.setattr(rates, "RATES", (Rate(1), Rate(50)))
    monkeypatch.setattr(rates, "SECONDS", {True: 2.0})
    monkeypatch.setattr(rates, "BEFORE", 1.0)
    monkeypatch.setattr(rates, "WARM", 20)
    monkeypatch.setattr(floor, "EVENTS", {True: 20})
    monkeypatch.setattr(floor, "SECONDS", {True: 1.0})
    monkeypatch.setattr(floor, "ROWS", {True: 400})
    monkeypatch.setattr(floor, "IDLE", {True: 12.0})  # less than a tick of CPU in three
    monkeypatch.setattr(idle, "SETTLE", {True: 1.0})
    monkeypatch.setattr(idle, "MEASURE", {True: 4.0})
    monkeypatch.setattr(draining, "ROWS", {True: 400})
    monkeypatch.setattr(draining, "WARM", 20)
    monkeypatch.setattr(calls, "TIMES", {True: 3})
    monkeypatch.setattr(pages, "ROWS", {True: 5_000})
    monkeypatch.setattr(pages, "ROUNDS", 2)


def judged(scenario: str, result: dict[str, Any]) -> set[str]:
    """Return the verdicts of a scenario's bars, of the tables that there are: an earlier revision is not compared."""
    bars = tuple(bar for bar in BARS if bar.scenario == scenario and bar.path[0] in result)
    assert bars
    return {row["verdict"] for row in judge({scenario: result}, bars).values()}


def test_events_that_arrive_are_all_delivered(sides: Sides) -> None:
    """Through REST and by SQL, to receivers over TLS, and with REST far away."""
    found = arriving.run(sides, short=True)
    assert found["lost"] == 0
    for form in (arriving.REST, arriving.SQL, arriving.TLS, arriving.FAR):
        figures = found[form]["this"]
        assert figures["deliveries/s"]["min"] > 0
        assert figures["total CPU s per 1,000"]["min"] >= figures["total without REST CPU s per 1,000"]["min"] > 0
        assert figures["WAL bytes per delivery"]["min"] > 100
    assert "not run" not in judged("k", found)


def test_the_three_calls_of_an_event_are_measured(sides: Sides) -> None:
    """Each takes some CPU of Postgres, and more for twelve than for one."""
    figures = {name: one["min"] for name, one in calls.run(sides, short=True)["figures"]["this"].items()}
    assert len(figures) == 5
    assert all(one > 10 for one in figures.values())
    for call in ("a claim that finds", "recording"):
        assert figures[f"CPU us of {call} 12"] > figures[f"CPU us of {call} 1"]


def test_a_steady_rate_is_measured_by_the_event(sides: Sides) -> None:
    """All arrive; calls, commits and bytes are those of an event, for which more than nothing is done."""
    found = rates.run(sides, short=True)
    for rate in ("1/s", "50/s"):
        for way in ("REST", "SQL"):
            figures = found[rate][f"this, by {way}"]
            assert figures["% arrived"] == 100
            assert 0 < figures["p50 ms"] <= figures["p99 ms"]
            assert figures["commits per event"] > 0
            assert figures["WAL bytes per event"] > 100
            calls = figures["REST calls per event, besides the dispatch"]
            assert calls > 0
            assert sum(one for name, one in figures.items() if name.startswith("calls of ")) == pytest.approx(calls)
    assert "not run" not in judged("l", found)


def test_an_idle_worker_is_measured_by_the_minute(sides: Sides) -> None:
    """With the listener and without, and `webhooks serve` where there is one."""
    found = idle.run(sides, short=True)
    for form in idle.FORMS if idle.serves(sides["this"]) else idle.FORMS[:2]:
        figures = found[form]["this"]
        assert figures["total % of a core"] >= figures["total without REST % of a core"]
        assert (figures["REST calls per minute"] > 0) == (figures["kB to REST per minute"] > 0)
    assert "not run" not in judged("m", found)


def test_a_backlog_is_drained_to_few_and_many_endpoints(sides: Sides) -> None:
    """Alongside the client alone and older designs."""
    found = draining.run(sides, short=True)
    by_endpoints = found["by endpoints"]
    assert set(by_endpoints) == {
        f"{side}, {one}"
        for side in ("this", "client alone")
        for one in ("1 endpoint", "10 endpoints", "1,000 endpoints")
    }
    assert by_endpoints["this, 10 endpoints"][RATIO]["median"] == 1
    assert all(figures["worker CPU s per 1,000"]["median"] > 0 for figures in by_endpoints.values())
    assert by_endpoints["this, 1,000 endpoints"]["connections per 1,000"]["min"] > 0
    assert found["figures"]["this"]["WAL bytes per delivery"]["min"] > 100
    assert "not run" not in judged("a", found)


#: Filters of the scenario that find nothing, on purpose.
NOTHING = {"event that never came", "response that never came", "payload that never came"}


def test_pages_are_measured_with_what_they_show(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page, signed in; the list has rows for each filter that is meant to find some, and none is an error."""
    shown: dict[str, str] = {}
    timed = pages.timed

    def kept(client: httpx.Client, addresses: dict[str, str]) -> dict[str, Any]:
        shown.update({name: client.get(address).text for name, address in addresses.items()})
        return timed(client, addresses)

    monkeypatch.setattr(pages, "timed", kept)
    found = pages.run(sides["this"], short=True)
    for spread in pages.SPREADS:
        assert all(figures["median ms"] > 0 for figures in found[spread].values())
    assert pages.CHART not in found["slowest page"]
    for name, text in shown.items():
        assert "flash error" not in text, name
        kind, _, filtered = name.partition("deliveries, ")
        if not kind:
            assert ("data-id=" in text) == (filtered not in NOTHING), name
    assert "not run" not in judged("pages", found)


def test_tables_are_emptied_next_to_a_claim(sides: Sides) -> None:
    """A claim holds the queue and then reads endpoints, which the truncate holds: that one loses, and is repeated."""
    world = sides["this"]
    world.fill(10, 1)
    world.db.execute("set deadlock_timeout = '3s'")
    waits = "select from pg_locks where pid = %s and not granted"
    with psycopg.connect(world.dsn) as claim, ThreadPoolExecutor(1) as aside:
        # it never looks for deadlocks itself
        claim.execute("set deadlock_timeout = '1h'; set statement_timeout = '1min'")
        claim.execute("lock table webhooks.delivery_queue in access share mode")
        emptied = aside.submit(world.empty)
        while not world.aside.execute(waits, (world.db.info.backend_pid,)).rowcount:
            assert not emptied.done(), "the truncate waits for the claim"
        claim.execute("select from public.webhook_configurations")
        claim.commit()
        emptied.result(timeout=60)
    world.db.execute("reset deadlock_timeout")
    assert world.count("select count(*) from webhooks.delivery_queue") == 0


def test_the_floor_is_measured_by_part(sides: Sides) -> None:
    """Dispatches are counted with their deliveries, a call that reads a row logs less, the client is there."""
    found = floor.run(sides["this"], short=True)
    closed = found["dispatched, no worker"]["dispatched through REST, to ten endpoints"]
    assert closed["WAL bytes per delivery"]["min"] > 100
    steady = found["at a steady rate, no worker"]
    written, read = (
        steady[f"{form}, 50/s"]["WAL bytes per event"] for form in ("dispatched through REST", floor.NOTHING)
    )
    assert written["min"] > read["max"]
    assert 0 < steady[f"{floor.NOTHING}, 50/s"]["p50 ms of the call"]["min"] < float("inf")
    assert all(0 < idle["worker % of a core"] < 100 for idle in found["nothing to do"].values())
    assert len(found["nothing to do"]) == 2
    assert found["client alone"]["the client alone, 50/s"]["the client's CPU ms per delivery"]["min"] > 0
    log = {name: figures[floor.LOG]["min"] for name, figures in found["rows of a backlog"].items()}
    assert log["ours"] > log["bare: insert"] > 100
    assert min(log["bare: status"], log["bare: attempt"]) > 50
    assert found["rows of a backlog"]["ours"][floor.POSTGRES]["min"] > 0
