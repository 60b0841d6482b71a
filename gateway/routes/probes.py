"""Probes for whoever runs the process."""

from __future__ import annotations

import asyncio

from dramatiq.brokers.redis import RedisBroker
from litestar import get
from litestar.di import NamedDependency

from webhooks.queue import ping
from webhooks.store import Store


@get("/healthz", summary="The process is alive")
async def healthz() -> dict[str, str]:
    """Answer without asking anyone else."""
    return {"status": "ok"}


@get("/readyz", summary="Supabase and Redis answer")
async def readyz(store: NamedDependency[Store], broker: NamedDependency[RedisBroker]) -> dict[str, str]:
    """Ask both; 503 names the one that does not answer."""
    await store.due()
    await asyncio.to_thread(ping, broker)
    return {"status": "ready"}


ROUTES = [healthz, readyz]
