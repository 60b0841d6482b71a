"""Telemetry: an attempt's logs, metrics and traces."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from supabase_webhooks.webhooks.logs import under_way
from supabase_webhooks.webhooks.tracing import trace_id_from, trace_id_of
from supabase_webhooks.workers.pulse import Pulse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supabase_webhooks.webhooks.deliveries import Attempt, Delivery
    from supabase_webhooks.workers.metrics import Metrics
    from supabase_webhooks.workers.traces import AttemptSpan, Traces

logger = logging.getLogger(__name__)

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Payload(msgspec.Struct):
    """The fields of a payload that telemetry reads; the rest is users' data."""

    request_id: str | None = None
    timestamp: datetime | None = None


_DECODER = msgspec.json.Decoder(Payload)


class Observed(NamedTuple):
    """An attempt in progress."""

    delivery: Delivery
    payload: Payload
    span: AttemptSpan | None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that pass its trace to the receiver."""
        return self.span.headers if self.span else NO_HEADERS


class Telemetry:
    """Watches attempts. `traces` is None without OpenTelemetry."""

    def __init__(self, metrics: Metrics, traces: Traces | None = None) -> None:
        self.metrics = metrics
        self.traces = traces
        self._pulse = Pulse()

    def begin(self, delivery: Delivery, traceparent: str | None = None) -> Observed:
        """Start to watch an attempt, in its own task: every further log line of the task contains its ids."""
        payload = _payload(delivery)
        under_way.set(
            {
                "delivery_id": delivery.id,
                "attempt": delivery.attempt,
                "request_id": payload.request_id,
                "trace_id": trace_id_of(traceparent) or trace_id_from(payload.request_id),
            }
        )
        span = self.traces.begin(delivery, payload, traceparent) if self.traces else None
        self.metrics.in_flight.inc()
        self._pulse.enter()
        return Observed(delivery, payload, span)

    def end(self, observed: Observed, result: Attempt | None) -> None:
        """Report its outcome; None: it was cancelled."""
        self.metrics.in_flight.dec()
        self._pulse.leave()
        if observed.span:
            observed.span.end(result)
        if result:
            self._note(observed.delivery, observed.payload, result)

    def _note(self, delivery: Delivery, payload: Payload, result: Attempt) -> None:
        scheme = delivery.endpoint.url.partition(":")[0]
        outcome = "delivered" if result.delivered else "refused" if result.permanent else "failed"
        self.metrics.attempted(scheme, outcome, result.duration_ms / 1000)
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
        payload = _DECODER.decode(delivery.body)
    except (msgspec.DecodeError, RecursionError):
        return Payload()
    if payload.timestamp and payload.timestamp.tzinfo is None:
        payload.timestamp = payload.timestamp.replace(tzinfo=UTC)
    return payload
