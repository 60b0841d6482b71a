"""Circuit breakers: one per endpoint in each worker process, in addition to the circuit that Postgres keeps for all.

Postgres decides: every claim and result passes through it, so its circuits are shared, survive restarts and let out
one probe at a time. What a process learns by itself it knows some milliseconds sooner, before its results are
recorded; here it acts on that, so that a failing endpoint gets no further batch in between.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from pybreaker import STATE_OPEN, CircuitBreaker, CircuitBreakerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from supabase_webhooks.webhooks.deliveries import Delivery, Endpoint, Health
    from supabase_webhooks.webhooks.settings import Settings

#: Breakers kept at once; beyond that, the least recently used one is dropped, and starts closed next time.
KEPT = 10_000

#: pybreaker's own timeout, in seconds: high enough not to matter.
NEVER = 1e9

#: Seconds that a process's own finding overrides a claim that says "closed". By then its results are recorded,
#: so that the next claim knows better: perhaps another worker's probe has closed the circuit.
HOLDS = 1.0


class _Failed(Exception):  # noqa: N818 - never leaves this module
    """A failure of the endpoint, in the only form that pybreaker counts."""


def _succeed() -> None: ...


def _fail() -> None:
    raise _Failed


class Breakers:
    """Breakers by endpoint. `clock` returns monotonic seconds."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._breakers: OrderedDict[str, CircuitBreaker] = OrderedDict()
        self._opened: dict[str, float] = {}

    def admits(self, delivery: Delivery) -> bool:
        """Return whether a claimed delivery may be attempted; otherwise it must be released."""
        endpoint = delivery.endpoint
        breaker = self._breaker(endpoint)
        if endpoint.circuit == "half_open":
            breaker.half_open()
        elif breaker.current_state == STATE_OPEN:
            if self._clock() - self._opened.get(endpoint.id, 0.0) < HOLDS:
                return False
            breaker.close()
        return True

    def note(self, endpoint: Endpoint, health: Health | None) -> None:
        """Count what an attempt says about its endpoint's health; None says nothing."""
        breaker = self._breaker(endpoint)
        # an open one counts nothing: these are responses to requests sent before it opened
        if health is None or breaker.current_state == STATE_OPEN:
            return
        with suppress(_Failed, CircuitBreakerError):
            breaker.call(_succeed if health == "answered" else _fail)
        if breaker.current_state == STATE_OPEN:
            self._opened[endpoint.id] = self._clock()

    def _breaker(self, endpoint: Endpoint) -> CircuitBreaker:
        threshold = endpoint.circuit_failure_threshold or self._settings.circuit_failures
        breaker = self._breakers.get(endpoint.id)
        if breaker is None:
            # it never leaves "open" by itself: the claim says when
            breaker = self._breakers[endpoint.id] = CircuitBreaker(fail_max=threshold, reset_timeout=NEVER)
            if len(self._breakers) > KEPT:
                forgotten, _ = self._breakers.popitem(last=False)
                self._opened.pop(forgotten, None)
        breaker.fail_max = threshold
        self._breakers.move_to_end(endpoint.id)
        return breaker
