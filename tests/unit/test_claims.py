"""When a process claims, and how often: by notifications, by what it finds, and what the database says is due."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from supabase_webhooks.webhooks.deliveries import Claimed, Recorded
from supabase_webhooks.webhooks.errors import StoreUnavailable
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.drain import Drain
from supabase_webhooks.workers.rhythm import Rhythm
from tests.adapters.shorthands import make_settings
from tests.unit.test_drain import HELD, an_attempt, as_store, delivery

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from supabase_webhooks.webhooks.deliveries import Attempt, Delivery

pytestmark = pytest.mark.anyio


class Ear:
    """A listener that listens."""

    here, elsewhere = True, False


class Database:
    """Hands out what `waiting` holds; `results` come before that. Notes each call."""

    def __init__(self) -> None:
        self.waiting: list[Delivery] = []
        self.answers: list[Claimed | Exception] = []
        self.claims: list[tuple[int, float | None]] = []
        self.records: list[int] = []
        self.duration = 0.0

    async def claim(
        self, *, batch_size: int, quiet_seconds: float | None, busy: Mapping[str, int], **_: object
    ) -> Claimed:
        await asyncio.sleep(self.duration)
        if self.answers:
            response = self.answers.pop(0)
            self.claims.append((-1, quiet_seconds))
            if isinstance(response, Exception):
                raise response
            return response
        del busy
        batch, self.waiting = self.waiting[:batch_size], self.waiting[batch_size:]
        self.claims.append((len(batch), quiet_seconds))
        return Claimed(batch, 0 if len(batch) == batch_size else None)

    async def record(self, attempts: Sequence[Attempt]) -> list[Recorded]:
        self.records.append(len(attempts))
        return [Recorded(one.delivery_id, "delivered", 0, accepted=True) for one in attempts]

    async def release(self, deliveries: Sequence[Delivery]) -> int:
        return len(deliveries)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database, and a receiver that takes all."""

    async def deliver(one: Delivery, *_: object) -> Attempt:
        await asyncio.sleep(0)
        return an_attempt(int(one.id))

    monkeypatch.setattr("supabase_webhooks.workers.drain.attempt", deliver)
    return Database()


@pytest.fixture
async def make(database: Database) -> AsyncIterator[Callable[..., Drain]]:
    """Make a drain on it, closed at the end."""
    drains: list[Drain] = []

    def drain(*, on: Database | None = None, ear: Ear | None = None, hurry: bool = False, **settings: Any) -> Drain:
        chosen = make_settings(**settings)
        rhythm = Rhythm(asyncio.get_running_loop().time)
        rhythm.ear = ear
        made = Drain(
            as_store(on or database),  # type: ignore[arg-type]  # a fake of this file
            AdapterCache(chosen),
            chosen,
            worker="w",
            wake=lambda _: None,
            rhythm=rhythm,
            hurry=hurry,
        )
        drains.append(made)
        return made

    yield drain
    for one in drains:
        await one.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - it looks at what others do
            await asyncio.sleep(0.002)


async def still(database: Database) -> list[int]:
    """Return what the claims found, once no more follow."""
    before = -1
    while before != len(database.claims):
        before = len(database.claims)
        await asyncio.sleep(0.1)
    return [found for found, _ in database.claims]


async def test_an_event_is_one_claim(database: Database, make: Callable[..., Drain]) -> None:
    """A claim that returns fewer than it asked for is the last, until something is announced."""
    drain = make(ear=Ear())
    for n in range(5):
        database.waiting.append(delivery(str(n)))
        drain.hear()
        await until(lambda n=n: len(database.claims) == n + 1)  # type: ignore[misc]
        await asyncio.sleep(0.03)
    assert await still(database) == [1, 1, 1, 1, 1]
    assert {quiet for _, quiet in database.claims} == {0.0}


async def test_full_claims_follow_each_other(database: Database, make: Callable[..., Drain]) -> None:
    """One announcement drains a backlog."""
    drain = make(ear=Ear(), batch_size=10, endpoint_concurrency=100)
    database.waiting = [delivery(str(n), f"e{n % 7}") for n in range(35)]
    drain.hear()
    await until(lambda: not database.waiting)
    assert sum(await still(database)) == 35


