"""The breakers of a worker process, with a clock of their own."""

from __future__ import annotations

import pytest
from msgspec import structs

from supabase_webhooks.webhooks.deliveries import Delivery, Endpoint
from supabase_webhooks.workers import breakers
from supabase_webhooks.workers.breakers import HOLDS, Breakers
from tests.adapters.shorthands import make_delivery, make_settings


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at 0."""
    return Clock()


@pytest.fixture
def some(clock: Clock) -> Breakers:
    """Breakers that trip after three failures."""
    return Breakers(make_settings(circuit_failures=3), clock)


CLOSED = make_delivery("https://x/")
HALF_OPEN = make_delivery("https://x/", circuit="half_open")


def delivery_to(endpoint: str) -> Delivery:
    """Return a delivery to another endpoint."""
    return structs.replace(CLOSED, endpoint=Endpoint(id=endpoint, url="https://y/"))


def fail(some: Breakers, times: int) -> None:
    """Have the endpoint fail."""
    for _ in range(times):
        some.note(CLOSED.endpoint, "failed")


def test_consecutive_failures_trip_it(some: Breakers) -> None:
    """Responses between them, also rejections, restart the count; no information changes nothing."""
    fail(some, 2)
    some.note(CLOSED.endpoint, "answered")
    fail(some, 2)
    some.note(CLOSED.endpoint, None)
    assert some.admits(CLOSED)
    fail(some, 1)
    assert not some.admits(CLOSED)


def test_another_endpoint_goes_on(some: Breakers) -> None:
    """One breaker each."""
    fail(some, 3)
    assert some.admits(delivery_to("another"))


def test_the_claims_word_holds_after_a_moment(some: Breakers, clock: Clock) -> None:
    """Postgres says closed: another worker's probe has closed the circuit."""
    fail(some, 3)
    clock.now += HOLDS / 2
    assert not some.admits(CLOSED)
    clock.now += HOLDS
    assert some.admits(CLOSED)
    fail(some, 2)
    assert some.admits(CLOSED), "it counts from the start"


def test_a_probe_decides(some: Breakers, clock: Clock) -> None:
    """Half-open by the claim: one failure opens it again, one response closes it."""
    fail(some, 3)
    assert some.admits(HALF_OPEN)
    fail(some, 1)
    assert not some.admits(CLOSED)
    clock.now += 60
    assert some.admits(HALF_OPEN)
    some.note(HALF_OPEN.endpoint, "answered")
    assert some.admits(CLOSED)
    fail(some, 2)
    assert some.admits(CLOSED)


def test_late_answers_do_not_close_it(some: Breakers) -> None:
    """They are of what was sent before."""
    fail(some, 3)
    some.note(CLOSED.endpoint, "answered")
    assert not some.admits(CLOSED)


def test_an_endpoints_own_threshold(some: Breakers) -> None:
    """It may change at any claim."""
    strict = make_delivery("https://x/", circuit_failure_threshold=1)
    assert some.admits(strict)
    some.note(strict.endpoint, "failed")
    assert not some.admits(CLOSED)


def test_they_are_bounded(some: Breakers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that was unused the longest is forgotten."""
    monkeypatch.setattr(breakers, "KEPT", 2)
    fail(some, 3)
    for name in ("a", "b"):
        some.note(delivery_to(name).endpoint, "failed")
    assert len(some._breakers) == 2
    assert some.admits(CLOSED)
