"""HTTP: one POST for each delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, cast

import httpx

from supabase_webhooks.webhooks.addresses import parse_networks
from supabase_webhooks.webhooks.deliveries import Receipt, excerpt, merged
from supabase_webhooks.webhooks.errors import DeliveryError, DestinationError
from supabase_webhooks.workers.adapters.authorities import trusted
from supabase_webhooks.workers.adapters.bodies import readable
from supabase_webhooks.workers.adapters.failures import described
from supabase_webhooks.workers.adapters.kept import kept
from supabase_webhooks.workers.adapters.transport import CheckedTransport

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import Health, Message
    from supabase_webhooks.webhooks.destinations import Destination
    from supabase_webhooks.workers.adapters import Context

#: Bytes of a response that are read. The status is what counts; an endless body must not hold a worker.
RESPONSE_BYTES = 64 * 1024

#: Default headers, which an endpoint may override.
DEFAULTS = {"Accept": "*/*", "Accept-Encoding": "identity"}

GONE, UNAVAILABLE = 410, 503
RETRY_AFTER_STATUSES = frozenset({429, UNAVAILABLE})

#: What a status says about the endpoint's health, if it differs from its class: 3xx and 4xx are responses of a
#: server that is up (a wrong URL or payload is not a reason to stop other deliveries), 5xx is a failure.
HEALTH: dict[int, Health | None] = {
    408: "failed",  # Request Timeout: too slow to read us
    425: None,  # Too Early: asks to retry
    429: None,  # Too Many Requests: busy, not failing; its Retry-After pauses the endpoint
    501: "answered",  # Not Implemented: a decision about the request, as a 4xx is
    505: "answered",  # HTTP Version Not Supported: likewise
}
SERVER_ERRORS = 500

#: Bodies of 2xx responses that mean "not yet" -> their sender. They count as 503.
NOT_READY = {
    # n8n, packages/cli/src/abstract-server.ts: to every request while its migrations run
    "n8n is starting up. Please wait": "n8n is starting up",
}

#: Characters of a Retry-After that are looked at: a date has 29.
RETRY_AFTER_CHARACTERS = 64


class HttpAdapter:
    """POSTs to one URL. Redirects are not followed, proxies from the environment not used, no cookies kept."""

    def __init__(self, destination: Destination, context: Context) -> None:
        try:
            self._url = httpx.URL(destination.url)
        except httpx.InvalidURL as exc:
            raise DestinationError(f"the endpoint's URL is malformed: {exc}") from exc
        self._framing = {"Host": self._url.netloc.decode("ascii"), "Connection": "keep-alive"}
        allowed = parse_networks(context.settings.allowed_networks)
        tls = partial(trusted, context.settings.ca_bundle)
        self._transport: httpx.AsyncBaseTransport = CheckedTransport(allowed, tls=tls, limit=RESPONSE_BYTES)

    async def publish(self, message: Message) -> Receipt:
        """POST the body; 2xx is success. Raises DeliveryError with the decision that the status asks for."""
        # an httpx client would add redirects, cookies and authentication of its own
        length = {"Content-Length": str(len(message.body))}
        headers = merged(DEFAULTS, message.headers, self._framing, length)
        # given as a stream with its length, so that httpx does not look through the headers for what to add
        request = httpx.Request(
            "POST",
            self._url,
            headers=[(name.encode(), value.encode()) for name, value in headers.items()],
            stream=httpx.ByteStream(message.body),
        )
        try:
            response = await self._transport.handle_async_request(request)
            text = excerpt(readable(await _read(response), response.headers, limit=RESPONSE_BYTES))
        except httpx.HTTPError as exc:
            raise DeliveryError(described(exc)) from exc
        if response.is_success:
            if waits := NOT_READY.get(text.strip()):
                raise _rejection(response, text, counts_as=UNAVAILABLE, why=f": {waits}, which counts as {UNAVAILABLE}")
            return Receipt(status=response.status_code, excerpt=text, headers=kept(response.headers.raw))
        raise _rejection(response, text)

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.aclose()


async def _read(response: httpx.Response) -> bytes:
    # unprocessed: httpx would decompress without a limit
    return b"".join([chunk async for chunk in cast("httpx.AsyncByteStream", response.stream)])[:RESPONSE_BYTES]


def _rejection(response: httpx.Response, text: str, *, counts_as: int | None = None, why: str = "") -> DeliveryError:
    message = f"HTTP {response.status_code} {response.reason_phrase}".rstrip() + why
    status = counts_as or response.status_code
    if response.has_redirect_location:
        message += ": redirects are not followed; give the endpoint its final URL"
    retry_after = _retry_after(response) if status in RETRY_AFTER_STATUSES else None
    return DeliveryError(
        message,
        permanent=status == GONE,
        # a server that says when to retry is busy, whatever its status
        health=None if retry_after else HEALTH.get(status, "failed" if status >= SERVER_ERRORS else "answered"),
        retry_after=retry_after,
        status=response.status_code,
        headers=kept(response.headers.raw),
        excerpt=text,
        disable_reason="the endpoint returned 410 Gone" if status == GONE else None,
    )


def _retry_after(response: httpx.Response) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110, section 10.2.3: seconds or a date)."""
    value = response.headers.get("Retry-After", "")[:RETRY_AFTER_CHARACTERS].strip()
    if value.isascii() and value.isdigit():
        # the database waits a day at most; the bound here only keeps the number a number
        return float(value[:9])
    try:
        at = parsedate_to_datetime(value)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None
