"""The sweep and the watch for alerts: how many calls an idle worker makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.errors import QueueUnavailable
from supabase_webhooks.webhooks.queue import Local
from supabase_webhooks.workers.alerts import Watch
from supabase_webhooks.workers.rhythm import Rhythm
from supabase_webhooks.workers.sweep import Sweep
from tests.adapters.shorthands import make_settings
from tests.unit.test_rhythm import Ear

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio


class OverError(Exception):
    """Raised when the time is over."""


class Clock:
    """Seconds, which `sleep` lets pass; it ends what has slept for long enough."""

    def __init__(self, until: float) -> None:
        self.now = 1000.0
        self._end = 1000.0 + until
        self.hooks: list[Callable[[float], None]] = []

    def monotonic(self) -> float:
        """As time.monotonic."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """As asyncio.sleep."""
        self.now += seconds
        for hook in self.hooks:
            hook(self.now - 1000)
        if self.now > self._end:
            raise OverError


class Drain:
    """Counts claims."""

    behind = False
    claims = 0

    def go_on(self) -> None:
        """Claim."""
        self.claims += 1


class Called(Local):
    """Counts jobs."""

    jobs = 0

    def announce(self, jobs: int) -> int:
        """Count them."""
        self.jobs += jobs
        return jobs


class Deaf(Local):
    """A broker that is away."""

    def take_turn(self, *_: object, **__: object) -> bool:
        """Raise."""
        raise QueueUnavailable("Redis did not respond", service="redis")


class Away(Deaf):
    """The same, for jobs too."""

    def announce(self, jobs: int) -> int:
        """Raise."""
        raise QueueUnavailable(f"Redis did not take the {jobs} jobs", service="redis")


class Another(Local):
    """A broker where it is always another worker's turn."""

    def take_turn(self, *_: object, **__: object) -> bool:
        """Return False."""
        return False


async def swept(
    monkeypatch: pytest.MonkeyPatch, seconds: float, *, broker: Local | None = None, ear: Ear | None = None, **more: Any
) -> Drain:
    """Sweep for this long, after a last delivery at the beginning."""
    clock = Clock(seconds)
    monkeypatch.setattr("supabase_webhooks.workers.sweep.time.monotonic", clock.monotonic)
    monkeypatch.setattr("supabase_webhooks.workers.sweep.asyncio.sleep", clock.sleep)
    rhythm = Rhythm(clock.monotonic)
    rhythm.ear = ear
    rhythm.found()
    drain = Drain()
    drain.behind = more.get("behind", False)
    if "hook" in more:
        clock.hooks.append(lambda at: more["hook"](at, rhythm))
    sweep = Sweep(
        drain,  # type: ignore[arg-type]  # a fake of this file
        broker or Local(),
        make_settings(),
        worker="w",
        rhythm=rhythm,
    )
    with pytest.raises(OverError):
        await sweep.run()
    return drain


@pytest.mark.parametrize(
    ("ear", "seconds", "least", "most"),
    [(Ear(here=True), 600, 20, 23), (Ear(elsewhere=True), 600, 20, 23), (None, 50, 48, 52), (None, 660, 175, 190)],
    ids=["listening", "another listens", "in the first minute", "eleven minutes"],
)
async def test_how_often_it_claims(
    monkeypatch: pytest.MonkeyPatch, ear: Ear | None, seconds: float, least: int, most: int
) -> None:
    """Twice a minute where it is told; else each second, and every five after a quiet minute."""
    drain = await swept(monkeypatch, seconds, ear=ear)
    assert least <= drain.claims <= most


async def test_a_delivery_brings_the_second_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """After ten quiet minutes one is found; the next minute is as the first."""

    def find(at: float, rhythm: Rhythm) -> None:
        if at == 600:
            rhythm.found()

    drain = await swept(monkeypatch, 660, hook=find)
    assert 60 + 100 + 50 <= drain.claims <= 240


async def test_it_is_one_workers_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a listener, one worker claims for all."""
    drain = await swept(monkeypatch, 30, broker=Another())
    assert drain.claims == 0


async def test_without_the_broker_all_claim(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Postgres holds the deliveries; an outage of Redis keeps none of them waiting. It is said once."""
    drain = await swept(monkeypatch, 30, broker=Deaf())
    assert drain.claims >= 29
    assert caplog.text.count("the sweep is delayed: Redis did not respond") == 1


@pytest.mark.parametrize("ear", [None, Ear(here=True)])
async def test_who_has_too_much_goes_on_without_the_broker(monkeypatch: pytest.MonkeyPatch, ear: Ear | None) -> None:
    """No other process can be called, so it claims by itself."""
    drain = await swept(monkeypatch, 30, broker=Away(), ear=ear, behind=True)
    assert drain.claims >= 29


async def test_others_are_called_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each second, whether or not a worker listens."""
    broker = Called()
    await swept(monkeypatch, 30, broker=broker, ear=Ear(here=True), behind=True)
    assert broker.jobs >= 2 * 29


@pytest.mark.parametrize(("failing", "least", "most"), [(False, 20, 23), (True, 590, 601)])
async def test_alerts_are_looked_for_while_something_fails(
    monkeypatch: pytest.MonkeyPatch, failing: bool, least: int, most: int
) -> None:
    """Else they ride with the sweep."""
    clock = Clock(600)
    monkeypatch.setattr("supabase_webhooks.workers.alerts.time.monotonic", clock.monotonic)
    monkeypatch.setattr("supabase_webhooks.workers.alerts.asyncio.sleep", clock.sleep)
    rhythm = Rhythm(clock.monotonic)
    rhythm.ear = Ear(here=True)
    looked = 0

    class Looked:
        def __init__(self, *_: object) -> None: ...

        async def once(self) -> int:
            nonlocal looked
            looked += 1
            return 0

    monkeypatch.setattr("supabase_webhooks.workers.alerts.Alerts", Looked)
    if failing:
        clock.hooks.append(lambda _: rhythm.failed())
    watch = Watch(None, Local(), make_settings(), worker="w", rhythm=rhythm)  # type: ignore[arg-type]  # not called
    with pytest.raises(OverError):
        await watch.run()
    assert least <= looked <= most
