"""Results that Supabase does not take at once: none is dropped, and none holds up another endpoint's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.deliveries import Attempt, Recorded
from supabase_webhooks.webhooks.refusals import refusal
from supabase_webhooks.workers import recorder as recorder_module
from supabase_webhooks.workers.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supabase_webhooks.webhooks.errors import StoreError

pytestmark = pytest.mark.anyio


class Database:
    """Takes what `judge` lets pass."""

    def __init__(self, judge: Callable[[Sequence[Attempt]], StoreError | None]) -> None:
        self.judge = judge
        self.recorded: list[Attempt] = []

    async def record(self, attempts: Sequence[Attempt]) -> list[Recorded]:
        """Record, or raise."""
        await asyncio.sleep(0)
        if error := self.judge(attempts):
            raise error
        self.recorded += attempts
        return [Recorded(one.delivery_id, "delivered", 0, accepted=True) for one in attempts]


def attempt(number: int, endpoint: str, **more: Any) -> Attempt:
    """Return a result."""
    return Attempt(
        delivery_id=str(number), endpoint_id=endpoint, lease_id="l", attempt=1, started_at=datetime.now(UTC),
        duration_ms=1, delivered=False, **more,
    )  # fmt: skip


async def recorded(database: Database, *attempts: Attempt, until: Callable[[], bool]) -> Recorder:
    """Record attempts until a condition holds."""

    async def settled(_: list[Recorded]) -> None:
        """Nothing follows."""

    recorder = Recorder(database, settled, patience=10)  # type: ignore[arg-type]
    running = asyncio.create_task(recorder.run())
    for one in attempts:
        recorder.add(one)
    async with asyncio.timeout(5):
        while not until():  # noqa: ASYNC110 - it looks at what others do
            await asyncio.sleep(0.005)
    recorder.finish()
    async with asyncio.timeout(5):
        await running
    return recorder


@pytest.mark.parametrize("code", ["55P03", "57014"])
async def test_a_held_circuit_holds_up_its_own_endpoint(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The others' results are recorded at once, and so are those that come later; its own once it is free."""
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)
    held = True
    calls: list[set[str]] = []

    def judge(attempts: Sequence[Attempt]) -> StoreError | None:
        calls.append({one.endpoint_id for one in attempts})
        return refusal(code, "lock timeout") if held and "held" in calls[-1] else None

    database = Database(judge)

    def others_are_there() -> bool:
        nonlocal held
        there = {one.delivery_id for one in database.recorded} >= {"1", "2"}
        if there:
            assert not any(one.endpoint_id == "held" for one in database.recorded)
            held = False
        return there

    await recorded(
        database, attempt(1, "a"), attempt(2, "b"), attempt(3, "held"), attempt(4, "held"), until=others_are_there
    )
    assert {one.delivery_id for one in database.recorded} == {"1", "2", "3", "4"}
    assert sum("held" in call and len(call) > 1 for call in calls) == 1, "only the first batch mixed them"


@pytest.mark.parametrize("status", [402, 403, 404, 413, 451])
async def test_a_firewalls_page_is_no_verdict(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """It objected to what a receiver wrote: the result is recorded without that."""
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)

    def judge(attempts: Sequence[Attempt]) -> StoreError | None:
        bad = any("<script>" in f"{one.response_headers}{one.response_excerpt}{one.error}" for one in attempts)
        return refusal(str(status), "Sorry, you have been blocked") if bad else None

    database = Database(judge)
    await recorded(
        database,
        attempt(1, "a", response_status=500, response_excerpt="<script>alert(1)</script>", error="HTTP 500: <script>"),
        attempt(2, "b", response_headers={"x": "<script>"}, error="<script>"),
        until=lambda: len(database.recorded) == 2,
    )
    assert [(one.response_excerpt, one.error) for one in database.recorded] == [(None, "HTTP 500"), (None, "it failed")]


async def test_over_quota_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """402 for everything: retried until it passes."""
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.02)
    responses = iter([refusal("402", "exceeded quota")] * 5)
    database = Database(lambda _: next(responses, None))
    await recorded(database, attempt(1, "a"), until=lambda: bool(database.recorded))
    assert len(database.recorded) == 1


async def test_one_bad_result_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    """What Postgres itself rejects is logged; the others are recorded."""
    database = Database(
        lambda attempts: refusal("22P02", "bad") if any(a.delivery_id == "1" for a in attempts) else None
    )
    await recorded(database, attempt(1, "a"), attempt(2, "a"), until=lambda: bool(database.recorded))
    assert [one.delivery_id for one in database.recorded] == ["2"]
    assert "delivery 1 was not recorded" in caplog.text
