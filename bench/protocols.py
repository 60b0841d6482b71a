"""Scenario i: the same number of events to an endpoint of each protocol, alone and all at once."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.meter import Meter
from bench.progress import say
from bench.world import DIRECTORY, quiet
from devstack.brokers import Broker, Kafka, PubSub, Sqs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figures import Figures
    from bench.world import World

#: What each broker is, to put its rate into context.
BROKERS: dict[type[Broker], str] = {
    Sqs: "moto, in Python, which slows down as its queue grows",
    PubSub: "our own gRPC server, in Python",
    Kafka: "Tansu, in Rust",
}

#: Events for each endpoint. No more: moto looks through its whole queue at each message, and slows down with it.
EVENTS = 1_000

#: Each endpoint's last result, in seconds after a moment, by its URL.
ENDS = """
select c.url, extract(epoch from max(d.finished_at) - %s)::float8
from public.webhook_deliveries as d
join public.webhook_configurations as c on c.id = d.webhook_config_id
group by c.url
"""


@contextmanager
def brokers(world: World) -> Iterator[list[Broker]]:
    """Run a broker of each queue protocol, measured as parts."""
    running: list[Broker] = []
    try:
        for kind in BROKERS:
            broker = kind(DIRECTORY, say=quiet)
            running.append(broker)
            broker.start()
            world.measure(f"{broker.name} broker", broker.child)
        yield running
    finally:
        for broker in running:
            broker.stop()
            world.unmeasure(f"{broker.name} broker")


def alone(world: World, events: int, url: str) -> Figures:
    """Deliver this many events to one endpoint."""
    world.fill_for(events, [url])
    meter = Meter(world)
    begun = time.perf_counter()
    world.activate()
    return meter.read(events, world.watch.recorded() - begun)


def together(world: World, events: int, urls: dict[str, str]) -> tuple[Figures, dict[str, float]]:
    """Deliver this many events to each endpoint at once; return all figures, and the rate of each."""
    rows = events * len(urls)
    world.fill_for(rows, list(urls.values()))
    meter = Meter(world)
    began = world.db.execute("select clock_timestamp()").fetchone()
    begun = time.perf_counter()
    world.activate()
    figures = meter.read(rows, world.watch.recorded() - begun)
    ends: dict[str, float] = dict(world.db.execute(ENDS, began).fetchall())
    return figures, {name: events / ends[url] for name, url in urls.items()}


def run(world: World, *, short: bool) -> dict[str, Any]:
    """Deliver the same number of events over HTTP, SQS, Pub/Sub and Kafka, each alone and all at once."""
    events = 500 if short else EVENTS
    with brokers(world) as running:
        environment = {name: value for broker in running for name, value in broker.environment.items()}
        worker = world.worker(2, **environment)
        together(world, 100, _urls(world, running, "warm"))  # the SDKs are imported
        found = {}
        for name, url in _urls(world, running, "alone").items():
            say(f"(i) {name} alone")
            found[f"{name}, alone"] = alone(world, events, url)
        say("(i) all at once")
        found["all at once"], rates = together(world, events, _urls(world, running, "together"))
        worker.stop()
    notes = [f"{one.name}: the broker is {BROKERS[type(one)]}." for one in running]
    table = {name: {"deliveries/s while all run": rate} for name, rate in rates.items()}
    return {"events each": events, "figures": found, "all at once": table, "notes": notes}


def _urls(world: World, running: list[Broker], name: str) -> dict[str, str]:
    """Return an endpoint's URL for each protocol; queues and topics are new, and so empty."""
    return {"http": f"{world.receiver}/hook/{name}", **{one.name: one.create(name) for one in running}}