async def test_others_are_called_for_what_is_too_much(database: Database, make: Callable[..., Drain]) -> None:
    """More than a claim holds, and more of one endpoint than its places."""
    drain = make(ear=Ear(), batch_size=5, endpoint_concurrency=100)
    assert not drain.behind
    database.answers = [Claimed([delivery(str(n)) for n in range(5)], 0), Claimed([], None)]
    seen: list[bool] = []
    claim = database.claim

    async def watched(**more: Any) -> Claimed:
        seen.append(drain.behind)
        return await claim(**more)

    database.claim = watched  # type: ignore[method-assign]
    drain.hear()
    await until(lambda: len(seen) == 2)
    await still(database)
    assert seen == [False, True]
    assert not drain.behind


async def test_what_is_announced_during_a_claim_is_claimed(database: Database, make: Callable[..., Drain]) -> None:
    """The claim may not have seen it."""
    drain = make(ear=Ear())
    database.duration = 0.05
    drain.hear()
    await asyncio.sleep(0.02)
    database.duration = 0.0
    drain.hear()
    await until(lambda: len(database.claims) == 2)
    assert await still(database) == [0, 0]


async def test_many_announcements_end_in_a_promise(database: Database, make: Callable[..., Drain]) -> None:
    """The quiet is asked for while claims follow each other anyway, and the last claim of all ends it."""
    drain = make(ear=Ear())
    number = 0
    for _ in range(20):
        for _ in range(3):
            database.waiting.append(delivery(str(number := number + 1)))
            if not drain._pace.promised:
                drain.hear()
        await asyncio.sleep(0.005)
    await until(lambda: not database.waiting)
    found = await still(database)
    assert sum(found) == 60
    quiets = [quiet for _, quiet in database.claims]
    assert any(quiets), "nothing was promised"
    assert quiets[-1] == 0, "no one is notified any more, and no one looks"
    for quiet, following in zip(quiets, [*quiets[1:], None], strict=True):
        assert not quiet or following is not None, "a promise was not kept"


async def test_who_does_not_listen_asks_for_no_quiet(database: Database, make: Callable[..., Drain]) -> None:
    """It would silence those who do."""
    drain = make()
    for _ in range(5):
        database.waiting += [delivery(str(n)) for n in range(5)]
        drain.go_on()
        await asyncio.sleep(0.005)
    await still(database)
    assert {quiet for _, quiet in database.claims} == {None}


async def test_it_claims_again_when_the_next_is_due(database: Database, make: Callable[..., Drain]) -> None:
    """By itself, once."""
    drain = make(ear=Ear())
    database.answers = [Claimed([], 0.05)]
    drain.hear()
    await until(lambda: len(database.claims) == 2)
    assert await still(database) == [-1, 0]


async def test_the_latest_claim_knows_what_is_due(database: Database, make: Callable[..., Drain]) -> None:
    """What an earlier one said is out of date."""
    drain = make(ear=Ear())
    database.answers = [Claimed([], 0.3), Claimed([], None)]
    drain.hear()
    await until(lambda: len(database.claims) == 1)
    await asyncio.sleep(0.02)
    drain.hear()
    await until(lambda: len(database.claims) == 2)
    assert drain.look_at == float("inf")


