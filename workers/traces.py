"""OpenTelemetry traces of attempts, with the extra `otel`; configured by the standard `OTEL_...` variables.

An attempt's span continues the trace that its event was dispatched in, if the app sent a `traceparent` to Supabase
(supabase-js does where the page is traced), else the trace that has the event's request_id as its id. The receiver gets
the span as its parent.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from supabase_webhooks.webhooks.tracing import trace_id_from, trace_id_of

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

    from supabase_webhooks.webhooks.deliveries import Attempt, Delivery
    from supabase_webhooks.workers.telemetry import Payload

#: The trace id that the next root span gets.
_trace_id: ContextVar[int | None] = ContextVar("trace_id", default=None)

_PROPAGATOR = TraceContextTextMapPropagator()


class _EventIds(RandomIdGenerator):
    """Gives an event's first span a trace id that can be derived from its request_id."""

    def generate_trace_id(self) -> int:
        return _trace_id.get() or super().generate_trace_id()


class AttemptSpan:
    """One attempt's span; `headers` hand it to the receiver."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self.headers: dict[str, str] = {}
        _PROPAGATOR.inject(self.headers, set_span_in_context(span))

    def end(self, result: Attempt | None) -> None:
        """End the span with what became of the attempt."""
        if result:
            self._span.set_attribute("webhook.delivered", result.delivered)
            if result.response_status:
                self._span.set_attribute("http.response.status_code", result.response_status)
            if not result.delivered:
                self._span.set_status(Status(StatusCode.ERROR, result.error))
        self._span.end()


class Traces:
    """A process's traces, sent in batches from a separate thread."""

    def __init__(self, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "webhooks-worker"}), id_generator=_EventIds()
        )
        self._provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("supabase-webhooks")

    def begin(self, delivery: Delivery, payload: Payload, traceparent: str | None) -> AttemptSpan:
        """Begin an attempt's span; before the first attempt's, a span of the time since the dispatch."""
        attributes: dict[str, Any] = {
            "webhook.event_type": delivery.event_type,
            "webhook.delivery_id": delivery.id,
            "webhook.endpoint_id": delivery.endpoint.id,
            "webhook.request_id": payload.request_id or "",
            "webhook.attempt": delivery.attempt,
        }
        parent: Context | None = None
        if trace_id_of(traceparent):
            parent = _PROPAGATOR.extract({"traceparent": str(traceparent)})
        event = trace_id_from(payload.request_id)
        token = _trace_id.set(int(event, 16) if event else None)
        try:
            if delivery.attempt == 1 and payload.timestamp:
                dispatched = int(payload.timestamp.timestamp() * 1e9)
                waited = self._tracer.start_span(
                    f"dispatch {delivery.event_type}",
                    parent,
                    SpanKind.PRODUCER,
                    attributes=attributes,
                    start_time=dispatched,
                )
                waited.end()
                parent = set_span_in_context(waited)
            span = self._tracer.start_span(
                f"deliver {delivery.event_type}", parent, SpanKind.CLIENT, attributes=attributes
            )
        finally:
            _trace_id.reset(token)
        return AttemptSpan(span)

    def close(self) -> None:
        """Send the remaining spans. Blocks for up to the exporter's timeout."""
        self._provider.shutdown()
