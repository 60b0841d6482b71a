"""Telemetry: what an attempt leaves in logs, metrics and traces."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from structlog.contextvars import bound_contextvars

from webhooks.tracing import trace_id_from, trace_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhooks.deliveries import Attempt, Delivery
    from workers.metrics import Metrics
    from workers.traces import Traces

logger = logging.getLogger(__name__)


class Payload(msgspec.Struct):
    """What telemetry reads of a payload; the rest is the users'."""

    request_id: str | None = None
    timestamp: datetime | None = None


@dataclass
class Observed:
    """An attempt under way: `headers` go with it, and its `result` is told of."""

    headers: Mapping[str, str] = field(default_factory=dict)
    result: Attempt | None = None


class Telemetry:
    """Watches attempts. `traces` is None without OpenTelemetry."""

    def __init__(self, metrics: Metrics, traces: Traces | None = None) -> None:
        self.metrics = metrics
        self.traces = traces

    @contextmanager
    def attempt(self, delivery: Delivery, traceparent: str | None = None) -> Iterator[Observed]:
        """Watch one attempt; every log line inside carries its ids."""
        payload = _payload(delivery)
        trace_id = trace_id_of(traceparent) or trace_id_from(payload.request_id)
        ids = {
            "delivery_id": delivery.id,
            "attempt": delivery.attempt,
            "request_id": payload.request_id,
            "trace_id": trace_id,
        }
        observed = Observed()
        with bound_contextvars(**ids), self.metrics.in_flight.track_inprogress():
            span = self.traces.begin(delivery, payload, traceparent) if self.traces else None
            if span:
                observed.headers = span.headers
            try:
                yield observed
            finally:
                if span:
                    span.end(observed.result)
                if observed.result:
                    self._note(delivery, payload, observed.result)

    def _note(self, delivery: Delivery, payload: Payload, result: Attempt) -> None:
        scheme = delivery.endpoint.url.partition(":")[0]
        outcome = "delivered" if result.delivered else "refused" if result.permanent else "failed"
        self.metrics.attempts.labels(scheme, outcome).inc()
        self.metrics.attempt_seconds.labels(scheme).observe(result.duration_ms / 1000)
        if result.delivered and payload.timestamp:
            self.metrics.delivery_seconds.observe(max(0.0, time.time() - payload.timestamp.timestamp()))
        logger.log(
            logging.INFO if result.delivered else logging.WARNING,
            "attempt %s",
            outcome,
            extra={
                "event_type": delivery.event_type,
                "endpoint_id": delivery.endpoint.id,
                "duration_ms": result.duration_ms,
                "response_status": result.response_status,
                "error": result.error,
            },
        )


def _payload(delivery: Delivery) -> Payload:
    """Read the payload's own ids; an edge function may have written anything."""
    try:
        payload = msgspec.json.decode(delivery.body, type=Payload)
    except (msgspec.DecodeError, RecursionError):
        return Payload()
    if payload.timestamp and payload.timestamp.tzinfo is None:
        payload.timestamp = payload.timestamp.replace(tzinfo=UTC)
    return payload
