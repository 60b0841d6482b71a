"""What the documentation promises of endpoints, circuits and deliveries, as a program: no SQL, no concurrency.

Each method is one call. It is given the moment of the call and what the call returned, changes the model as the
documentation says, and raises UnexpectedError for what it does not allow. Moments are seconds since 1970.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY = 86400.0
#: Moments of the database are whole microseconds, the model's are floats of seconds since 1970.
CLOSE = 1e-3
#: The policy that a worker sends by default.
THRESHOLD, RESET, WINDOW, MINIMUM, RATE, DISABLE_AFTER = 5, 300.0, 60.0, 20, 0.5, 5 * DAY
#: An endpoint that has as many places again needs no ramp any more.
RAMPED = 50


class UnexpectedError(AssertionError):
    """Raised when the database did what the documentation does not allow."""


def expect(holds: bool, what: str) -> None:
    """Raise UnexpectedError unless it holds."""
    if not holds:
        raise UnexpectedError(what)


@dataclass
class Circuit:
    """How an endpoint is doing."""

    since: float
    window_started: float
    state: str = "closed"
    open_until: float | None = None
    consecutive: int = 0
    window_attempts: int = 0
    window_failures: int = 0
    failing_since: float | None = None
    undelivered_at: float | None = None
    paused_until: float | None = None
    tokens: float | None = None
    tokens_at: float | None = None
    places: int | None = None
    failed_probes: int = 0


@dataclass
class Endpoint:
    """Settings and health."""

    circuit: Circuit
    active: bool = True
    deleted: bool = False
    disabled: bool = False
    max_attempts: int = 3
    retry_schedule: list[int] | None = None
    rate_limit_per_second: int | None = None
    max_concurrency: int | None = None
    circuit_failure_threshold: int | None = None
    circuit_reset_seconds: int | None = None
    expires_after: float | None = None

    @property
    def attempts(self) -> int:
        """The number of attempts that a delivery may get."""
        return self.max_attempts if self.retry_schedule is None else len(self.retry_schedule) + 1

    def wait(self, attempts: int) -> tuple[float, float]:
        """Return the least and the longest wait after this many attempts, by its schedule."""
        if self.retry_schedule is None:
            return (min(60.0, 2.0**attempts),) * 2
        if not self.retry_schedule:
            return 0.0, 0.0
        planned = self.retry_schedule[min(attempts, len(self.retry_schedule)) - 1]
        return (planned, planned) if self.retry_schedule == [2, 4] else (0.8 * planned, 1.2 * planned)


@dataclass
class Lease:
    """What a claim holds of a delivery."""

    id: str
    at: float
    until: float


@dataclass
class Attempt:
    """A row of the log."""

    number: int
    delivered: bool
    counted: bool
    started: float


@dataclass
class Delivery:
    """One event on its way to one endpoint."""

    endpoint: str
    created: float
    due: float
    ready: bool
    status: str = "pending"
    attempts: int = 0
    counted: int = 0
    deferred_since: float | None = None
    finished: float | None = None
    lease: Lease | None = None
    log: list[Attempt] = field(default_factory=list)
    #: so much later than `due` it may be due: a schedule's waits vary by a fifth
    slack: float = 0.0

    @property
    def unfinished(self) -> bool:
        """Whether it is still to be sent."""
        return self.status in {"pending", "processing"}

    def again(self, now: float) -> None:
        """It is asked for again: due now, with the attempts that it has had."""
        # one that another admin retried at this moment is due already, and may stay due since then
        since = self.due if self.status == "pending" and self.ready and self.due <= now else now
        self.status, self.due, self.slack = "pending", since, now - since
        self.ready, self.finished, self.lease = True, None, None

    def finish(self, status: str, now: float) -> None:
        """Nothing is sent any more."""
        self.status, self.finished, self.lease = status, now, None


@dataclass(frozen=True)
class Result:
    """What a worker reports of an attempt."""

    delivery: str
    lease: str
    attempt: int
    started: float
    delivered: bool = False
    permanent: bool = False
    health: str | None = None
    response_status: int | None = None
    retry_after_seconds: float | None = None
    disable_reason: str | None = None
    setup: bool = False


@dataclass
class Model:
    """The whole system."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    deliveries: dict[str, Delivery] = field(default_factory=dict)

    # -- what is ready ------------------------------------------------------------------------------------------------

    def tokens(self, endpoint: Endpoint, now: float) -> float | None:
        """A bucket of one second's deliveries, filled by time."""
        rate, circuit = endpoint.rate_limit_per_second, endpoint.circuit
        if rate is None:
            return None
        if circuit.tokens is None or circuit.tokens_at is None:
            return float(rate)
        return min(float(rate), circuit.tokens + rate * max(0.0, now - circuit.tokens_at))

    def room(self, key: str, now: float) -> float:
        """How many more may be handed out now."""
        endpoint = self.endpoints[key]
        circuit = endpoint.circuit
        if not endpoint.active or (circuit.paused_until or 0) > now:
            return 0
        probing = circuit.state != "closed"
        if circuit.state == "open" and (circuit.open_until or 0) > now:
            return 0
        held = [d.lease.at for d in self.of(key) if d.lease]
        if probing:
            # one probe; what was claimed before the circuit opened is none
            places: float = 1
            held = [at for at in held if at >= circuit.since]
        else:
            places = min(endpoint.max_concurrency or math.inf, circuit.places or math.inf)
        tokens = self.tokens(endpoint, now)
        return max(0, min(places - len(held), math.inf if tokens is None else math.floor(tokens + 1e-9)))

    def oldest_due(self, now: float) -> float | None:
        """Since when the first waits of those that may go out now: what waits for a limit is none."""
        dues = [
            d.due for d in self.deliveries.values() if d.unfinished and d.due <= now and self.room(d.endpoint, now) >= 1
        ]
        return min(dues, default=None)

    def limited(self, endpoint: Endpoint) -> bool:
        """Whether claims of it are counted by one worker at a time."""
        return (
            endpoint.circuit.state != "closed"
            or endpoint.circuit.places is not None
            or endpoint.rate_limit_per_second is not None
            or endpoint.max_concurrency is not None
        )

    def of(self, endpoint: str) -> Iterable[Delivery]:
        """Return an endpoint's deliveries."""
        return (delivery for delivery in self.deliveries.values() if delivery.endpoint == endpoint)

    # -- calls --------------------------------------------------------------------------------------------------------

    def insert(self, key: str, endpoint: str, now: float, *, due: float, status: str = "pending") -> None:
        """A delivery is created, by a dispatch or by hand; a finished one is finished now."""
        finished = None if status in {"pending", "processing"} else now
        self.deliveries[key] = Delivery(endpoint, now, due, due <= now, status, finished=finished)

    def claim(
        self,
        now: float,
        batch: int,
        lease_seconds: float,
        got: dict[str, int],
        lease: str | None,
        expired: set[str],
        *,
        alone: bool = True,
        kept: frozenset[str] = frozenset(),
    ) -> None:
        """Hand out deliveries. `got`: those handed out and the number of their attempt; `expired`: those that failed.

        `alone`: no other transaction held anything, so the claim takes all that it may. `kept`: rows that another one
        held, whose lost lease this claim could not take back.
        """
        for key, delivery in self.deliveries.items():
            if delivery.unfinished and delivery.due <= now and not delivery.ready and key not in kept:
                delivery.ready = True
                if delivery.lease:
                    delivery.lease, delivery.status = None, "pending"
        chosen = [self.deliveries[key] for key in (*got, *expired)]
        available: dict[str, list[float]] = {}
        for delivery in self.deliveries.values():
            if delivery.unfinished and delivery.ready and self.room(delivery.endpoint, now) > 0:
                available.setdefault(delivery.endpoint, []).append(delivery.due)
        self._expect_fair(now, batch, available, chosen, alone=alone)
        for key in available:
            self._spend(key, now, sum(self.deliveries[one].endpoint == key for one in got))
        for key in expired:
            expect(self._expired(key, now + CLOSE), f"{key} has not expired")
            self.deliveries[key].finish("failed", now)
        for key, attempt in got.items():
            delivery = self.deliveries[key]
            expect(not self._expired(key, now - CLOSE), f"{key} has expired")
            expect(attempt == delivery.attempts + 1, f"{key}: attempt {attempt} after {delivery.attempts}")
            delivery.status, delivery.ready, delivery.due = "processing", False, now + lease_seconds
            delivery.lease = Lease(lease or "", now, now + lease_seconds)

    def _expect_fair(
        self, now: float, batch: int, available: dict[str, list[float]], chosen: list[Delivery], *, alone: bool
    ) -> None:
        """Each endpoint within its room, its oldest first; an equal share for each, and the rest for the unlimited."""
        most = {key: min(len(dues), self.room(key, now)) for key, dues in available.items()}
        taken = {key: [one.due for one in chosen if one.endpoint == key] for key in available}
        expect(len(chosen) <= batch, "more than asked for")
        for one in chosen:
            expect(one.unfinished and one.ready and one.endpoint in available, f"not to be handed out: {one}")
        for key, dues in taken.items():
            expect(len(dues) <= most[key], f"{len(dues)} of {key}, which has room for {most[key]}")
        if not alone or not available:
            return
        share = math.ceil(batch / len(available))
        base = {key: min(share, most[key]) for key in available}
        more = sum(most[key] - base[key] for key in available if not self.limited(self.endpoints[key]))
        total = min(batch, sum(base.values()) + more)
        expect(len(chosen) == total, f"{len(chosen)} were handed out, not {total} of {most}")
        for key, dues in taken.items():
            left = sorted(available[key])[len(dues) :]
            expect(not dues or not left or max(dues) <= min(left) + CLOSE, f"not the oldest of {key}")
            expect(len(dues) >= base[key] or sum(base.values()) > batch, f"{len(dues)} of {key}, not {base[key]}")

    def _spend(self, key: str, now: float, count: int) -> None:
        """A limited endpoint's tokens go, and an open circuit is tried."""
        endpoint = self.endpoints[key]
        if not count or not self.limited(endpoint):
            return
        circuit, tokens = endpoint.circuit, self.tokens(endpoint, now)
        circuit.tokens, circuit.tokens_at = (None, None) if tokens is None else (tokens - count, now)
        if circuit.state == "open":
            circuit.state, circuit.since = "half_open", now

    def _expired(self, key: str, now: float) -> bool:
        """Whether a delivery is older than its endpoint allows."""
        delivery = self.deliveries[key]
        after = self.endpoints[delivery.endpoint].expires_after
        return after is not None and delivery.created + after <= now

    def record(self, now: float, results: list[Result]) -> set[str]:
        """Record results; return the deliveries whose result was accepted."""
        chosen: dict[str, Result] = {}
        for result in results:
            delivery = self.deliveries.get(result.delivery)
            if delivery is None:
                continue
            holds = bool(delivery.lease and delivery.lease.id == result.lease)
            # a success of another attempt counts, unless the delivery was asked for again after it
            late = result.delivered and delivery.status != "delivered" and not any(
                a.delivered and a.started >= result.started - 1e-4 for a in delivery.log)  # fmt: skip
            before = chosen.get(result.delivery)
            if holds or (late and before is None):
                chosen[result.delivery] = result
        for key in {self.deliveries[one].endpoint for one in chosen}:
            of_it = [one for one in chosen.values() if self.deliveries[one.delivery].endpoint == key]
            self._record(self.endpoints[key], now, sorted(of_it, key=lambda one: one.started))
        return set(chosen)

    def _record(self, endpoint: Endpoint, now: float, results: list[Result]) -> None:
        circuit = endpoint.circuit
        told: list[Result] = []
        for result in results:
            delivery = self.deliveries[result.delivery]
            lease = delivery.lease
            # what was claimed before the circuit's last change, or by a lost lease, tells nothing of the endpoint
            if lease and lease.id == result.lease and lease.at >= circuit.since - 1e-6:
                told.append(result)
            self._move(endpoint, delivery, now, result)

        news = [one.health for one in told if one.health]
        delivered = any(one.delivered for one in results)
        undelivered = any(one.health and not one.delivered for one in told)
        pause = max(min(one.retry_after_seconds or 0.0, DAY) for one in results)
        if "answered" in news:
            circuit.consecutive = len(news) - 1 - max(at for at, health in enumerate(news) if health == "answered")
        else:
            circuit.consecutive += len(news)
        if circuit.window_started < now - WINDOW:
            circuit.window_started, circuit.window_attempts, circuit.window_failures = now, 0, 0
        circuit.window_attempts += len(news)
        circuit.window_failures += news.count("failed")
        if delivered:
            circuit.failing_since = None
        elif undelivered:
            quiet = circuit.undelivered_at is not None and circuit.undelivered_at < now - 2 * DAY
            circuit.failing_since = now if quiet or circuit.failing_since is None else circuit.failing_since
        if undelivered:
            circuit.undelivered_at = now
        self._turn(endpoint, now, news, pause=pause, successes=sum(one.delivered for one in told))
        gone = any(one.disable_reason for one in told)
        tired = undelivered and circuit.failing_since is not None and circuit.failing_since < now - DISABLE_AFTER
        if endpoint.active and (gone or tired):
            endpoint.active, endpoint.disabled = False, True

    def _move(self, endpoint: Endpoint, delivery: Delivery, now: float, result: Result) -> None:
        """Log an attempt, and deliver, fail or retry its delivery."""
        asked_to_wait = result.response_status == 429 or (
            result.response_status == 503 and result.retry_after_seconds is not None
        )
        waited_long = delivery.deferred_since is not None and delivery.deferred_since < now - DAY
        counted = not result.setup and (not asked_to_wait or waited_long)
        if asked_to_wait and delivery.deferred_since is None:
            delivery.deferred_since = now
        delivery.attempts += 1
        delivery.counted += counted
        delivery.log.append(Attempt(delivery.attempts, result.delivered, counted, result.started))
        if result.delivered:
            delivery.finish("delivered", now)
        elif result.permanent or (counted and delivery.counted >= endpoint.attempts):
            delivery.finish("failed", now)
        else:
            least, longest = endpoint.wait(delivery.counted if counted else delivery.attempts)
            pause = min(result.retry_after_seconds or 0.0, DAY)
            delivery.status, delivery.ready, delivery.lease = "pending", False, None
            delivery.due, delivery.slack = now + max(least, pause), max(longest, pause) - max(least, pause)

    def _turn(self, endpoint: Endpoint, now: float, news: list[str], *, pause: float, successes: int) -> None:
        """Open or close the circuit, and let the endpoint ramp up."""
        circuit, old = endpoint.circuit, endpoint.circuit.state
        circuit.state = self._next_state(endpoint, news)
        if circuit.state == "closed":
            circuit.open_until, circuit.failed_probes = None, 0
            if pause > 0:
                circuit.places = 1
            elif old != "closed":
                circuit.places = 1 + successes
            elif circuit.places is not None:
                circuit.places = circuit.places + successes if circuit.places + successes < RAMPED else None
        elif circuit.state == "open" != old:
            circuit.failed_probes += old == "half_open"
            # with a schedule of its own it is tried soon, and later after each failed probe
            planned = endpoint.retry_schedule is not None and endpoint.retry_schedule != [2, 4]
            wait = min(RESET, 10 * 2.0**circuit.failed_probes) if planned else RESET
            circuit.open_until = now + (endpoint.circuit_reset_seconds or wait)
        if circuit.state != old:
            circuit.since = circuit.window_started = now
            circuit.window_attempts = circuit.window_failures = 0
        if pause > 0:
            circuit.paused_until = max(circuit.paused_until or 0.0, now + pause)

    def _next_state(self, endpoint: Endpoint, news: list[str]) -> str:
        """Return the state that a circuit comes to: a probe decides, else failures in a row or their share."""
        circuit = endpoint.circuit
        if circuit.state == "half_open" and news:
            return "closed" if "answered" in news else "open"
        in_a_row = circuit.consecutive >= (endpoint.circuit_failure_threshold or THRESHOLD)
        share = circuit.window_attempts >= MINIMUM and circuit.window_failures >= RATE * circuit.window_attempts
        return "open" if circuit.state == "closed" and (in_a_row or share) else circuit.state

    def release(self, leases: list[tuple[str, str]]) -> int:
        """A worker gives leases back: due as before, no attempt was made. Return how many were its own."""
        count = 0
        for key, lease in set(leases):
            delivery = self.deliveries.get(key)
            if delivery and delivery.lease and delivery.lease.id == lease:
                delivery.status, delivery.ready, delivery.due, delivery.lease = "pending", True, delivery.lease.at, None
                count += 1
        return count

    def retry(self, now: float, key: str) -> bool:
        """An admin sends one again. False: it is deleted, in progress, or its endpoint is inactive."""
        delivery = self.deliveries.get(key)
        if not delivery or delivery.status == "processing" or not self.endpoints[delivery.endpoint].active:
            return False
        delivery.again(now)
        return True

    def retry_many(self, now: float, keys: list[str]) -> int:
        """An admin sends a selection again; return how many of it."""
        return sum(self.retry(now, key) for key in keys)

    def retry_waiting(self, now: float, endpoint: str) -> int:
        """An admin sends what waits for its next attempt at one endpoint."""
        waiting = [
            key for key, d in self.deliveries.items()
            if d.endpoint == endpoint and d.unfinished and not d.ready and not d.lease
        ]  # fmt: skip
        return self.retry_many(now, waiting)

    def replay(self, now: float, status: str) -> int:
        """An admin sends all failed or all delivered ones again, of active endpoints."""
        return self.retry_many(now, [key for key, d in self.deliveries.items() if d.status == status])

    def edit(self, key: str, now: float, changes: dict[str, Any]) -> None:
        """An admin changes an endpoint. Enabling forgets what it did before."""
        endpoint = self.endpoints[key]
        if changes.get("is_active") and not endpoint.active:
            tokens, at = endpoint.circuit.tokens, endpoint.circuit.tokens_at
            endpoint.circuit = Circuit(now, now, tokens=tokens, tokens_at=at)
            endpoint.disabled = False
        if "max_attempts" in changes and "retry_schedule" not in changes:
            # a number of attempts alone replaces a schedule
            endpoint.retry_schedule = None
        for name, value in changes.items():
            setattr(endpoint, "active" if name == "is_active" else name, value)

    def delete(self, key: str, now: float, *, keep_history: bool) -> None:
        """An endpoint goes, with its deliveries; or they stay, the unfinished ones as failed."""
        if keep_history:
            self.endpoints[key].active, self.endpoints[key].deleted = False, True
            for delivery in self.of(key):
                if delivery.unfinished:
                    delivery.finish("failed", now)
            return
        del self.endpoints[key]
        self.deliveries = {one: d for one, d in self.deliveries.items() if d.endpoint != key}

    def purge(self, now: float, days: float) -> None:
        """Retention: what finished long ago goes; what is held for too long fails."""
        before = now - days * DAY
        self.deliveries = {
            key: d
            for key, d in self.deliveries.items()
            if d.unfinished or d.created >= before or (d.finished or d.created) >= before
        }
        for delivery in self.deliveries.values():
            after = self.endpoints[delivery.endpoint].expires_after
            if after is not None and delivery.unfinished and not delivery.lease and delivery.created + after <= now:
                delivery.finish("failed", now)
