"""Health probes for supervisors and load balancers."""

from __future__ import annotations

import asyncio

from litestar import MediaType, Response, get
from litestar.di import NamedDependency

from supabase_webhooks.gateway.auth import metrics_reader
from supabase_webhooks.gateway.metrics import Requests, exposition
from supabase_webhooks.gateway.scopes import PUBLIC, Scope, closed, needs
from supabase_webhooks.webhooks.exposition import CONTENT_TYPE
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.readiness import check_broker, check_store
from supabase_webhooks.webhooks.store import Store


@get("/healthz", summary="The process is alive", **closed(PUBLIC))
async def healthz() -> dict[str, str]:
    """Respond without calling any other service."""
    return {"status": "ok"}


@get("/readyz", summary="Supabase and the broker accept writes", **closed(PUBLIC))
async def readyz(store: NamedDependency[Store], broker: NamedDependency[Broker]) -> dict[str, str]:
    """Try a write in both at once; within two seconds a 503 names the one that accepts none."""
    for failure in await asyncio.gather(check_store(store), check_broker(broker), return_exceptions=True):
        if failure:
            raise failure
    return {"status": "ready"}


@get(
    "/metrics",
    guards=[metrics_reader],
    media_type=MediaType.TEXT,
    summary="Figures for Prometheus",
    **needs(Scope.READ),
)
async def metrics(store: NamedDependency[Store], requests: NamedDependency[Requests]) -> Response[bytes]:
    """Return the backlog and its age, circuits, endpoints, the cron's silence, and this gateway's requests."""
    return Response(await exposition(store, requests), headers={"Content-Type": CONTENT_TYPE})


ROUTES = [healthz, readyz, metrics]
