"""One attempt: sign, deliver within the timeout, and turn the outcome into a result."""

from __future__ import annotations

import asyncio
import errno
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.deliveries import Attempt, Delivery, Message, Receipt, excerpt, merged
from supabase_webhooks.webhooks.errors import (
    AddressError,
    CredentialsError,
    DeliveryError,
    DestinationError,
    SealedError,
    SecretError,
    SetupError,
)
from supabase_webhooks.webhooks.exact import compact
from supabase_webhooks.webhooks.sealing import sealer
from supabase_webhooks.webhooks.signing import signature_headers
from supabase_webhooks.workers.telemetry import NO_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.workers.adapters.cache import AdapterCache

#: The share of an attempt's time within which it may be repeated, with credentials that were read again.
RENEWING = 0.3

#: Errors of the process, not of the receiver: out of file descriptors or memory.
SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})


async def attempt(
    delivery: Delivery, adapters: AdapterCache, settings: Settings, headers: Mapping[str, str] = NO_HEADERS
) -> Attempt:
    """Attempt a delivery once, with extra headers. Never raises for what the destination did: that is the result.

    It raises if the process runs out of threads, memory or files: that says nothing about the delivery.
    """
    started_at = datetime.now(UTC)
    clock = time.perf_counter()
    receipt = Receipt()
    error: DeliveryError | None = None
    seconds = delivery.endpoint.timeout_seconds or settings.timeout_seconds
    try:
        async with asyncio.timeout(seconds):
            receipt = await _publish(delivery, adapters, settings, started_at, headers)
    except TimeoutError as exc:
        error = DeliveryError(f"no complete response within {seconds:g} s", status=_announced(exc))
    except DeliveryError as exc:
        if own_fault(exc):
            raise
        error = _bare(exc)
    except AddressError as exc:
        error = (
            # no setting will allow it, and a customer must not learn the addresses of the app's network
            DeliveryError("the endpoint's host has no public address")
            if delivery.endpoint.public_only
            else DeliveryError(str(exc), setup=True)
        )
    except (SealedError, SetupError) as exc:
        # a problem of this worker: the deliveries wait behind the endpoint's circuit until it is configured
        error = DeliveryError(str(exc), setup=True)
    except (DestinationError, SecretError) as exc:
        error = DeliveryError(str(exc), permanent=True, health=None)
    except Exception as exc:
        # caused by the row or the endpoint's settings: its attempts run out
        if own_fault(exc):
            raise
        error = DeliveryError(f"internal error: {type(exc).__name__}: {exc}", health=None)
    return Attempt(
        delivery_id=delivery.id,
        endpoint_id=delivery.endpoint.id,
        lease_id=delivery.lease_id,
        attempt=delivery.attempt,
        started_at=started_at,
        duration_ms=round((time.perf_counter() - clock) * 1000),
        delivered=error is None,
        permanent=error is not None and error.permanent,
        health=error.health if error else "answered",
        retry_after_seconds=error.retry_after if error else None,
        response_status=error.status if error else receipt.status,
        response_headers=error.headers if error else receipt.headers,
        response_excerpt=error.excerpt if error else receipt.excerpt,
        error=excerpt(str(error)) if error else None,
        disable_reason=error.disable_reason if error else None,
        setup=error is not None and error.setup,
    )


def _bare(error: DeliveryError) -> DeliveryError:
    """Drop its traceback and its causes: their frames hold it, and so the payload, until garbage is looked for."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def own_fault(error: BaseException | None) -> bool:
    """Return whether an error, or its cause, is a fault of this process."""
    while error:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in SHORT):
            return True
        # no thread, no loop, no executor any more; a recursion is the payload's depth
        if isinstance(error, RuntimeError) and not isinstance(error, (RecursionError, NotImplementedError)):
            return True
        error = error.__cause__
    return False


def _announced(error: TimeoutError) -> int | None:
    """Return the status that a receiver had sent when its time ran out: cancelled HTTP exchanges report it."""
    # before 3.11.3, asyncio.timeout names no cause
    cancelled = error.__cause__ or error.__context__
    status = cancelled.args[0] if cancelled and cancelled.args else None
    return status if isinstance(status, int) else None


async def _publish(
    delivery: Delivery,
    adapters: AdapterCache,
    settings: Settings,
    started_at: datetime,
    further: Mapping[str, str],
) -> Receipt:
    endpoint = delivery.endpoint
    body = compact(delivery.body).encode()
    secrets = [sealer(settings.encryption_keys).open(secret) for secret in endpoint.secrets]
    headers = merged(
        endpoint.headers,
        further,
        {"Content-Type": "application/json", "User-Agent": settings.user_agent},
        signature_headers(secrets, delivery.id, int(started_at.timestamp()), body),
    )
    message = Message(delivery_id=delivery.id, endpoint_id=endpoint.id, body=body, headers=headers)
    known, loop = adapters.holds(endpoint), asyncio.get_running_loop()
    began = loop.time()
    try:
        async with adapters.use(endpoint) as adapter:
            return await adapter.publish(message)
    except CredentialsError:
        # rejected, so nothing was delivered; credentials may have been rotated since they were read
        adapters.retire(endpoint, adapter)
        if not known or loop.time() - began > (endpoint.timeout_seconds or settings.timeout_seconds) * RENEWING:
            raise
    async with adapters.use(endpoint) as adapter:
        return await adapter.publish(message)
