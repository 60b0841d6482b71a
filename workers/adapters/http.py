"""HTTP: one POST for each delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING

import httpcore
import httpx

from webhooks.addresses import parse_networks
from webhooks.deliveries import Receipt, excerpt
from webhooks.errors import DeliveryError, DestinationError
from workers.adapters.connections import CheckedBackend

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from webhooks.addresses import Network
    from webhooks.deliveries import Health, Message
    from webhooks.destinations import Destination
    from workers.adapters import Context

#: Bytes of a response that are read. The status is what counts; an endless body must not hold a worker.
RESPONSE_BYTES = 64 * 1024

#: httpx's pool looks through all of its connections on each request and release, so a destination has several
#: small pools: measured, one pool of 50 makes 170 requests/s, ten of 5 make 1,430.
POOLS, POOL_CONNECTIONS = 8, 16

#: How long an idle connection is kept; httpx's default.
KEEPALIVE_SECONDS = 5.0

#: Above the worker, which bounds each attempt as a whole; only so that httpx's 5 s do not cut in.
UNBOUNDED = httpx.Timeout(None)

GONE = 410
RETRY_AFTER_STATUSES = frozenset({429, 503})

#: What a refusal tells of the endpoint's health, where it is not as its class says: 3xx and 4xx are an answer of a
#: server that is up (a wrong URL or payload is no reason to stop trying others), 5xx is a failure.
HEALTH: dict[int, Health | None] = {
    408: "failed",  # Request Timeout: too slow to read us
    425: None,  # Too Early: asks to come again
    429: None,  # Too Many Requests: busy, not ill; its Retry-After pauses the endpoint
    501: "answered",  # Not Implemented: a decision about the request, as a 4xx is
    505: "answered",  # HTTP Version Not Supported: likewise
}
SERVER_ERRORS = 500


@cache
def _tls() -> ssl.SSLContext:
    # loading the certificates takes 20 ms: once a process, not once a client
    return httpx.create_ssl_context(trust_env=False)


class CheckedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport with a pool whose connections are checked."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        super().__init__(verify=_tls())
        # httpx has no way to name a network backend; its pool is httpcore's, as it would make it
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(),
            max_connections=POOL_CONNECTIONS,
            max_keepalive_connections=POOL_CONNECTIONS,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=CheckedBackend(allowed),
        )


class HttpAdapter:
    """POSTs to one URL. Redirects are not followed, proxies from the environment not used."""

    def __init__(self, destination: Destination, context: Context) -> None:
        self._url = destination.url
        self._clients = [
            httpx.AsyncClient(
                transport=CheckedTransport(parse_networks(context.settings.allowed_networks)),
                timeout=UNBOUNDED,
                follow_redirects=False,
                trust_env=False,
                # only what is set here and by the caller is sent; the response is read as it comes
                headers={"Accept": "*/*", "Accept-Encoding": "identity"},
            )
            for _ in range(POOLS)
        ]
        self._next = cycle(self._clients)

    async def publish(self, message: Message) -> Receipt:
        """POST the body; 2xx is success. Raises DeliveryError with the decision that the status asks for."""
        try:
            async with next(self._next).stream(
                "POST", self._url, content=message.body, headers=message.headers
            ) as response:
                text = excerpt(await _read(response))
        except httpx.InvalidURL as exc:
            raise DestinationError(f"the endpoint's URL is malformed: {exc}") from exc
        except httpx.HTTPError as exc:
            reason = str(exc) or "no details"
            raise DeliveryError(f"{type(exc).__name__}: {reason}") from exc
        if response.is_success:
            return Receipt(status=response.status_code, excerpt=text)
        raise _rejection(response, text)

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients:
            await client.aclose()


async def _read(response: httpx.Response) -> str:
    read = bytearray()
    async for chunk in response.aiter_raw():
        read += chunk
        if len(read) >= RESPONSE_BYTES:
            break
    try:
        return bytes(read[:RESPONSE_BYTES]).decode(response.encoding or "utf-8", errors="replace")
    except (LookupError, UnicodeError):  # an encoding that Python does not know, or none for text (idna)
        return bytes(read[:RESPONSE_BYTES]).decode(errors="replace")


def _rejection(response: httpx.Response, text: str) -> DeliveryError:
    status = response.status_code
    message = f"HTTP {status} {response.reason_phrase}".rstrip()
    if response.has_redirect_location:
        message += ": redirects are not followed; give the endpoint its final URL"
    retry_after = _retry_after(response) if status in RETRY_AFTER_STATUSES else None
    return DeliveryError(
        message,
        permanent=status == GONE,
        # a server that says when to come again is busy, whatever its status
        health=None if retry_after else HEALTH.get(status, "failed" if status >= SERVER_ERRORS else "answered"),
        retry_after=retry_after,
        status=status,
        excerpt=text,
        disable_reason="the endpoint answered 410 Gone" if status == GONE else None,
    )


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110, section 10.2.3: seconds or a date)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        # the database waits a day at most; the bound here only keeps the number a number
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
