"""Scenario e: one endpoint of a hundred that never responds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.drain import WARM, drain

if TYPE_CHECKING:
    from bench.world import World

SILENT = """
update public.webhook_configurations set url = replace(url, '/hook/', '/silent/')
where id = (select id from public.webhook_configurations order by id limit 1)
"""
HEALTHY = """
select count(*) from public.webhook_deliveries as d
join public.webhook_configurations as c on c.id = d.webhook_config_id
where position('/silent/' in c.url) = 0
"""

UNFINISHED = """
select exists (
    select from webhooks.delivery_queue as q
    join public.webhook_configurations as c on c.id = q.webhook_config_id
    where position('/silent/' in c.url) = 0)
"""


def healthy_rate(world: World, rows: int, endpoints: int, *, silent: bool) -> float:
    """Return the rate at which the healthy endpoints' rows were delivered, by new workers."""
    worker = world.worker(2)
    drain(world, WARM, endpoints)
    world.fill(rows, endpoints)
    if silent:
        world.db.execute(SILENT)
    healthy = world.count(HEALTHY)
    # the receiver counts nothing of what it leaves unanswered
    already = world.watch.counts(world.receiver).requests
    begun = time.perf_counter()
    world.activate()
    end = world.watch.recorded(world.receiver, already + healthy, unfinished=UNFINISHED)
    if silent:
        # a polite end would wait for the silent one's requests to time out
        worker.kill()
        world.redis.flushdb()
    else:
        worker.stop()
    return healthy / (end - begun)
