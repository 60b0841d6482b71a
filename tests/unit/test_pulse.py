"""A blocked event loop is logged, once for each time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from supabase_webhooks.workers.pulse import Pulse

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """The clock of uvloop stands still while it is blocked."""
    return "asyncio", {"use_uvloop": request.param}


async def test_blocked_by_something_else(caplog: pytest.LogCaptureFixture) -> None:
    """By anything, while attempts are in progress."""
    pulse = Pulse()
    for _ in range(50):
        pulse.enter()
    await asyncio.sleep(0.15)
    time.sleep(0.5)  # noqa: ASYNC251 - that is the fault
    await asyncio.sleep(0.05)
    for _ in range(50):
        pulse.leave()
    (line,) = caplog.messages
    assert line.startswith("the event loop was blocked for ")
    assert 300 < int(line.split()[-2]) < 5000


async def test_blocked_by_the_only_attempt(caplog: pytest.LogCaptureFixture) -> None:
    """Which ends before the loop turns again."""
    pulse = Pulse()
    pulse.enter()
    time.sleep(0.5)  # noqa: ASYNC251 - that is the fault
    pulse.leave()
    await asyncio.sleep(0.2)
    assert len(caplog.messages) == 1


async def test_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    """Neither of an idle worker that was blocked, nor of one that goes on; and no beat is left."""
    pulse = Pulse()
    for _ in range(3):
        pulse.enter()
        await asyncio.sleep(0.15)
        pulse.leave()
        time.sleep(0.4)  # noqa: ASYNC251 - no one waits
    assert caplog.messages == []
    assert pulse._beating is None
