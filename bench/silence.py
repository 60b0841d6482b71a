"""Scenario e: one endpoint of a hundred that never answers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.world import wait

if TYPE_CHECKING:
    from bench.world import World

SILENT = """
update public.webhook_configurations set url = replace(url, '/hook/', '/silent/')
where id = (select id from public.webhook_configurations order by id limit 1)
"""
HEALTHY = """
select count(*) from public.webhook_deliveries as d
join public.webhook_configurations as c on c.id = d.webhook_config_id
where position('/silent/' in c.url) = 0 and d.finished_at is null
"""


def healthy_rate(world: World, rows: int, endpoints: int, *, silent: bool) -> float:
    """Return the rate at which the healthy endpoints' rows were delivered."""
    world.fill(rows, endpoints)
    if silent:
        world.db.execute(SILENT)
    healthy = world.count(HEALTHY)
    begun = time.perf_counter()
    world.activate()
    wait(lambda: world.count(HEALTHY) == 0)
    return healthy / (time.perf_counter() - begun)
