"""What every adapter promises, each against a real server of its protocol."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from supabase_webhooks.workers.delivery import attempt
from tests.adapters.held import running_threads
from tests.adapters.shorthands import ID, SECRET, SENT, adapter_cache, deliver, make_delivery, make_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.adapters.conftest import Peer

pytestmark = pytest.mark.anyio


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A queue's name that no other test uses."""
    return f"q-{request.node.originalname.replace('_', '-')}"[:80]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


async def test_body_and_headers_byte_for_byte(peer: Peer, name: str) -> None:
    """A consumer gets what a receiver of HTTP gets, and verifies it."""
    result = await deliver(peer.create(name), endpoint={"headers": {"X-Team": "events"}})
    (received,) = peer.wait_for(name, 1)
    assert received.body == SENT
    assert received.verified(SECRET)
    ours = {key: value for key, value in received.headers.items() if key.startswith(("webhook-", "x-", "user", "cont"))}
    ours.pop("content-length", None)
    assert set(ours) == {
        "content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature", "x-webhook-signature",
        "x-team",
    }  # fmt: skip
    assert (ours["webhook-id"], ours["x-team"], ours["content-type"]) == (ID, "events", "application/json")
    assert (result.delivered, result.error, result.health) == (True, None, "answered")
    assert result.response_excerpt, "what the server acknowledged is kept"


async def test_without_a_secret(peer: Peer, name: str) -> None:
    """The identity goes anyway."""
    await deliver(peer.create(name), endpoint={"secrets": ()})
    (received,) = peer.wait_for(name, 1)
    assert received.headers["webhook-id"] == ID
    assert not {"webhook-signature", "x-webhook-signature"} & set(received.headers)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's, of a body above 1 MiB
async def test_permanent_errors(peer: Peer, name: str) -> None:
    """No retry helps: too large. The provider's own code is in the message."""
    url = peer.create(name)
    for refused, body, code in peer.refusals(url, name):
        result = await deliver(refused, endpoint={"body": body}, timeout_seconds=10)
        assert (result.delivered, result.permanent, result.health) == (False, True, "answered"), result
        assert code in str(result.error)


async def test_a_queue_that_is_not_there(peer: Peer, name: str) -> None:
    """The worker's setup: deliveries wait behind the circuit, and arrive once there is one."""
    if (missing := peer.missing(peer.create("other"), "other", name)) is None:
        return
    url, code = missing
    async with adapter_cache(timeout_seconds=10) as cache:
        result = await attempt(make_delivery(url), cache, make_settings(timeout_seconds=10))
        assert (result.delivered, result.permanent, result.health) == (False, False, "failed"), result
        assert code in str(result.error)
        peer.create(name)
        settings = make_settings(timeout_seconds=10)
        async with asyncio.timeout(20):
            while not (await attempt(make_delivery(url), cache, settings)).delivered:  # noqa: ASYNC110 - brokers send no signal
                await asyncio.sleep(0.5)


async def test_a_silent_server(peer: Peer, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout ends the attempt; the next may succeed."""
    for variable, value in peer.environment_at(silent_port).items():
        monkeypatch.setenv(variable, value)
    result = await deliver(peer.at(silent_port), timeout_seconds=2)
    assert (result.delivered, result.permanent, result.health) == (False, False, "failed"), result
    assert result.error


async def test_it_survives_a_restart(own_peer: Peer, name: str) -> None:
    """While the server is away attempts fail and may be repeated; one after it is back succeeds, with old clients."""
    url = own_peer.create(name)
    settings = make_settings(timeout_seconds=3)
    async with adapter_cache(timeout_seconds=3) as cache:
        assert (await attempt(make_delivery(url), cache, settings)).delivered
        own_peer.crash()
        away = await attempt(make_delivery(url), cache, settings)
        assert (away.delivered, away.permanent, away.health) == (False, False, "failed"), away
        own_peer.start()
        own_peer.create(name)
        errors = []
        for _ in range(20):
            result = await attempt(make_delivery(url), cache, settings)
            if result.delivered:
                break
            assert not result.permanent, result
            errors.append(result.error)
            await asyncio.sleep(0.5)
        assert result.delivered, errors
    assert all(received.verified(SECRET) for received in own_peer.wait_for(name, 1))


async def test_200_concurrent_deliveries(peer: Peer, name: str) -> None:
    """Each arrives once."""
    url = peer.create(name)
    ids = [f"{ID[:-3]}{number:03}" for number in range(200)]
    async with adapter_cache() as cache:
        results = await asyncio.gather(*(attempt(make_delivery(url, id=one), cache, make_settings()) for one in ids))
    assert [result.error for result in results if not result.delivered] == []
    received = peer.wait_for(name, 200)
    assert sorted(one.headers["webhook-id"] for one in received) == ids


def open_files() -> int:
    """Return how many files and sockets this process has."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_it_closes_cleanly(peer: Peer, name: str) -> None:
    """No task, thread or socket is left, also when an attempt was cancelled in progress."""
    url = peer.create(name)

    async def use() -> None:
        async with adapter_cache() as cache:
            assert (await attempt(make_delivery(url), cache, make_settings())).delivered
            cancelled = asyncio.create_task(attempt(make_delivery(url), cache, make_settings()))
            await asyncio.sleep(0.001)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)

    await use()  # what an SDK keeps for the process is there now
    tasks, threads, files = asyncio.all_tasks(), running_threads(), open_files()
    for _ in range(5):
        await use()
    for _ in range(50):
        if open_files() <= files and running_threads() <= threads:
            break
        await asyncio.sleep(0.1)  # a server closes its side in its own time
    assert asyncio.all_tasks() == tasks
    assert running_threads() <= threads
    assert open_files() <= files
