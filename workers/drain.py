"""The drain: claim, deliver concurrently, record, until nothing is due."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.deliveries import Claimed
from supabase_webhooks.webhooks.errors import Held, StoreError
from supabase_webhooks.workers.breakers import Breakers
from supabase_webhooks.workers.delivery import attempt
from supabase_webhooks.workers.metrics import Metrics
from supabase_webhooks.workers.pace import Pace
from supabase_webhooks.workers.places import Places
from supabase_webhooks.workers.recorder import Recorder
from supabase_webhooks.workers.rhythm import Rhythm
from supabase_webhooks.workers.telemetry import Telemetry

if TYPE_CHECKING:
    from collections.abc import Callable

    from supabase_webhooks.webhooks.deliveries import Attempt, Delivery, Recorded
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store
    from supabase_webhooks.workers.adapters.cache import AdapterCache

logger = logging.getLogger(__name__)

#: Seconds after a row's due time at which it is claimed: an earlier claim would find nothing.
WAKE_MARGIN = 0.05

#: Seconds that this process waits for a row at most before it claims again, and learns what else is due.
LONGEST_WAIT = 60.0

#: Seconds after a failed claim, and after a failed attempt: it may have opened a circuit, and a claim says
#: until when.
SOON = 1.0

#: Seconds between two claims of a process whose project is not the database's, at most. They double up to that.
HELD_SECONDS = 30.0

#: Seconds in which the results are recorded that opened a circuit.
OPENING = 0.05

#: Seconds of what the database says is due at once, and others hold: a claim that finds nothing is not followed by one
#: in as short a time.
AT_ONCE = 0.05

#: The share of the grace period in which attempts may finish; the rest is for records and for what is given back.
FINISHING = 0.8

#: Seconds that a delivery keeps its place after a fault of this process, so that one fault does not become thousands.
FAULT_SECONDS = 5.0

#: Seconds between checks whether to stop, while all places are taken.
LOOK_SECONDS = 0.5

#: Results that may wait to be recorded before nothing more is claimed.
UNRECORDED = 1000


class Drain:
    """A process's deliveries. `wake` is called with the seconds after which another drain job should start.

    With `hurry` someone waits for its end: results are recorded as soon as nothing else is in flight. `check_urls` is
    called when a claim says that there are URLs to check.

    `run` is one job: it claims until nothing is due and returns while the last deliveries are still in flight,
    so that a silent receiver does not keep the job, and so other endpoints, waiting.
    """

    def __init__(  # noqa: PLR0913 - the worker names each
        self,
        store: Store,
        adapters: AdapterCache,
        settings: Settings,
        *,
        worker: str,
        wake: Callable[[float], None],
        telemetry: Telemetry | None = None,
        rhythm: Rhythm | None = None,
        hurry: bool = False,
        check_urls: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._adapters = adapters
        self._settings = settings
        self._worker = worker
        self._wake = wake
        self._hurry = hurry
        self._check_urls = check_urls
        self._look: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self._limited: set[str] = set()
        self._in_flight: set[asyncio.Task[None]] = set()
        # who waits for the end has none that waits for a place
        self._places = Places(settings, time.monotonic, ahead=not hurry)
        self._running = 0
        self._claiming: set[asyncio.Task[None]] = set()
        self._again = False
        self._behind = False
        self._failing = ""
        self._held_seconds = 0.0
        self._in_vain = 0
        self._stopping = asyncio.Event()
        self._end = math.inf
        self._missed = False
        self._aside: list[Delivery] = []
        self._telemetry = telemetry or Telemetry(Metrics())
        self._metrics = self._telemetry.metrics
        self._rhythm = rhythm or Rhythm(time.monotonic)
        self._pace = Pace(lambda: self._rhythm.here)
        self._breakers = Breakers(settings, time.monotonic)
        self._recorder = Recorder(store, self._settled, patience=settings.lease_seconds)
        self._recording: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Claim until nothing is due, the time budget ends or `stop` is called; return how many attempts it started."""
        if self._recording is None or self._recording.done():
            self._recording = asyncio.create_task(self._recorder.run(), context=Context())
        self._running += 1
        try:
            return await self._run()
        finally:
            self._running -= 1
            if self._again:
                # announced, or promised, when the time budget was over: another process's claim may come too early
                self.go_on()

    async def _run(self) -> int:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.drain_seconds
        begun = 0
        self._missed |= self._stopping.is_set()
        while not self._stopping.is_set():
            if loop.time() > deadline:
                self._wake(0)
                break
            # one claim at a time, whatever jobs there are: each sees what the one before has taken
            async with self._turn:
                room = await self._room()
                await self._pace.wait()
                if self._stopping.is_set():
                    break
                self._again = False
                taken = self._places.taken()
                batch = await self._claim(room, taken)
                admitted = [delivery for delivery in batch if self._breakers.admits(delivery)]
                begun += len(admitted)
                self._take(admitted, await self._traceparents(admitted))
            if len(admitted) < len(batch):
                await self._give_back([delivery for delivery in batch if delivery not in admitted])
            elif len(batch) < room and not self._left_over(taken, batch) and not self._again:
                break
        return begun

    @property
    def behind(self) -> bool:
        """Whether more was due at the last claim than this process took, in all or of one endpoint."""
        return self._behind or self._places.crowded

    @property
    def look_at(self) -> float:
        """When it claims again by itself, by the event loop's clock; infinite: not before something is announced."""
        return self._look.when() if self._look else math.inf

    def _left_over(self, taken: dict[str, int], batch: list[Delivery]) -> bool:
        """Return whether more may be claimed of endpoints of which the claim left some; else a free place says so."""
        if not self._places.left_over(taken, batch):
            return False
        # its next claim finds enough
        self._pace.skip()
        return True

    def _take(self, deliveries: list[Delivery], traceparents: dict[str, str]) -> None:
        """Begin what has a place, and have the others wait for one."""
        for delivery in deliveries:
            traceparent = traceparents.get(delivery.id)
            if self._places.take(delivery, traceparent):
                self._begin(delivery, traceparent)
        if self._stopping.is_set():
            self._put_back(self._places.clear())
        elif self._places.waiting:
            asyncio.get_running_loop().call_later(
                self._places.patience + OPENING, lambda: self._put_back(self._places.overdue()), context=Context()
            )

    def _begin(self, delivery: Delivery, traceparent: str | None) -> None:
        # without the ids of the delivery that ended just now
        task = asyncio.create_task(self._deliver(delivery, traceparent), context=Context())
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    def stop(self) -> None:
        """Stop claiming; the grace period begins."""
        if not self._stopping.is_set():
            self._end = asyncio.get_running_loop().time() + self._settings.shutdown_seconds
            self._stopping.set()

    async def close(self) -> None:
        """Finish what is in flight and record it; give back what takes longer than the grace period.

        May be called again, for what was announced meanwhile.
        """
        self.stop()
        loop = asyncio.get_running_loop()
        self._put_back(self._places.clear())
        await asyncio.gather(*self._claiming)
        left = self._end - loop.time() - (1 - FINISHING) * self._settings.shutdown_seconds
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=max(0.0, left))
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            await self._release_aside()
        if self._recording:
            self._recorder.finish()
            # the rest of the grace period, except for what follows
            left = self._end - loop.time() - (1 - FINISHING) / 2 * self._settings.shutdown_seconds
            await asyncio.wait([self._recording], timeout=max(0.0, left))
            if not self._recording.done():
                logger.error("the grace period has ended; some results were not recorded, and their leases will expire")
                self._recording.cancel()
        if self._missed or self._look:
            # what was announced after the signal, and what comes due, is another worker's
            self._wake(0)
        if self._look:
            self._look.cancel()
        self._missed, self._look = False, None

    def abandon(self) -> None:
        """Stop immediately; leases expire."""
        for task in (*self._claiming, *self._in_flight, *filter(None, [self._recording])):
            task.cancel()

    async def _room(self) -> int:
        """Wait for half a batch of free places, since a claim for one row costs as much; return the claim's size."""
        batch = min(self._settings.batch_size, self._settings.concurrency)
        busy = self._settings.concurrency - math.ceil(batch / 2)
        # Supabase records more slowly than we deliver: leases must not expire in the meantime
        while self._recorder.waiting > UNRECORDED and not self._stopping.is_set():  # noqa: ASYNC110 - a rare wait needs no event
            await asyncio.sleep(OPENING)
        while self._load > busy and not self._stopping.is_set():
            # more is wanted of it than it has places for
            self._behind = True
            await asyncio.wait(self._in_flight, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        return min(batch, self._settings.concurrency - self._load)

    @property
    def _load(self) -> int:
        """How many deliveries are in flight, or wait for a place of their endpoint."""
        return len(self._in_flight) + self._places.waiting

    async def _claim(self, size: int, taken: dict[str, int]) -> list[Delivery]:
        if not self._hurry:
            # what was planned before is out of date, but not what results say while it claims
            self._forget_look()
        quiet = self._pace.begin()
        claimed = Claimed([], SOON)
        try:
            with self._metrics.claim_seconds.time():
                claimed = await self._store.claim(batch_size=size, busy=taken, worker=self._worker, quiet_seconds=quiet)
            self._metrics.claimed.inc(len(claimed.deliveries))
            if self._stopping.is_set() and claimed.deliveries:
                await self._store.release(claimed.deliveries)
                return []
        except StoreError as exc:
            self._metrics.store_errors.labels("claim").inc()
            if str(exc) != self._failing:
                # once: the next announcement may come in 20 ms
                logger.warning("nothing is claimed: %s" if isinstance(exc, Held) else "claiming failed: %s", exc)
            self._failing, self._again = str(exc), False
            if isinstance(exc, Held):
                # until someone confirms the project
                self._held_seconds = min(HELD_SECONDS, max(SOON, 2 * self._held_seconds))
                claimed = Claimed([], self._held_seconds)
        else:
            if self._failing:
                logger.info("claiming works again")
            self._failing, self._held_seconds = "", 0.0
        found = self._note(claimed, size)
        promised = self._pace.end(found, full=self._behind)
        due = claimed.due_in_seconds
        if found or due is None or due > AT_ONCE:
            self._in_vain = 0
        else:
            # held by others, or not committed yet: for as long again as it has been
            due = min(SOON, due * 2**self._in_vain)
            self._in_vain += 1
        if self._hurry and due is not None and due > SOON:
            # who waits for the end does not wait for what others hold
            due = None
        # a claim that failed promised nothing that others know of
        self._look_in(due, None if self._failing else promised)
        return claimed.deliveries

    def _note(self, claimed: Claimed, size: int) -> int:
        """Note what a claim of this size says; return how many deliveries it found."""
        if claimed.unchecked_urls:
            self._check_urls()
        found = len(claimed.deliveries)
        self._behind = found >= size
        if found:
            self._rhythm.found()
        return found

    def _look_in(self, *seconds: float | None) -> None:
        """Claim again by itself after the shortest of these times, unless that is planned for sooner."""
        given = [one for one in seconds if one is not None]
        if self._stopping.is_set():
            # what comes due is another worker's
            self._missed |= bool(given)
            return
        loop = asyncio.get_running_loop()
        at = loop.time() + min(LONGEST_WAIT, *given) if given else math.inf
        if at < self.look_at:
            self._forget_look()
            # without the ids of the delivery that ended just now
            self._look = loop.call_at(at, self._look_now, context=Context())

    def _forget_look(self) -> None:
        if self._look:
            self._look.cancel()
            self._look = None

    def _look_now(self) -> None:
        self._look = None
        self.go_on()

    async def _give_back(self, refused: list[Delivery]) -> None:
        """Release what an open breaker rejected, and wait for the results that opened it to be recorded."""
        self._metrics.refused.inc(len(refused))
        await self._release(refused)
        await asyncio.sleep(OPENING)

    async def _release(self, deliveries: list[Delivery]) -> None:
        try:
            await self._store.release(deliveries)
        except StoreError as exc:
            logger.warning("releasing failed: %s; their leases will expire", exc)

    def _put_back(self, deliveries: list[Delivery]) -> None:
        """Release what waits for a place in vain, when the results that say why are recorded."""
        if deliveries:
            task = asyncio.create_task(self._release_later(deliveries), context=Context())
            self._claiming.add(task)
            task.add_done_callback(self._claiming.discard)

    async def _release_later(self, deliveries: list[Delivery]) -> None:
        await asyncio.sleep(0 if self._stopping.is_set() else OPENING)
        await self._release(deliveries)
        self._look_in(SOON)

    async def _rest(self, delivery: Delivery) -> None:
        """Keep a delivery's place for a while, then release it: its attempt failed by a fault of this process."""
        self._aside.append(delivery)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), FAULT_SECONDS)
        await self._release_aside()

    async def _release_aside(self) -> None:
        # the first caller does it for all
        aside, self._aside = self._aside, []
        if aside:
            await self._release(aside)

    async def _traceparents(self, deliveries: list[Delivery]) -> dict[str, str]:
        """Return the traces that events were dispatched in; queried only if tracing is on."""
        if not self._telemetry.traces or not deliveries:
            return {}
        try:
            return await self._store.traceparents(deliveries)
        except StoreError as exc:
            logger.warning("new traces are started: %s", exc)
            return {}

    async def _deliver(self, delivery: Delivery, traceparent: str | None) -> None:
        endpoint = delivery.endpoint
        result: Attempt | None = None
        try:
            observed = self._telemetry.begin(delivery, traceparent)
            try:
                result = await attempt(delivery, self._adapters, self._settings, observed.headers)
                self._breakers.note(endpoint, result.health)
                if endpoint.limited:
                    self._limited.add(delivery.id)
                if not result.delivered:
                    self._rhythm.failed()
                # others wait for a limited endpoint's place, and a circuit for a failure
                self._recorder.add(result, soon=endpoint.limited or not result.delivered)
            finally:
                self._telemetry.end(observed, result)
        except asyncio.CancelledError:
            # the grace period is over
            self._aside.append(delivery)
        except Exception:
            logger.exception("delivery %s: a fault of this process", delivery.id)
            if result is None:
                await self._rest(delivery)
        finally:
            self._leave(endpoint.id, delivered=result is not None and result.delivered)
            if self._hurry and not self._places.busy:
                # no other result is coming that it could be recorded with
                self._recorder.flush()

    def _leave(self, endpoint: str, *, delivered: bool) -> None:
        if not delivered:
            # it is failing, or asks to wait: so do its next ones, in the database
            self._put_back(self._places.give_up(endpoint))
        if following := self._places.leave(endpoint):
            self._begin(following.delivery, following.traceparent)
        if self._places.makes_room(endpoint):
            # more of its deliveries may wait, which the last claim left alone
            self._pace.skip()
            self.go_on()

    def hear(self) -> None:
        """Claim what was announced."""
        self._pace.hear()
        if self._running or not self._failing:
            self.go_on()
        # else it claims again soon by itself: Supabase is away, and what is announced may be much

    def go_on(self) -> None:
        """Claim again in this process. A running job does so before it ends."""
        if self._held_seconds and self._look:
            # whatever is announced is held too, and it claims again by itself
            return
        self._again = True
        self._missed |= self._stopping.is_set()
        if not self._running and not self._stopping.is_set():
            # without the ids of the delivery that ended just now
            task = asyncio.create_task(self._claim_again(), context=Context())
            self._claiming.add(task)
            task.add_done_callback(self._claiming.discard)

    async def _claim_again(self) -> None:
        if not self._running:
            await self.run()

    async def _settled(self, recorded: list[Recorded]) -> None:
        if not self._limited.isdisjoint(one.delivery_id for one in recorded):
            # a place is free again, or a circuit has closed: the endpoint's next deliveries may go
            self._limited.difference_update(one.delivery_id for one in recorded)
            self.go_on()
        for one in recorded:
            self._metrics.recorded.labels(one.status).inc()
            if one.status == "delivered" or not one.accepted:
                continue
            if not self._hurry:
                self._look_in(SOON)
            if one.status == "pending":
                self._look_in(max(0.0, one.due_in_seconds) + WAKE_MARGIN)
