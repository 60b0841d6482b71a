"""The dispatcher: what the cron calls. It wakes the workers, or delivers within the request."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import QueryParameter
from litestar.status_codes import HTTP_202_ACCEPTED

from supabase_webhooks.gateway.alerts import alert
from supabase_webhooks.gateway.auth import server_only
from supabase_webhooks.gateway.engine import Engine
from supabase_webhooks.gateway.scopes import SERVER, closed
from supabase_webhooks.webhooks.deliveries import RECORDING_SECONDS
from supabase_webhooks.webhooks.errors import QueueUnavailable, StoreError
from supabase_webhooks.webhooks.queue import Broker, announce
from supabase_webhooks.webhooks.settings import Settings, variable
from supabase_webhooks.webhooks.store import Store

SECURITY = [{"bearer": list[str]()}]

#: Seconds of a plain call's drain, if no worker is notified: a cron waits longer.
DRAIN_SECONDS = 20

#: The longest drain, in seconds; the same as the longest request of AWS Lambda.
LONGEST = 900

#: A wake-up looks again after this many seconds: the database sends one a second at most, and none for what was
#: dispatched in the same second.
LINGER = 1.2


class Run(msgspec.Struct):
    """A dispatcher run: how many deliveries were due, and how many jobs were enqueued for them."""

    run_id: str | None
    due: int
    enqueued: int


class DrainedRun(Run):
    """A run that delivered within the request: how many deliveries it claimed, and their results.

    `pending` ones are retried later, `released` ones were returned without an attempt.
    """

    claimed: int
    delivered: int
    failed: int
    pending: int
    released: int


@post(
    "/functions/v1/webhook-dispatcher",
    guards=[server_only],
    status_code=HTTP_202_ACCEPTED,
    security=SECURITY,
    summary="Deliver what is due",
    **closed(SERVER),
)
async def webhook_dispatcher(  # noqa: PLR0913, PLR0917 - Litestar gives them by name
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    store: NamedDependency[Store],
    broker: NamedDependency[Broker],
    engine: NamedDependency[Engine],
    drain: Annotated[
        int | None, QueryParameter(ge=1, le=LONGEST, description="How many seconds to deliver for.")
    ] = None,
    heartbeat: Annotated[bool, QueryParameter(description="Whether the cron is calling; false for a wake-up.")] = True,
) -> Run | DrainedRun:
    """Record the cron's heartbeat, and enqueue as many jobs as the due rows need; with `drain`, deliver them instead.

    Without a broker, a call without `drain` delivers too. 503 when the broker or Supabase is unavailable.
    """
    seconds = _seconds(drain, settings, broker)
    end = asyncio.get_running_loop().time() + (seconds or math.inf)
    source = request.headers.get("user-agent") or "unknown"
    run_id, due = await store.start_run(source) if heartbeat else (None, await store.due())
    # concurrently with the drain: it may take as long
    alerting = asyncio.create_task(alert(store, settings)) if heartbeat else None
    enqueued, drained = 0, None
    try:
        if seconds is None:
            enqueued = await asyncio.to_thread(announce, broker, due=due, max_jobs=settings.max_jobs) if due else 0
        else:
            linger = 0.0 if heartbeat else LINGER
            drained = await engine.drain(store, seconds=_left(end), linger=linger)
    except (QueueUnavailable, StoreError) as exc:
        if run_id:
            with suppress(StoreError):
                await store.finish_run(run_id, enqueued=0, error=str(exc))
        raise
    finally:
        if alerting:
            await _finish(alerting, _left(end))
    if run_id:
        await store.finish_run(run_id, enqueued=enqueued)
    if drained is None:
        return Run(run_id=run_id, due=due, enqueued=enqueued)
    if heartbeat and not broker.attended and _left(end) > 1:
        await engine.keep_up(store, seconds=_left(end))
    return DrainedRun(run_id=run_id, due=due, enqueued=0, **msgspec.structs.asdict(drained))


def _seconds(drain: int | None, settings: Settings, broker: Broker) -> int | None:
    """Return how long a call delivers, or None: it wakes the workers."""
    least = math.ceil(settings.timeout_seconds) + RECORDING_SECONDS
    if drain is None:
        return None if broker.attended else max(DRAIN_SECONDS, least)
    if drain < least:
        raise ClientException(
            f"drain={drain} is too short for an attempt, which may take {settings.timeout_seconds:g} s "
            f"({variable('timeout_seconds')}), and {RECORDING_SECONDS} s to record it: drain for {least} s or more, "
            "or lower that setting"
        )
    return drain


def _left(end: float) -> float:
    return end - asyncio.get_running_loop().time()


async def _finish(task: asyncio.Task[None], seconds: float) -> None:
    """Wait for a task; cancel it when the time is up."""
    await asyncio.wait([task], timeout=None if math.isinf(seconds) else max(0.0, seconds))
    task.cancel()


ROUTES = [webhook_dispatcher]
