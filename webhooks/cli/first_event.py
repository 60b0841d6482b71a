"""The last steps of `webhooks init`: an endpoint, and an event that arrives there."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.cli.listener import Handled, Listener
from supabase_webhooks.webhooks.cli.outcome import Outcome
from supabase_webhooks.webhooks.cli.supabase import call, settings, supabase
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.settings import host_of
from supabase_webhooks.webhooks.signing import generate_secret
from supabase_webhooks.webhooks.steps import step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The name of an endpoint that `webhooks init` creates.
NAME = "first"

#: Seconds within which the first event is attempted: a process starts, and an attempt may take 15.
PATIENCE = 40.0

POLL_SECONDS = 0.3

#: What the listener subscribes to: the test is sent to it alone, and a project's own events are not claimed meanwhile.
QUIET = ("webhook.alert",)


def create(url: str | None) -> Outcome:
    """Create an endpoint for all events, unless there is one with this URL; without a URL, unless there is any."""
    listed: list[dict[str, Any]] = call("list_webhook_endpoints")
    if any(url in {None, one["url"]} for one in listed):
        return Outcome("endpoint", "kept", f"there are {len(listed)}: webhooks endpoints list")
    if url is None:
        return Outcome("endpoint", "skipped", "there is none yet", step("endpoint").command)
    try:
        made = call("create_webhook_endpoint", settings={"name": NAME, "url": url, "events": ["*"]})
    except StoreError as exc:
        return Outcome("endpoint", "missing", str(exc), step("endpoint").command)
    return Outcome(
        "endpoint", "done", f"{NAME} receives all events at {host_of(url)}; it verifies them with this secret:",
        shown_once=made["secret_key"],
    )  # fmt: skip


def deliver(endpoint: Outcome, *, delivered: bool, show: Callable[[Handled], None]) -> Outcome:
    """Send the event webhook.test to the only endpoint, or to a listener here, and wait for its arrival."""
    if delivered and endpoint.status != "done":
        return Outcome("event", "kept", "events were delivered: webhooks deliveries list")
    listed = call("list_webhook_endpoints") if endpoint.status in {"done", "kept"} else []
    to = [one for one in listed if one["is_active"] and (endpoint.status == "kept" or one["name"] == NAME)]
    if len(to) != 1:
        return asyncio.run(_listen(show))
    sent = call("send_test_webhook", webhook_config_id=to[0]["id"])
    more = f"webhooks deliveries show {sent['delivery_id']}"
    with _delivering():
        attempt = _attempt(sent["delivery_id"])
    host = host_of(to[0]["url"])
    if attempt is None:
        return Outcome("event", "missing", f"webhook.test was not sent to {host} yet", f"webhooks serve, then {more}")
    if not attempt["delivered"]:
        what = attempt["error"] or f"it returned {attempt['response_status']}"
        return Outcome("event", "missing", f"webhook.test was not accepted by {host}: {what}", more)
    took = f"in {attempt['duration_ms']} ms"
    status = f", which returned {attempt['response_status']}" if attempt["response_status"] else ""
    return Outcome("event", "done", f"webhook.test arrived at {host}{status}, {took}", more)


async def _listen(show: Callable[[Handled], None]) -> Outcome:
    """Deliver the event as `webhooks listen` does: it needs neither a receiver nor a worker."""
    arrived: list[Handled] = []
    own = settings()
    async with supabase() as store:
        listener = await Listener.start(
            store, QUIET, arrived.append, user_agent=own.user_agent, secret=generate_secret()
        )
        try:
            sent = await store.call("send_test_webhook", {"webhook_config_id": listener.id})
            async with asyncio.timeout(PATIENCE):
                while not any(one.id == sent["delivery_id"] for one in arrived):
                    await listener.deliver(1)
        except TimeoutError:
            return Outcome("event", "missing", "webhook.test did not arrive here", "webhooks listen")
        finally:
            await listener.stop()
    one = next(one for one in arrived if one.id == sent["delivery_id"])
    show(one)
    if one.error:
        return Outcome("event", "missing", f"webhook.test arrived here, but was {one.error}", "webhooks doctor")
    return Outcome(
        "event", "done", "webhook.test arrived here, signed and verified; its temporary endpoint is deleted again",
        "webhooks listen --forward localhost:3000/path",
    )  # fmt: skip


@contextmanager
def _delivering() -> Iterator[None]:
    """Deliver for a while, as `webhooks serve` does: nothing else may be running yet."""
    with subprocess.Popen(
        [sys.executable, "-m", "supabase_webhooks.gateway", "--deliver", "--port", "0"],
        env={**os.environ, "REDIS_URL": "", "WEBHOOKS_BROKER_URL": ""},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield
        finally:
            process.terminate()


def _attempt(delivery_id: str) -> dict[str, Any] | None:
    """Wait for the first attempt at a delivery; return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        attempts: list[dict[str, Any]] = call("get_webhook_delivery", delivery_id=delivery_id)["attempt_log"]
        if attempts:
            return attempts[0]
        time.sleep(POLL_SECONDS)
    return None
