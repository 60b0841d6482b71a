"""HEAD: what GET returns, without the body (RFC 9110, section 9.3.2), for every address."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Passes a HEAD request on as a GET, and leaves out the body of the response."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        # a websocket has no method
        if scope.get("method") != "HEAD":
            await self._app(scope, receive, send)
            return

        async def respond(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await self._app(cast("Scope", {**scope, "method": "GET"}), receive, respond)
