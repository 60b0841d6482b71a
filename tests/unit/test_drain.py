"""The drain and the recorder at the edges that a real server rarely shows: a store that fails at a chosen moment."""

from __future__ import annotations

import asyncio
import errno
import gc
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.deliveries import Attempt, Claimed, Delivery, Endpoint, Recorded
from supabase_webhooks.webhooks.errors import DeliveryError, Held, StoreError, StoreUnavailable
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.workers import recorder as recorder_module
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.delivery import attempt
from supabase_webhooks.workers.drain import Drain
from supabase_webhooks.workers.recorder import Recorder
from tests.adapters.shorthands import make_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supabase_webhooks.webhooks.store import Store

pytestmark = pytest.mark.anyio

HELD = Held(project="a.supabase.co", held_for="b.supabase.co", since="2026-01-02T03:04:05Z")


def an_attempt(number: int) -> Attempt:
    """Return a result."""
    return Attempt(
        delivery_id=str(number), lease_id="l", attempt=1, started_at=datetime.now(UTC), duration_ms=1, delivered=True
    )


def delivery(name: str, endpoint: str = "c", **settings: Any) -> Delivery:
    """Return a claimed delivery."""
    return Delivery(
        id=name, event_type="x.y", attempt=1, body="{}", lease_id="l",
        endpoint=Endpoint(id=endpoint, url="https://x/", **settings),
    )  # fmt: skip


class FakeStore:
    """Records in memory; `errors` are raised first, one a call."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.batches: list[list[str]] = []
        self.released: list[str] = []
        self.refused: str | None = None
        self.claiming = asyncio.Event()
        self.claim_may_answer = asyncio.Event()

    async def record(self, attempts: Sequence[Attempt]) -> list[Recorded]:
        if self.errors:
            raise self.errors.pop(0)
        if any(a.delivery_id == self.refused for a in attempts):
            raise StoreError("refused", code="22P02")
        self.batches.append([a.delivery_id for a in attempts])
        return [Recorded(a.delivery_id, "delivered", 0, accepted=True) for a in attempts]

    async def claim(self, *, batch_size: int, busy: Mapping[str, int], worker: str, **_: object) -> Claimed:
        assert (busy, worker) == ({}, "w")
        self.claiming.set()
        await self.claim_may_answer.wait()
        return Claimed([delivery(str(n)) for n in range(min(batch_size, 3))], None)

    async def release(self, deliveries: Sequence[Delivery]) -> int:
        self.released += [d.id for d in deliveries]
        return len(deliveries)


async def recorded(store: FakeStore, count: int, *, patience: float = 60) -> list[list[str]]:
    """Record attempts 0 to count - 1 and return the batches that the store took."""

    async def settled(_: list[Recorded]) -> None: ...

    recorder = Recorder(as_store(store), settled, patience=patience)
    task = asyncio.create_task(recorder.run())
    for number in range(count):
        recorder.add(an_attempt(number))
    recorder.finish()
    await task
    return store.batches


def as_store(store: FakeStore) -> Store:
    """Let a fake pass for the real one."""
    return store  # type: ignore[return-value]


async def test_batches_of_250() -> None:
    """All results in order, 250 a call."""
    batches = await recorded(FakeStore(), 600)
    assert [len(batch) for batch in batches] == [250, 250, 100]
    assert [number for batch in batches for number in batch] == [str(n) for n in range(600)]


async def test_what_makes_a_batch_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Results wait for others until nothing more is coming, or until one is there that others wait for."""
    monkeypatch.setattr(recorder_module, "LINGER", 60)
    monkeypatch.setattr(recorder_module, "SOON", 0)
    store, done = FakeStore(), asyncio.Event()

    async def settled(_: list[Recorded]) -> None:
        done.set()

    async def went() -> None:
        async with asyncio.timeout(5):
            await done.wait()
        done.clear()

    recorder = Recorder(as_store(store), settled, patience=60)
    task = asyncio.create_task(recorder.run())
    recorder.add(an_attempt(1))
    await asyncio.sleep(0.01)
    assert store.batches == [], "it waits for others"
    recorder.add(an_attempt(2))
    recorder.flush()
    await went()
    recorder.add(an_attempt(3))
    recorder.add(an_attempt(4), soon=True)
    await went()
    recorder.flush()
    for number in range(5, 300):
        recorder.add(an_attempt(number))
    await went()
    assert [batch[0] for batch in store.batches] == ["1", "3", "5"]
    assert [len(batch) for batch in store.batches] == [2, 2, 250]
    recorder.finish()
    await task
    assert len(store.batches[-1]) == 45


