"""Security headers, on every response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litestar.datastructures import MutableScopeHeaders

if TYPE_CHECKING:
    from litestar.types import Message, Scope

#: Everything comes from here; no inline script or style, no frame around us, no form to elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

#: Two years, as https://hstspreload.org asks; only this host.
STRICT_TRANSPORT = "max-age=63072000"


async def secure(message: Message, scope: Scope) -> None:
    """Add the headers to a response."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in HEADERS.items():
        headers[name] = value
    headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    if is_https(scope):
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT


def is_https(scope: Scope) -> bool:
    """Return whether the browser uses https, as the server or the proxy that it trusts says."""
    return scope["scheme"] == "https"
