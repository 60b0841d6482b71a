"""Scenario i: the same number of events to an endpoint of each protocol, alone and all at once."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.meter import Meter
from bench.world import DIRECTORY, quiet
from devstack.brokers import Broker, Kafka, PubSub, Sqs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.figures import Figures
    from bench.world import World

#: What each broker is, for who reads its rate.
BROKERS: dict[type[Broker], str] = {
    Sqs: "moto, in Python",
    PubSub: "our own gRPC server, in Python",
    Kafka: "Tansu, in Rust",
}

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
    """Deliver so many events to one endpoint."""
    world.fill_for(events, [url])
    meter = Meter(world)
    begun = time.perf_counter()
    world.activate()
    return meter.read(events, world.watch.recorded() - begun)


def together(world: World, events: int, urls: dict[str, str]) -> tuple[Figures, dict[str, float]]:
    """Deliver so many events to each endpoint at once; return all figures, and the rate of each."""
    rows = events * len(urls)
    world.fill_for(rows, list(urls.values()))
    meter = Meter(world)
    began = world.db.execute("select clock_timestamp()").fetchone()
    begun = time.perf_counter()
    world.activate()
    figures = meter.read(rows, world.watch.recorded() - begun)
    ends: dict[str, float] = dict(world.db.execute(ENDS, began).fetchall())
    return figures, {name: events / ends[url] for name, url in urls.items()}