async def test_it_waits_for_supabase(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be recorded is retried until it is."""
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0)
    assert await recorded(FakeStore(*[StoreUnavailable("away")] * 5), 3) == [["0", "1", "2"]]


async def test_it_gives_up_when_the_lease_has_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker has the rows by then; the process must still be able to end."""
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0)
    assert await recorded(FakeStore(*[StoreUnavailable("away")] * 3), 3, patience=-1) == []


async def test_one_bad_result_does_not_hold_back_the_others() -> None:
    """The batch is taken apart."""
    store = FakeStore()
    store.refused = "1"
    assert await recorded(store, 3) == [["0"], ["2"]]


async def test_a_fault_of_our_own_does_not_end_recording() -> None:
    """What cannot even be sent is dropped, and said; the next results are recorded."""
    store = FakeStore(UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"))

    async def settled(_: list[Recorded]) -> None: ...

    recorder = Recorder(as_store(store), settled, patience=60)
    task = asyncio.create_task(recorder.run())
    recorder.add(an_attempt(1))
    while store.errors:  # noqa: ASYNC110 - the fake has no event for it
        await asyncio.sleep(0)
    recorder.add(an_attempt(2))
    recorder.finish()
    await task
    assert store.batches == [["2"]]


async def test_a_payload_too_deep_for_a_parser_takes_no_place_for_ever() -> None:
    """It is recorded as an attempt, and its endpoint's place is free again."""
    store = FakeStore()
    drain = Drain(as_store(store), AdapterCache(make_settings()), make_settings(), worker="w", wake=lambda _: None)
    endpoint = Endpoint(id="c", url="https://127.0.0.1:1/")
    deep = "[" * 50_000 + "]" * 50_000
    delivery = Delivery(id="1", event_type="x.y", attempt=1, endpoint=endpoint, body=deep, lease_id="l")
    assert drain._places.take(delivery)
    await drain._deliver(delivery, None)
    assert drain._recorder.waiting == 1
    assert drain._places.taken() == {}


OWN_FAULTS = {
    "no executor": RuntimeError("cannot schedule new futures after shutdown"),
    "no thread": RuntimeError("can't start new thread"),
    "no memory": MemoryError(),
    "no file": OSError(errno.EMFILE, "Too many open files"),
    "the system's files": OSError(errno.ENFILE, "Too many open files in system"),
    "no buffers": OSError(errno.ENOBUFS, "No buffer space available"),
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in an adapter's error"])
@pytest.mark.parametrize("fault", OWN_FAULTS.values(), ids=OWN_FAULTS)
async def test_a_fault_of_the_process_is_no_attempt(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, wrapped: bool
) -> None:
    """Nothing is recorded; the deliveries rest in their places, then are released together."""
    monkeypatch.setattr("supabase_webhooks.workers.drain.FAULT_SECONDS", 0.05)

    async def publish(*_: object) -> None:
        if wrapped and not isinstance(fault, RuntimeError):
            raise DeliveryError("no connection: all connection attempts failed") from fault
        raise fault

    monkeypatch.setattr("supabase_webhooks.workers.delivery._publish", publish)
    store = FakeStore()
    drain = Drain(as_store(store), AdapterCache(make_settings()), make_settings(), worker="w", wake=lambda _: None)
    endpoint = Endpoint(id="c", url="https://x/")
    for n in range(3):
        delivery = Delivery(id=str(n), event_type="x.y", attempt=1, endpoint=endpoint, body="{}", lease_id="l")
        drain._take([delivery], {})
    await asyncio.sleep(0.01)
    assert drain._places.taken() == {"c": 3}, "they keep their places meanwhile"
    await asyncio.wait(drain._in_flight)
    assert store.released == ["0", "1", "2"]
    assert drain._recorder.waiting == 0
    assert drain._places.taken() == {}


FAILURES: dict[str, tuple[str, bytes | None, str]] = {
    "nothing listens": ("http://127.0.0.1:1/", None, "connection refused"),
    "nothing listens, TLS": ("https://127.0.0.1:1/", None, "connection refused"),
    "no such host": ("http://nowhere.invalid/", None, "resolve"),
    "no TLS there": ("https://127.0.0.1:{port}/", b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS"),
    "hangs up": ("http://127.0.0.1:{port}/", b"", "the connection ended"),
    "no HTTP": ("http://127.0.0.1:{port}/", b"220 mail.example.com ESMTP\r\n", "not valid HTTP"),
    "500": ("http://127.0.0.1:{port}/", b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "HTTP 500"),
    "half a head": ("http://127.0.0.1:{port}/", b"HTTP/1.1 500 Oops\r\n", "the connection ended"),
    "silent": ("http://127.0.0.1:{port}/", None, "no complete response"),
    "not allowed": ("http://10.0.0.1/", None, "not a public address"),
    "no such scheme": ("gopher://127.0.0.1/", None, "gopher"),
}


@pytest.mark.parametrize(("url", "response", "said"), FAILURES.values(), ids=FAILURES)
async def test_a_failed_attempt_lets_go_of_its_payload(url: str, response: bytes | None, said: str) -> None:
    """At once, not when garbage is looked for: failures with large payloads would fill the memory."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if response is None:
            await reader.read()
        else:
            writer.write(response)
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    endpoint = Endpoint(id="c", url=url.format(port=server.sockets[0].getsockname()[1]))
    delivery = Delivery(id="1", event_type="x.y", attempt=1, endpoint=endpoint, body="{}", lease_id="l")
    settings = make_settings(allowed_networks="127.0.0.0/8", timeout_seconds=1.0)
    adapters = AdapterCache(settings)
    await attempt(delivery, adapters, settings)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        result = await attempt(delivery, adapters, settings)
        assert said in (result.error or "")
        gc.collect()
        held = [one.f_code.co_qualname for one in gc.garbage if isinstance(one, FrameType)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        server.close()
    assert [name for name in held if "respond" not in name] == []
    await adapters.close()


async def test_a_claim_that_answers_during_shutdown_is_given_back() -> None:
    """Its rows are due again at once."""
    store = FakeStore()
    settings = Settings(supabase_url="http://x", service_key="k", redis_url="r")
    adapters = AdapterCache(settings)
    drain = Drain(as_store(store), adapters, settings, worker="w", wake=lambda _: None)
    job = asyncio.create_task(drain.run())
    await store.claiming.wait()
    drain.stop()
    store.claim_may_answer.set()
    assert await job == 0
    await drain.close()
    assert store.released == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        ([HELD, HELD], ["nothing is claimed: this database belongs to a"]),
        ([StoreUnavailable("away"), HELD], ["claiming failed: away", "nothing is claimed: this database belongs to a"]),
    ],
)
async def test_why_nothing_is_claimed_is_said_once(
    errors: list[StoreError], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Each reason, however often jobs come; a held database says whose it is and what to run."""
    store = Mute(*errors)
    drain = Drain(as_store(store), AdapterCache(make_settings()), make_settings(), worker="w", wake=lambda _: None)
    for _ in errors:
        assert await drain.run() == 0
    await drain.close()
    warnings = [one.message for one in caplog.records if one.levelname == "WARNING"]
    assert [one[: len(text)] for one, text in zip(warnings, said, strict=True)] == said
    assert "webhooks adopt --deliver" in warnings[-1]


class Mute(FakeStore):
    """Whose claims fail."""

    async def claim(self, **_: object) -> Claimed:
        raise self.errors.pop(0)


class Backlog(FakeStore):
    """Ten due deliveries of one endpoint, claimed as Postgres does: within the endpoint's places."""

    left = 10

    async def claim(self, *, batch_size: int, busy: Mapping[str, int], worker: str, **_: object) -> Claimed:
        assert worker == "w"
        room = min(batch_size, self.left, 4 - busy.get("c", 0))
        # longer than the deliveries take: the result is out of date when it comes
        await asyncio.sleep(0.02)
        self.left -= room
        return Claimed([delivery(f"{self.left}-{n}") for n in range(room)], None)


@pytest.mark.parametrize("batch_size", [4, 50], ids=["a claim's size", "an endpoint's places"])
async def test_a_busy_endpoints_next_deliveries_follow_by_themselves(
    monkeypatch: pytest.MonkeyPatch, batch_size: int
) -> None:
    """One job is enough for more than fit, without a sweep, whatever bounds a claim and however its results arrive."""

    async def deliver(delivery: Delivery, *_: object) -> Attempt:
        await asyncio.sleep(0.015 * int(delivery.id[-1]))
        return an_attempt(0)

    monkeypatch.setattr("supabase_webhooks.workers.drain.attempt", deliver)
    store = Backlog()
    settings = Settings(
        supabase_url="https://x", service_key="k", redis_url="redis://x", endpoint_concurrency=4, batch_size=batch_size
    )
    drain = Drain(as_store(store), AdapterCache(settings), settings, worker="w", wake=lambda _: None)
    await drain.run()
    async with asyncio.timeout(5):
        while store.left:  # noqa: ASYNC110 - the store is a fake of a database, which sends no signal
            await asyncio.sleep(0.01)
    await drain.close()
