"""Probes for whoever runs the process."""

from __future__ import annotations

import asyncio

from dramatiq.brokers.redis import RedisBroker  # noqa: TC002 - Litestar resolves it at run time
from litestar import get

from webhooks.queue import ping
from webhooks.store import Store  # noqa: TC001 - Litestar resolves it at run time


@get("/healthz", summary="The process is alive")
async def healthz() -> dict[str, str]:
    """Answer without asking anyone else."""
    return {"status": "ok"}


@get("/readyz", summary="Supabase and Redis answer")
async def readyz(store: Store, broker: RedisBroker) -> dict[str, str]:
    """Ask both; 503 names the one that does not answer."""
    await store.due()
    await asyncio.to_thread(ping, broker)
    return {"status": "ready"}


ROUTES = [healthz, readyz]
