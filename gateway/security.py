"""Headers that browsers obey, on every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar.datastructures import MutableScopeHeaders

if TYPE_CHECKING:
    from litestar.types import Message, Scope

#: Everything comes from here; no inline script or style, no frame around us, no form to elsewhere.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

#: OpenAPI's viewer comes with scripts of its own, from a CDN.
VIEWER = "/schema"

#: Two years, as https://hstspreload.org asks; only this host.
STRICT_TRANSPORT = "max-age=63072000"


async def secure(message: Message, scope: Scope) -> None:
    """Add the headers to an answer, and on https Secure to its cookies."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, value in HEADERS.items():
        headers[name] = value
    if not str(scope["path"]).startswith(VIEWER):
        headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    if _is_https(scope):
        headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        message["headers"] = [
            (name, value + b"; Secure" if name.lower() == b"set-cookie" and b"; secure" not in value.lower() else value)
            for name, value in message["headers"]
        ]


def _is_https(scope: Any) -> bool:  # noqa: ANN401 - ASGI's dictionary
    forwarded = dict(scope["headers"]).get(b"x-forwarded-proto", b"").split(b",")[0].strip().lower()
    return "https" in (scope.get("scheme"), forwarded.decode("latin-1"))
