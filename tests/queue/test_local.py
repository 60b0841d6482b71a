"""No broker: wake-up calls within the process."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.queue import Local, announce, announce_later, broker_for, create_broker, ping, take_turn
from tests.conftest import ROOT

pytestmark = pytest.mark.anyio


async def test_unattended_calls_go_nowhere() -> None:
    """They reach no one, nothing fails, and the caller can see it."""
    broker = broker_for("")
    assert not broker.attended
    assert announce(broker, due=1000, max_jobs=16) == 0
    announce_later(broker, seconds=0)
    ping(broker)


async def test_calls_from_any_thread_run_on_the_loop() -> None:
    """One for each announcement that has something due; later ones when their time has come."""
    calls: list[float] = []
    loop = asyncio.get_running_loop()
    broker = Local()
    broker.bind(lambda: calls.append(loop.time()))
    assert broker.attended
    assert await asyncio.to_thread(announce, broker, due=0, max_jobs=16) == 0
    assert await asyncio.to_thread(announce, broker, due=1000, max_jobs=16) == 1
    began = loop.time()
    await asyncio.to_thread(announce_later, broker, seconds=0.2)
    async with asyncio.timeout(10):
        while len(calls) < 2:  # noqa: ASYNC110 - the calls send no signal
            await asyncio.sleep(0.01)
    assert calls[1] - began >= 0.2


async def test_every_turn_is_its_own() -> None:
    """There is no other process to take turns with."""
    broker = Local()
    assert all(take_turn(broker, "sweep", owner="w", milliseconds=60_000) for _ in range(3))


async def test_workers_of_their_own_need_a_broker() -> None:
    """One line that says what to set, and what needs none; not a trace of Dramatiq's."""
    with pytest.raises(SettingsError, match="set REDIS_URL"):
        create_broker("")
    environment = {"SUPABASE_URL": "http://x", "SUPABASE_SERVICE_ROLE_KEY": "k"}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "supabase_webhooks.webhooks.cli", "worker"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "webhooks serve" in done.stderr
    assert "Traceback" not in done.stderr
