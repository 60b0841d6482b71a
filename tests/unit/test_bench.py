"""The benchmark's own arithmetic: figures, tables, bounds and bars, on values that can be checked by hand."""

from __future__ import annotations

import math
import os
import sys
import time
from contextlib import closing
from http.client import HTTPConnection
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import bars, bounds, draining, figures, peers, rates, shares, sides, soak, statements, stream, tables, usage
from bench.bars import BARS, Bar
from bench.proxy import passed
from bench.report import markdown
from bench.scenarios import SCENARIOS
from bench.shares import Used
from bench.world import World
from devstack.processes import Child, free_port, listening
from devstack.receiver import Receiver

if TYPE_CHECKING:
    from pathlib import Path


def test_percentiles() -> None:
    """The value below which this share lies; for one value it is that value, for none it is undefined."""
    values = [float(one) for one in range(1, 101)]
    assert figures.percentile(values, 0.5) == 51
    assert figures.percentile(values, 0.99) == 100
    assert figures.percentile([7.0], 0.99) == 7
    assert math.isnan(figures.percentile([], 0.5))


def test_the_slope_is_that_of_least_squares() -> None:
    """Exact for a line; noise that is even on both sides changes nothing; no two moments, no slope."""
    assert figures.slope([(x, 3 + 2 * x) for x in range(10)]) == pytest.approx(2)
    assert figures.slope([(0, 1), (0, -1), (10, 6), (10, 4)]) == pytest.approx(0.5)
    assert figures.slope([(5, 1), (5, 9)]) == 0
    assert figures.slope([]) == 0


def test_rounds_are_summed_up_by_median_least_and_most() -> None:
    """One round that was disturbed moves the range, not the middle; of texts the most common stays."""
    rounds = [{"rate": rate, "bound by": text} for rate, text in ((10.0, "x"), (12.0, "y"), (900.0, "x"))]
    assert figures.medians(rounds) == {"rate": 12.0, "bound by": "x"}
    assert figures.spreads(rounds) == {"rate": {"median": 12.0, "min": 10.0, "max": 900.0}, "bound by": "x"}
    assert figures.middle({"median": 12.0, "min": 10.0, "max": 900.0}) == 12
    assert figures.middle(3) == 3


def test_memory_is_told_at_a_fifth_and_at_the_end_with_its_growth() -> None:
    """10 MB at the start, 1 MB more each minute: 60 MB an hour, by process."""
    growing = [(60.0 * minute, 10.0 + minute) for minute in range(11)]
    found = soak.memory({7: growing, 3: [(seconds, 50.0) for seconds, _ in growing]})
    first, process = found["first process (Dramatiq's)"], found["process 1"]
    assert first["MB per hour, second half"] == 0
    assert process["MB per hour, second half"] == pytest.approx(60)
    assert (process["MB at 20 % of the time"], process["MB at the end"], process["peak MB"]) == (12, 20, 20)


def test_a_process_is_measured_with_what_stems_from_it() -> None:
    """Our own has used CPU and memory; what is left out counts for nothing."""
    own = os.getpid()
    assert usage.cpu(own) > 0
    assert usage.cpu(own, without=usage.tree(own)) == 0
    assert usage.each(own)[own] > 0
    assert usage.peak(own) >= usage.resident(own)[own] > 10
    assert 0 < usage.machine().busy < usage.machine().total


@pytest.mark.parametrize(
    ("busiest", "machine", "said"),
    [
        ({"worker": 0.3, "sqs broker": 0.97}, 0.6, "sqs broker: one process at 0.97 of a core"),
        ({"worker": 0.7, "rest": 0.6}, 0.97, "the machine: 97% in use, 40% by these parts"),
        ({"worker": 0.2, "rest": 0.1}, 0.2, "waiting: the busiest is worker at 0.20 of a core"),
    ],
)
def test_what_bounds_a_rate(busiest: dict[str, float], machine: float, said: str) -> None:
    """A process at its end, else the machine, else nothing that CPU figures can tell."""
    assert bounds.bound(busiest, machine, 0.4) == said


def test_statements_are_counted_by_kind() -> None:
    """Calls by function; what the REST server adds; and PostgREST's four a call, computed."""
    said = ["begin", "SELECT set_config('role', $1, true)", "select * from public.claim_webhook_deliveries(a := $1)"]
    table = statements.tabulate([*said, "commit"] * 3, rows=100)
    found = {name: row["statements per 1,000 deliveries"] for name, row in table.items()}
    assert found["calls of claim_webhook_deliveries"] == found["calls of ours, all"] == 30
    assert found["added by the REST server (begin, set_config, commit)"] == 90
    assert list(found.values())[-2:] == [120, 120]


