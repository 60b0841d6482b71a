"""Metrics of a worker for Prometheus, and the server that adds up those of all its processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from supabase_webhooks.webhooks.exposition import CONTENT_TYPE, may_read, render
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

#: Seconds: a fast receiver responds in milliseconds, the longest attempt lasts two minutes.
ATTEMPT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120)

#: Seconds from dispatch to delivery: retries come after 2 and 4 s, an open circuit holds for minutes.
DELIVERY_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)

#: Seconds of one call to Supabase, which is given up after ten.
CALL_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one process. Endpoints are not a label: a thousand of them would create a thousand series each."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.attempts = Counter("webhooks_attempts", "Attempts by outcome.", ["scheme", "outcome"], registry=registry)
        self.attempt_seconds = Histogram(
            "webhooks_attempt_seconds",
            "How long attempts take.",
            ["scheme"],
            buckets=ATTEMPT_BUCKETS,
            registry=registry,
        )
        self.delivery_seconds = Histogram(
            "webhooks_delivery_seconds", "From dispatch to delivery.", buckets=DELIVERY_BUCKETS, registry=registry
        )
        self.in_flight = Gauge(
            "webhooks_in_flight", "Attempts in progress.", multiprocess_mode="livesum", registry=registry
        )
        self.claimed = Counter("webhooks_claimed", "Deliveries claimed.", registry=registry)
        self.claim_seconds = Histogram(
            "webhooks_claim_seconds", "How long claims take.", buckets=CALL_BUCKETS, registry=registry
        )
        self.recorded = Counter(
            "webhooks_recorded", "Results recorded, by the status that followed.", ["status"], registry=registry
        )
        self.refused = Counter(
            "webhooks_refused_by_breaker", "Claimed deliveries that an open breaker released.", registry=registry
        )
        self.store_errors = Counter(
            "webhooks_store_errors", "Calls that Supabase rejected or did not respond to.", ["call"], registry=registry
        )

        self._attempted: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    def attempted(self, scheme: str, outcome: str, seconds: float) -> None:
        """Count an attempt. To look two labelled figures up costs more than to count in them: they are kept."""
        known = self._attempted.get((scheme, outcome))
        if known is None:
            known = self.attempts.labels(scheme, outcome), self.attempt_seconds.labels(scheme)
            self._attempted[scheme, outcome] = known
        known[0].inc()
        known[1].observe(seconds)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: Prometheus asks four times a minute."""


def application(environment: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Serve `GET /metrics` with the metrics of all processes; settings come from the environment."""
    if not may_read(environment.get("HTTP_AUTHORIZATION"), Settings.from_environment(os.environ)):
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Type", "text/plain")])
        return [b"send the header Authorization: Bearer <WEBHOOKS_METRICS_TOKEN>\n"]
    if environment.get("PATH_INFO") != "/metrics":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"the metrics are at /metrics\n"]
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client is typed in part
    start_response("200 OK", [("Content-Type", CONTENT_TYPE)])
    return [render(registry)]


def serve() -> int:
    """Serve until the process ends; return its exit code. Dramatiq runs it in a process next to the workers'."""
    host, _, port = Settings.from_environment(os.environ).metrics_listen.rpartition(":")
    with make_server(host.strip("[]"), int(port), application, handler_class=_Quiet) as server:
        server.serve_forever()
    return 0
