"""HTTP: one POST for each delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, cast

import httpx

from webhooks.addresses import parse_networks
from webhooks.deliveries import Receipt, excerpt
from webhooks.errors import DeliveryError, DestinationError
from workers.adapters.transport import CheckedTransport

if TYPE_CHECKING:
    import ssl

    from webhooks.deliveries import Health, Message
    from webhooks.destinations import Destination
    from workers.adapters import Context

#: Bytes of a response that are read. The status is what counts; an endless body must not hold a worker.
RESPONSE_BYTES = 64 * 1024

#: What every request has; the rest is the message's.
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "Connection": "keep-alive"}

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
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpAdapter:
    """POSTs to one URL. Redirects are not followed, proxies from the environment not used, no cookies kept."""

    def __init__(self, destination: Destination, context: Context) -> None:
        try:
            self._url = httpx.URL(destination.url)
        except httpx.InvalidURL as exc:
            raise DestinationError(f"the endpoint's URL is malformed: {exc}") from exc
        self._headers = {"Host": self._url.netloc.decode("ascii"), **HEADERS}
        allowed = parse_networks(context.settings.allowed_networks)
        self._transport: httpx.AsyncBaseTransport = CheckedTransport(allowed, tls=_tls, limit=RESPONSE_BYTES)

    async def publish(self, message: Message) -> Receipt:
        """POST the body; 2xx is success. Raises DeliveryError with the decision that the status asks for."""
        # an httpx client would add redirects, cookies and authentication to what is ours to decide
        # given as a stream with its length, so that httpx does not look through the headers for what to add
        request = httpx.Request(
            "POST",
            self._url,
            headers={**self._headers, "Content-Length": str(len(message.body)), **message.headers},
            stream=httpx.ByteStream(message.body),
        )
        try:
            response = await self._transport.handle_async_request(request)
            text = excerpt(await _read(response))
        except httpx.HTTPError as exc:
            reason = str(exc) or "no details"
            raise DeliveryError(f"{type(exc).__name__}: {reason}") from exc
        if response.is_success:
            return Receipt(status=response.status_code, excerpt=text)
        raise _rejection(response, text)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


async def _read(response: httpx.Response) -> str:
    # as it comes: nothing is decompressed
    body = b"".join([chunk async for chunk in cast("httpx.AsyncByteStream", response.stream)])[:RESPONSE_BYTES]
    # most say none, or utf-8, which is found sooner than by parsing the header
    if "charset" not in response.headers.get("Content-Type", "").lower():
        return body.decode(errors="replace")
    try:
        return body.decode(response.encoding or "utf-8", errors="replace")
    except (LookupError, UnicodeError):  # an encoding that Python does not know, or none for text (idna)
        return body.decode(errors="replace")


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