def test_bars_are_judged_from_the_figures() -> None:
    """Met, missed, or not run when the scenario or the figure is not there."""
    wanted = (
        Bar("a", "rate", ("figures", "this", "rate"), ">=", 100),
        Bar("a", "CPU", ("figures", "this", "cpu"), "<=", 0.4),
        Bar("soak", "lost", ("lost",), "=", 0),
        Bar("l", "p50 ms", ("50/s", "this, by SQL", "p50 ms"), "<=", 5),
    )
    this = {"rate": {"median": 120.0, "min": 80.0, "max": 130.0}, "cpu": 0.5}
    found = bars.judge({"a": {"figures": {"this": this}}, "soak": {"lost": 0}}, wanted)
    assert {name: row["verdict"] for name, row in found.items()} == {
        "(a) rate": "met",
        "(a) CPU": "**missed**",
        "(soak) lost": "met",
        "(l) p50 ms": "not run",
    }
    assert found["(a) rate"] == {"bar": ">= 100", "found": 120.0, "verdict": "met"}


def test_every_bar_is_of_a_scenario() -> None:
    """A bar whose scenario was renamed would never be judged."""
    assert {bar.scenario for bar in BARS} <= set(SCENARIOS)


def test_tables_have_their_longer_side_down() -> None:
    """Three columns of one row become three rows; a figure that is missing stays empty."""
    assert list(tables.table({"this": {"rate": 1234.5, "cpu": 0.25, "MB": 90}})) == [
        "|      | this  |",
        "| ---- | ----- |",
        "| rate | 1,234 |",
        "| cpu  | 0.25  |",
        "| MB   | 90    |",
    ]
    assert list(tables.table({"x": {"rate": 1.5}, "y": {}}))[-1] == "| y |      |"


def test_spreads_are_written_as_a_range() -> None:
    """Unless all rounds came to the same."""
    assert tables.number({"median": 0.3, "min": 0.25, "max": 0.4}) == "0.3 (0.25 to 0.4)"
    assert tables.number({"median": 2.0, "min": 2.0, "max": 2.0}) == "2"


def test_the_report_shows_each_scenario_with_its_tables() -> None:
    """Bars first; single figures in a line; figures without a title, other tables with one; notes last."""
    result = {"about": "Do it.", "rows": 5, "figures": {"x": {"rate": 1.0}}, "ratios": {"x": {"ratio": 2.0}}}
    text = "\n".join(markdown({"form": "short"}, {"z": {**result, "notes": ["As it is."]}}, {"(z) rate": {"bar": "1"}}))
    assert text.startswith("form short.\n\n### The bars")
    assert "### (z) Do it.\n\nrows: 5.\n\n|   | rate |" in text
    assert "\nratios:\n\n|   | ratio |" in text
    assert text.endswith("As it is.")


USED = Used(
    begun=100.0,
    ended=130.0,
    cpu={"postgres": 1.5, "rest": 0.9, "worker": 0.6},
    commands=300,
    commits=120,
    wal=60_000,
    busiest={"postgres": 0.05},
    machine=0.4,
)


def test_what_a_thousand_deliveries_took() -> None:
    """3 CPU seconds for 2,000 deliveries in 10 s; without the REST server 2.1."""
    found = shares.per_thousand(USED, 2_000, 10)
    assert found == {
        "deliveries/s": 200,
        "postgres CPU s per 1,000": pytest.approx(0.75),
        "rest CPU s per 1,000": pytest.approx(0.45),
        "worker CPU s per 1,000": pytest.approx(0.3),
        "total CPU s per 1,000": pytest.approx(1.5),
        "total without REST CPU s per 1,000": pytest.approx(1.05),
        "WAL bytes per delivery": 30,
        "Redis commands per 1,000": 150,
    }


def test_what_a_delivery_and_its_event_took() -> None:
    """60 deliveries of 30 events in 30 s: CPU is a delivery's, all that is counted an event's."""
    found = shares.per_delivery(USED, deliveries=60, events=30, calls=45)
    assert found["deliveries/s"] == 2
    assert found["total CPU ms per delivery"] == pytest.approx(50)
    assert found["total without REST CPU ms per delivery"] == pytest.approx(35)
    assert found["REST calls per event, besides the dispatch"] == 1.5
    assert [found[f"{what} per event"] for what in ("commits", "WAL bytes", "Redis commands")] == [4, 2_000, 10]


def test_what_an_idle_minute_took() -> None:
    """Half a minute counts twice; CPU is a share of one core."""
    found = shares.per_minute(USED, calls=6, sent=3_000, received=9_000)
    counted = ("REST calls", "kB to REST", "kB from REST", "commits", "WAL kB", "Redis commands")
    assert [found[f"{what} per minute"] for what in counted] == [12, 6, 18, 240, 120, 600]
    assert found["worker % of a core"] == pytest.approx(2)
    assert found["total % of a core"] == pytest.approx(10)
    assert found["total without REST % of a core"] == pytest.approx(7)


def test_rates_are_compared_round_by_round() -> None:
    """A machine that got slower between two rounds changes no ratio."""
    these, those = [[{"deliveries/s": rate} for rate in rates] for rates in ((440, 220), (200, 100))]
    assert draining.ratio(these, those) == {"ratio": {"median": 2.2, "min": 2.2, "max": 2.2}}


