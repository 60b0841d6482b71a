"""Around every request: its id, its trace, one line in the log, one count in the metrics."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware

from supabase_webhooks.webhooks.logs import bound
from supabase_webhooks.webhooks.tracing import trace_id_from, trace_id_of

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from supabase_webhooks.gateway.metrics import Requests

logger = logging.getLogger(__name__)

#: What a caller's own X-Request-ID may be: anything else could forge lines of the log.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,100}")

#: Requested so often that their lines would hide the others.
UNLOGGED = {"/healthz", "/readyz", "/metrics"}


class Access(ASGIMiddleware):
    """Gives each request an id (a caller's X-Request-ID is kept) and returns it in the response."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass a request on and note how it went."""
        headers = Headers.from_scope(scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(uuid4())
        trace_id = trace_id_of(headers.get("traceparent")) or trace_id_from(request_id)
        # an error before the response is turned into a 500 further out
        status = 500
        began = time.perf_counter()

        async def respond(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableScopeHeaders.from_message(message)["x-request-id"] = request_id
            await send(message)

        with bound(request_id=request_id, trace_id=trace_id):
            try:
                await next_app(scope, receive, respond)
            finally:
                self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Any, status: int, seconds: float) -> None:  # noqa: ANN401 - a dictionary with more keys than Litestar's type
        route = str(scope.get("path_template") or "unknown")
        self._requests.note(scope["method"], route, status, seconds)
        if route not in UNLOGGED:
            # without the query: it may contain secrets
            details = {"method": scope["method"], "path": scope["path"], "status": status}
            logger.info("request", extra={**details, "duration_ms": round(seconds * 1000)})
