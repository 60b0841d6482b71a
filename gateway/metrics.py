"""`/metrics`: the system's figures, from the database, and this gateway's own requests."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.exposition import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)


class Requests:
    """Responses of this gateway since it started; `beside`: the metrics of what else runs in its process."""

    def __init__(self, beside: Sequence[CollectorRegistry] = ()) -> None:
        self.registry = CollectorRegistry()
        self.beside = beside
        self._requests = Counter(
            "webhooks_gateway_requests", "Requests handled.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "webhooks_gateway_request_seconds", "How long requests take.", ["route"], registry=self.registry
        )

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; `route` is its pattern, so that ids create no series of their own."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


async def exposition(store: Store, requests: Requests) -> bytes:
    """Return all figures; without the database those of the gateway, and `webhooks_database_up 0`."""
    registry = CollectorRegistry()
    up = Gauge("webhooks_database_up", "Whether Supabase responds.", registry=registry)
    try:
        _fill(registry, await store.call("webhook_metrics", {}))
        up.set(1)
    except StoreError as exc:
        logger.warning("the database's metrics are missing: %s", exc)
    return b"".join(map(render, (registry, requests.registry, *requests.beside)))


def _fill(registry: CollectorRegistry, figures: dict[str, Any]) -> None:
    now = datetime.fromisoformat(figures["now"])

    def gauge(name: str, about: str, value: float) -> None:
        Gauge(f"webhooks_{name}", about, registry=registry).set(value)

    def by(name: str, about: str, label: str, values: dict[str, float]) -> None:
        made = Gauge(f"webhooks_{name}", about, [label], registry=registry)
        for key, value in values.items():
            made.labels(key).set(value)

    gauge("backlog_due", "Deliveries that are due now, up to 10,000.", figures["due"])
    gauge(
        "backlog_age_seconds", "How long the oldest due delivery has been waiting.", _age(figures["oldest_due_at"], now)
    )
    unfinished = {name: figures[name] for name in ("pending", "processing")}
    by("unfinished_deliveries", "Unfinished deliveries, up to 100,000.", "status", unfinished)
    by("circuits", "Circuits of active endpoints.", "state", figures["circuits"])
    by("endpoints", "Endpoints.", "state", figures["endpoints"])
    troubled = Gauge(
        "webhooks_endpoint_circuit",
        "Endpoints whose circuit is not closed.",
        ["id", "name", "state"],
        registry=registry,
    )
    for endpoint in figures["troubled"]:
        troubled.labels(endpoint["id"], endpoint["name"], endpoint["state"]).set(1)
    if figures["last_run_at"]:
        gauge(
            "dispatcher_silence_seconds", "Seconds since the cron's last heartbeat.", _age(figures["last_run_at"], now)
        )


def _age(moment: str | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - datetime.fromisoformat(moment)).total_seconds())