def test_a_rate_is_compared_with_itself_before() -> None:
    """Each figure is divided by that of the same way and rate."""
    before, this = dict.fromkeys(rates.COMPARED, 20.0), dict.fromkeys(rates.COMPARED, 5.0)
    forms = {f"{side}, by {way}": each for side, each in (("before", before), ("this", this)) for way in rates.WAYS}
    found = rates.compare({"50/s": forms})
    assert found == {f"50/s, by {way}": dict.fromkeys(rates.COMPARED, 0.25) for way in rates.WAYS}


def test_the_sides_take_turns() -> None:
    """Each is first in every other round."""
    both: Any = {"before": 1, "this": 2}
    assert [[name for name, _ in sides.turns(both, number)] for number in range(3)] == [
        ["before", "this"],
        ["this", "before"],
        ["before", "this"],
    ]


@given(bodies=st.lists(st.binary(max_size=40)), cuts=st.lists(st.integers(0, 10_000)))
def test_requests_are_counted_however_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    """A head in two pieces, two requests in one, a body that looks like a head: each request counts once."""
    sent = b"".join(
        b"POST /rest/v1/rpc/call%d?x=/y HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (number, len(body), body)
        for number, body in enumerate(bodies)
    )
    places = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    found: list[str] = []
    requests = stream.Requests(found.append)
    for start, end in pairwise(places):
        requests.feed(sent[start:end])
    assert found == [f"call{number}" for number in range(len(bodies))]


def test_peers_stand_beside_our_own_figures() -> None:
    """With and without REST; none when a scenario that has ours was not run."""
    closed = {
        "deliveries/s": {"median": 4_000.0, "min": 3_900.0, "max": 4_100.0},
        "total CPU s per 1,000": 0.5,
        "total without REST CPU s per 1,000": 0.3,
    }
    opened = {
        "p50 ms": 4.0,
        "p99 ms": 12.0,
        "total CPU ms per delivery": 8.0,
        "total without REST CPU ms per delivery": 4.0,
    }
    arriving = {form: {"before": closed, "this": closed} for form in peers.FORMS}
    steady = {f"{side}, {way}": opened for side in ("before", "this") for way in peers.FORMS.values()}
    found = peers.beside({"k": arriving, "l": {"50/s": steady}})
    assert list(found)[:2] == ["this, through REST", "before, through REST"]
    assert found["this, through REST"] == {
        "deliveries/s": "4,000 (3,900 to 4,100)",
        "CPU s per 1,000": "0.5, without REST 0.3",
        "p50 / p99 ms at 50/s": "4 / 12",
        "CPU ms per delivery at 50/s": "8, without REST 4",
    }
    assert found["Svix 1.100 (Rust)"]["deliveries/s"] == "2,130 to 2,230"
    assert peers.beside({"k": arriving}) == {}


def test_an_earlier_revision_runs_from_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout has all that a world is started from, once; a revision that is not there is left out."""
    monkeypatch.setattr(sides, "DIRECTORY", tmp_path)
    code = sides.checkout("HEAD")
    assert code
    assert {"webhooks", "workers", "gateway", "supabase", "bench"} <= {file.name for file in code.iterdir()}
    assert sides.checkout("HEAD") == code
    assert sides.checkout("no-such-revision") is None


def test_a_worker_runs_the_code_of_its_folder(tmp_path: Path) -> None:
    """Not what is installed, nor what lies where the benchmark was started."""
    package = tmp_path / "code" / "webhooks" / "cli"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import time\nprint('earlier code, ready for action')\ntime.sleep(60)\n")
    world = World(tmp_path / "code", tmp_path / "world")
    world.settings = {}
    worker = world.worker(1)
    try:
        assert "earlier code" in worker.tail()
    finally:
        worker.stop()


@pytest.mark.parametrize("milliseconds", [0, 40])
def test_the_proxy_counts_what_passes_and_delays_it(tmp_path: Path, milliseconds: int) -> None:
    """Calls by their name, bytes both ways; a call and its response take at least the delay."""
    port, names = free_port(), ["claim", "record", "claim"]
    with Receiver() as receiver:
        target = str(urlsplit(receiver.url).port)
        command = [sys.executable, "-m", "bench.proxy", str(port), target, str(milliseconds)]
        child = Child("proxy", command, log=tmp_path / "proxy.log")
        try:
            child.wait_ready(lambda: listening(port))
            with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
                begun = time.monotonic()
                for name in names:
                    connection.request("POST", f"/rest/v1/rpc/{name}", body=b"x" * 1_000)
                    assert connection.getresponse().read() is not None
                assert time.monotonic() - begun >= 3 * (milliseconds - 4) / 1000
            found = passed(f"http://127.0.0.1:{port}")
            assert found.calls == {"claim": 2, "record": 1}
            assert found.sent > 3_000
            assert found.received > 0
            assert [request.path for request in receiver.received] == [f"/rest/v1/rpc/{one}" for one in names]
        finally:
            child.stop()