async def test_a_claim_that_failed_is_made_again(
    database: Database, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a sweep: nothing is announced a second time."""
    monkeypatch.setattr("supabase_webhooks.workers.drain.SOON", 0.02)
    drain = make(ear=Ear())
    database.waiting = [delivery("1")]
    database.answers = [StoreUnavailable("away"), StoreUnavailable("away")]
    drain.hear()
    await until(lambda: not database.waiting)
    assert await still(database) == [-1, -1, 1]


async def test_announcements_while_supabase_is_away_are_no_claims(
    database: Database, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres may announce a hundred a second while the API rejects each claim: it looks again by itself."""
    monkeypatch.setattr("supabase_webhooks.workers.drain.SOON", 60)
    drain = make(ear=Ear())
    database.answers = [StoreUnavailable("away")]
    for _ in range(20):
        drain.hear()
        await asyncio.sleep(0.011)
    assert len(database.claims) == 1
    assert drain.look_at < float("inf")
    drain.go_on()
    await until(lambda: len(database.claims) == 2)
    database.waiting = [delivery("1")]
    drain.hear()
    await until(lambda: not database.waiting)


async def test_what_is_announced_at_the_end_of_a_job_is_claimed(database: Database, make: Callable[..., Drain]) -> None:
    """Its time budget is over; another process that is woken may claim before the commit that relied on a promise."""
    drain = make(ear=Ear(), drain_seconds=0.02)
    database.duration = 0.05
    database.answers = [Claimed([], None)]
    drain.go_on()
    await asyncio.sleep(0.01)
    database.waiting = [delivery("1")]
    drain.hear()
    await until(lambda: not database.waiting)


async def test_what_others_hold_is_asked_for_less_and_less_often(
    database: Database, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction may stay open for hours. What it committed is found soon after, in proportion."""
    monkeypatch.setattr("supabase_webhooks.workers.drain.SOON", 0.2)
    planned: list[float] = []
    look_in = Drain._look_in

    def noted(self: Drain, *seconds: float | None) -> None:
        planned.extend(one for one in seconds if one is not None)
        look_in(self, *seconds)

    monkeypatch.setattr(Drain, "_look_in", noted)
    drain = make(ear=Ear())
    database.answers = [Claimed([], 0.02) for _ in range(6)] + [Claimed([delivery("1")], 0.02)]
    drain.go_on()
    await until(lambda: len(database.claims) == 8)
    assert planned == [0.02, 0.04, 0.08, 0.16, 0.2, 0.2, 0.02]


async def test_what_results_say_during_a_claim_is_not_forgotten(database: Database, make: Callable[..., Drain]) -> None:
    """The claim's look at the queue may be older than a retry that was recorded meanwhile."""
    drain = make(ear=Ear())
    database.duration = 0.05
    database.answers = [Claimed([], 60)]
    drain.go_on()
    await asyncio.sleep(0.01)
    await drain._settled([Recorded("1", "pending", 0.1, accepted=True)])
    await until(lambda: len(database.claims) == 2)


async def test_others_are_called_while_all_places_are_taken(
    database: Database, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent receivers hold them, and no claim was ever full."""
    silent = asyncio.Event()

    async def deliver(one: Delivery, *_: object) -> Attempt:
        await silent.wait()
        return an_attempt(int(one.id))

    monkeypatch.setattr("supabase_webhooks.workers.drain.attempt", deliver)
    drain = make(ear=Ear(), concurrency=8, batch_size=8)
    database.waiting = [delivery(str(n), endpoint=str(n)) for n in range(5)]
    drain.hear()
    await until(lambda: not database.waiting)
    assert not drain.behind
    drain.hear()
    await until(lambda: drain.behind)
    silent.set()
    await until(lambda: not drain.behind)


async def test_results_of_a_quarter_second_are_one_call(database: Database, make: Callable[..., Drain]) -> None:
    """Events that come one by one do not end in a call each."""
    drain = make(ear=Ear())
    for n in range(5):
        database.waiting.append(delivery(str(n)))
        drain.hear()
        await until(lambda: not database.waiting)
        await asyncio.sleep(0.011)
    await until(lambda: sum(database.records) == 5)
    assert len(database.records) <= 2


@pytest.mark.parametrize("limited", [True, False])
async def test_a_result_that_others_wait_for_is_recorded_at_once(
    database: Database, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    """It frees a place of a limited endpoint; or someone waits for the drain's end."""
    monkeypatch.setattr("supabase_webhooks.workers.recorder.LINGER", 60)
    drain = make(ear=Ear(), hurry=not limited)
    database.waiting = [delivery("1", limited=limited)]
    drain.hear()
    await until(lambda: database.records == [1])


async def test_a_process_of_another_project_claims_less_and_less_often(
    database: Database, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of a database may run for months. What is announced or swept there is held too."""
    monkeypatch.setattr("supabase_webhooks.workers.drain.SOON", 0.02)
    monkeypatch.setattr("supabase_webhooks.workers.drain.HELD_SECONDS", 0.1)
    monkeypatch.setattr("supabase_webhooks.workers.drain.AT_ONCE", 0.0)
    planned: list[float] = []
    look_in = Drain._look_in

    def noted(self: Drain, *seconds: float | None) -> None:
        planned.extend(one for one in seconds if one is not None)
        look_in(self, *seconds)

    monkeypatch.setattr(Drain, "_look_in", noted)
    drain = make(ear=Ear())
    database.answers = [HELD] * 6
    database.waiting = [delivery("1")]
    drain.go_on()
    while database.answers:
        drain.hear()
        drain.go_on()
        await asyncio.sleep(0.002)
    await until(lambda: not database.waiting)
    assert planned == [0.02, 0.04, 0.08, 0.1, 0.1, 0.1]
    assert await still(database) == [-1] * 6 + [1]
    # and when it is confirmed, announcements count again
    database.waiting = [delivery("2")]
    drain.hear()
    await until(lambda: not database.waiting)


class OneEndpoint(Database):
    """A backlog of one endpoint, claimed as Postgres does: within its places, and none after a failure was recorded."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 400
        self.number = 0
        self.failed = False
        self.released: list[str] = []

    async def claim(
        self, *, batch_size: int, quiet_seconds: float | None, busy: Mapping[str, int], **_: object
    ) -> Claimed:
        room = 0 if self.failed else min(batch_size, self.left, 4 - busy.get("c", 0))
        await asyncio.sleep(0.001)
        self.left -= room
        self.claims.append((room, quiet_seconds))
        self.number += room
        return Claimed([delivery(str(n)) for n in range(self.number - room, self.number)], None)

    async def record(self, attempts: Sequence[Attempt]) -> list[Recorded]:
        self.failed |= not all(one.delivered for one in attempts)
        return await super().record(attempts)

    async def release(self, deliveries: Sequence[Delivery]) -> int:
        self.released += [one.id for one in deliveries]
        return len(deliveries)


@pytest.fixture
def one(database: Database, monkeypatch: pytest.MonkeyPatch) -> OneEndpoint:  # noqa: ARG001 - for its receiver
    """Its endpoint is as quick as can be, however busy this machine is."""
    monkeypatch.setattr("supabase_webhooks.workers.places.AHEAD_SECONDS", 1000.0)
    return OneEndpoint()


async def test_one_quick_endpoints_claims_are_full(
    one: OneEndpoint, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its four places are as many as before; what is claimed ahead waits for one."""
    at_once: list[int] = []
    drain = make(on=one, ear=Ear(), endpoint_concurrency=4, batch_size=40)
    take = drain._begin

    def begun(*arguments: Any) -> None:
        take(*arguments)
        at_once.append(len(drain._in_flight))

    monkeypatch.setattr(drain, "_begin", begun)
    drain.hear()
    await until(lambda: sum(one.records) == 400)
    sizes = [size for size, _ in one.claims if size]
    assert sum(sizes) == 400
    assert len(sizes) <= 400 / 20, sizes
    # a task that has just ended is counted until the event loop's next turn
    assert max(at_once) <= 2 * 4
    assert one.released == []


async def test_an_endpoint_that_fails_is_sent_nothing_that_was_claimed_ahead(
    one: OneEndpoint, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given back once the failure is recorded, which may have opened a circuit or paused the endpoint."""
    begun: list[int] = []
    waiting: set[int] = set()

    async def deliver(delivery: Delivery, *_: object) -> Attempt:
        number = int(delivery.id)
        begun.append(number)
        await asyncio.sleep(0.01 if number >= 200 else 0)
        if number >= 200 and not waiting:
            # claimed, and not begun
            waiting.update(set(range(one.number)) - set(begun))
        return msgspec.structs.replace(an_attempt(number), delivered=number < 200)

    monkeypatch.setattr("supabase_webhooks.workers.drain.attempt", deliver)
    drain = make(on=one, ear=Ear(), endpoint_concurrency=4, batch_size=40)
    drain.hear()
    await until(lambda: one.failed and bool(one.released) and not drain._load)
    await still(one)
    assert waiting
    assert {int(number) for number in one.released} >= waiting
    assert sorted([*map(int, one.released), *begun]) == list(range(one.number)), "each was attempted or given back"


async def test_what_waits_for_a_place_is_given_back_at_the_end(
    one: OneEndpoint, make: Callable[..., Drain], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in flight finishes; another worker has the others at once."""
    silent = asyncio.Event()
    stuck: list[str] = []

    async def deliver(one: Delivery, *_: object) -> Attempt:
        if int(one.id) >= 100:
            stuck.append(one.id)
            await silent.wait()
        return an_attempt(int(one.id))

    monkeypatch.setattr("supabase_webhooks.workers.drain.attempt", deliver)
    drain = make(on=one, ear=Ear(), endpoint_concurrency=4, batch_size=40)
    drain.hear()
    await until(lambda: drain._places.waiting > 0 and len(stuck) == 4)
    closing = asyncio.create_task(drain.close())
    await until(lambda: bool(one.released))
    silent.set()
    await closing
    assert len(one.released) + sum(one.records) == one.number
    assert not set(map(int, one.released)) & set(range(104))
