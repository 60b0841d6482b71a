"""The scenarios in their order: what each runs, how large, and how long that takes."""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from bench import backlog, dispatch, drain, latency, protocols, rivals, silence, soak, statements, tls
from bench.figures import medians, spread, spreads
from bench.progress import rounds, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.figures import Figures
    from bench.world import World

Result = dict[str, Any]

#: Rounds of what is interleaved; medians are reported.
ROUNDS = {False: 5, True: 2}

#: Seconds after which workers keep no idle connection, so that every round of (h) begins with its handshakes.
IDLE = 4.5


def a(world: World, *, short: bool) -> Result:
    """Drain 20,000 rows to 10 endpoints, beside the client alone and the two older designs, interleaved."""
    rows = 6_000 if short else 20_000
    worker = world.worker(2)
    drain.drain(world, drain.WARM, 10)
    found: list[dict[str, Figures]] = [
        {
            "this": drain.drain(world, rows, 10),
            "receiver alone": rivals.receiver(world, rows),
            "client alone": rivals.ceiling(world, rows, 10),
            "one message a delivery": rivals.one_message_a_delivery(world, rows // 10, 10),
            "first generation": rivals.first_generation(world, rows // 40, 10),
        }
        for _ in rounds("a", ROUNDS[short])
    ]
    worker.stop()
    ratios = {
        f"this / {other}": {
            "ratio": spread([one["this"]["deliveries/s"] / one[other]["deliveries/s"] for one in found])
        }
        for other in found[0]
        if other != "this"
    }
    figures = {name: spreads([one[name] for one in found]) for name in found[0]}
    return {"rows": rows, "rounds": len(found), "figures": figures, "ratios": ratios, "each round": found}


def b(world: World, *, short: bool) -> Result:
    """Drain the same to 1, 10 and 1,000 endpoints."""
    rows = 3_000 if short else 20_000
    worker = world.worker(2)
    drain.drain(world, drain.WARM, 10)
    found = {}
    for number in (1, 10, 1_000):
        say(f"(b) {_count(number, 'endpoint')}")
        found[_count(number, "endpoint")] = drain.drain(world, rows, number)
    worker.stop()
    return {"rows": rows, "figures": found}


def c(world: World, *, short: bool) -> Result:
    """Time events from dispatch_webhook's commit to the receiver, without the cron."""
    worker = world.worker(2)
    found = {}
    for rate in (1, 50, 200):
        say(f"(c) {rate} events/s")
        found[f"{rate} events/s"] = latency.latency(world, rate, 5 if short else 25)
    worker.stop()
    return {"figures": found}


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
        # beside its two neighbours, so that a drift of the machine does not count
        ratio = most[figure] / median([before[figure], after[figure]])
        before = after
    found[f"{least:,} pending, {finished:,} finished"] = backlog.claims(world, least, finished)
    return {"most pending rows": sizes[-1], "claim at most / at 10,000": ratio, "figures": found}


def e(world: World, *, short: bool) -> Result:
    """Deliver to a hundred endpoints of which one never answers, and to a hundred healthy ones, in pairs."""
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
    found = {_count(number, "endpoint"): dispatch.dispatch(world, number, calls) for number in (1, 10, 100)}
    row = world.db.execute("show synchronous_commit").fetchone()
    return {"calls": calls, "synchronous_commit": row[0] if row else "?", "figures": found}


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


def h(world: World, *, short: bool) -> Result:
    """Drain to 10 endpoints over https and over http, interleaved, from no connection; each is a TLS handshake."""
    rows = 3_000 if short else 10_000
    certificate = tls.certificate()
    plain, secure = world.receiver, world.receive(certificate)
    worker = tls.trusting_worker(world, 2, certificate)
    found: list[dict[str, Figures]] = []
    drain.drain(world, drain.WARM, 10)
    for number in rounds("h", 2 if short else 4):
        order = [("http", plain), ("https", secure)]
        one = {}
        for name, url in order if number % 2 == 0 else order[::-1]:
            time.sleep(IDLE)
            one[name] = drain.drain(world, rows, 10, receiver=url)
        alone = rivals.ceiling(world, rows, 10, url=secure, certificate=certificate)
        found.append({"http": one["http"], "https": one["https"], "client alone, https": alone})
    worker.stop()
    world.unmeasure("receiver over TLS")
    ratio = spread([one["https"]["deliveries/s"] / one["http"]["deliveries/s"] for one in found])
    figures = {name: spreads([one[name] for one in found]) for name in found[0]}
    return {"rows": rows, "ratios": {"https / http": {"ratio": ratio}}, "figures": figures, "each round": found}


def i(world: World, *, short: bool) -> Result:
    """Deliver the same number of events over HTTP, SQS, Pub/Sub and Kafka, each alone and all at once."""
    events = 500 if short else 3_000
    with protocols.brokers(world) as running:
        environment = {name: value for broker in running for name, value in broker.environment.items()}
        worker = world.worker(2, **environment)
        urls = {"http": f"{world.receiver}/hook/1", **{one.name: one.create("bench") for one in running}}
        protocols.together(world, 100, urls)  # the SDKs are imported
        found = {}
        for name, url in urls.items():
            say(f"(i) {name} alone")
            found[f"{name}, alone"] = protocols.alone(world, events, url)
        say("(i) all at once")
        found["all at once"], rates = protocols.together(world, events, urls)
        worker.stop()
    notes = [f"{one.name}: the broker is {protocols.BROKERS[type(one)]}." for one in running]
    table = {name: {"deliveries/s while all run": rate} for name, rate in rates.items()}
    return {"events each": events, "figures": found, "all at once": table, "notes": notes}


def j(world: World, *, short: bool) -> Result:
    """Drain with 1 to 4 worker processes, up and down again."""
    rows = 2_000 if short else 8_000
    sizes = (1, 2, 3, 4)
    found: dict[int, list[Figures]] = {size: [] for size in sizes}
    for number in rounds("j", 1 if short else 2):
        for size in sizes if number % 2 == 0 else sizes[::-1]:
            worker = world.worker(size)
            drain.drain(world, drain.WARM, 10)
            found[size].append(drain.drain(world, rows, 10))
            worker.stop()
    figures = {_count(size, "process", "processes"): medians(each) for size, each in found.items()}
    one = figures["1 process"]["deliveries/s"]
    for each in figures.values():
        each["times the rate of 1 process"] = each["deliveries/s"] / one
    return {"rows": rows, "figures": figures}


def soaked(world: World, *, short: bool) -> Result:
    """Keep a load of half the measured rate for ten minutes, on top of 20,000 pending rows."""
    rows, seconds = (3_000, 30.0) if short else (20_000, 600.0)
    endpoints = 10
    worker = world.worker(2)
    drain.drain(world, drain.WARM, endpoints)
    rate = drain.drain(world, rows, endpoints)["deliveries/s"]
    say(f"(soak) half of {rate:,.0f} deliveries/s for {seconds:.0f} s")
    world.fill(rows, endpoints)
    before = world.watch.counts(world.receiver).requests
    world.activate()
    made, samples = soak.load(world, rate * soak.SHARE, seconds, endpoints)
    left = world.count("select count(*) from public.webhook_deliveries where finished_at is null")
    world.watch.recorded(world.receiver, before + rows + made)
    kept, memory = soak.lost(world, rows + made), soak.memory(samples)
    kept["sent more than once"] = world.watch.counts(world.receiver).requests - before - rows - made
    worker.stop()
    figures = {"memory by process": memory, "tables at the end": soak.tables(world)}
    peak = max(one["peak MB"] for one in memory.values())
    load = {"deliveries/s asked": rate * soak.SHARE, "deliveries/s made": made / seconds, "unfinished at its end": left}
    return {"seconds": seconds, **load, **kept, "peak MB": peak, **figures}


def _count(number: int, noun: str, nouns: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


class Scenario(NamedTuple):
    """What it runs, and about how many seconds that takes in the short and in the full form."""

    run: Callable[..., Result]
    short: int
    full: int

    @property
    def about(self) -> str:
        """What it does, in a sentence."""
        return (self.run.__doc__ or "").strip()


SCENARIOS = {
    "a": Scenario(a, 32, 150),
    "b": Scenario(b, 15, 60),
    "c": Scenario(c, 25, 85),
    "d": Scenario(d, 6, 180),
    "e": Scenario(e, 28, 70),
    "f": Scenario(f, 10, 25),
    "g": Scenario(g, 15, 25),
    "h": Scenario(h, 35, 80),
    "i": Scenario(i, 27, 90),
    "j": Scenario(j, 40, 100),
    "soak": Scenario(soaked, 45, 640),
}
