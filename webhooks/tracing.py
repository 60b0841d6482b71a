"""Trace identifiers: W3C Trace Context's `traceparent`, and the trace that an event is in without one.

Source: https://www.w3.org/TR/trace-context/, section 3.2.2.
"""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}")


def trace_id_of(traceparent: str | None) -> str | None:
    """Return the trace id of a `traceparent`, or None if it is invalid."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return match[1] if match else None


def trace_id_from(request_id: str | None) -> str | None:
    """Return the trace id of an event without a trace: its request_id, which also has 128 bits."""
    trace_id = (request_id or "").replace("-", "").lower()
    return trace_id if re.fullmatch(r"(?!0{32})[0-9a-f]{32}", trace_id) else None
