"""The places of each endpoint: never more in flight than there are, nothing lost, and claimed ahead only if quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supabase_webhooks.workers.places import Places
from tests.adapters.shorthands import make_settings
from tests.unit.test_drain import delivery

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import Delivery
    from supabase_webhooks.workers.places import Waiting

EACH, BATCH, ALL = 4, 20, 44


class World:
    """A clock, places, and a backlog of which a claim takes what Postgres would give."""

    def __init__(self, *, limited: bool = False, ahead: bool = True) -> None:
        self.now = 0.0
        settings = make_settings(endpoint_concurrency=EACH, batch_size=BATCH, concurrency=ALL)
        self.places = Places(settings, lambda: self.now, ahead=ahead)
        self.limited = limited
        self.number = 0
        self.under_way: dict[str, list[str]] = {}
        self.ended: list[str] = []
        self.returned: list[str] = []
        self.sizes: list[int] = []

    def claim(self, due: dict[str, int]) -> bool:
        """Claim of endpoints; return whether more may be claimed."""
        taken = self.places.taken()
        batch: list[Delivery] = []
        for endpoint, how_many in due.items():
            for _ in range(min(how_many, BATCH - len(batch), EACH - taken.get(endpoint, 0))):
                self.number += 1
                batch.append(delivery(str(self.number), endpoint, limited=self.limited))
        self.sizes.append(len(batch))
        for one in batch:
            if self.places.take(one):
                self.under_way.setdefault(one.endpoint.id, []).append(one.id)
        return self.places.left_over(taken, batch)

    def end(self, endpoint: str, *, delivered: bool = True) -> None:
        """End an endpoint's oldest delivery."""
        self.ended.append(self.under_way[endpoint].pop(0))
        if not delivered:
            self.give_back(self.places.give_up(endpoint))
        if following := self.places.leave(endpoint):
            self.under_way[endpoint].append(following.delivery.id)

    def give_back(self, deliveries: list[Delivery]) -> None:
        """Return deliveries to Postgres."""
        self.returned += [one.id for one in deliveries]

    def check(self) -> None:
        """Check what always holds."""
        assert all(len(ids) <= EACH for ids in self.under_way.values()), "more in flight than there are places"
        under_way = [one for ids in self.under_way.values() for one in ids]
        accounted = [*under_way, *self.ended, *self.returned]
        assert len(set(accounted)) == len(accounted), "one was begun twice"
        assert len(accounted) + self.places.waiting == self.number, "one was lost"
        assert self.places.busy == bool(under_way)
        assert all(EACH - places <= BATCH for places in self.places.taken().values()), "more than a claim's size"
        assert self.places.waiting <= ALL // 2, "too little room for others"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("claim"), st.dictionaries(st.sampled_from("abc"), st.integers(0, 30), max_size=3)),
        st.tuples(st.just("end"), st.tuples(st.sampled_from("abc"), st.booleans())),
        st.tuples(st.just("wait"), st.floats(0, 0.6)),
        st.tuples(st.just("overdue"), st.none()),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=60,
)


@given(STEPS, st.booleans(), st.booleans())
def test_whatever_happens(steps: list[tuple[str, Any]], limited: bool, ahead: bool) -> None:
    """No endpoint has more in flight than its places, and each delivery is begun once or given back."""
    world = World(limited=limited, ahead=ahead)
    for step, what in steps:
        if step == "claim":
            world.claim(what)
        elif step == "end":
            endpoint, delivered = what
            if world.under_way.get(endpoint):
                world.end(endpoint, delivered=delivered)
                world.places.makes_room(endpoint)
                assert delivered or endpoint not in {one.delivery.endpoint.id for one in _waiting(world)}
        elif step == "wait":
            world.now += what
        elif step == "overdue":
            world.give_back(world.places.overdue())
            assert all(one.until > world.now for one in _waiting(world))
        else:
            world.give_back(world.places.clear())
            assert world.places.waiting == 0
        if limited or not ahead:
            assert world.places.waiting == 0, "one waits that should not have been claimed"
            assert min(world.places.taken().values(), default=0) >= 0
        world.check()


def _waiting(world: World) -> list[Waiting]:
    return [one for line in world.places._lines.values() for one in line.waiting]


def drain(world: World, how_many: int, seconds: float) -> None:
    """Deliver this many of one endpoint, each taking so long, with a claim whenever there is room for one."""
    left = how_many
    more = True
    while left or world.under_way.get("a"):
        if more and left:
            before = world.number
            more = world.claim({"a": left})
            left -= world.number - before
            continue
        world.now += seconds / EACH
        world.end("a")
        more = world.places.makes_room("a") or more
        world.check()


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [
        # in half a second there are more than a claim holds
        (0.001, range(BATCH - EACH, BATCH + 1)),
        # there are ten
        (0.2, range(EACH + 1, 11)),
        # there are fewer than places
        (1.0, range(1, EACH + 1)),
    ],
)
def test_a_claim_is_as_large_as_the_endpoint_is_quick(seconds: float, sizes: range) -> None:
    """Once that is known; the last one takes what is left."""
    world = World()
    drain(world, 400, seconds)
    assert len(world.ended) == 400
    assert {size for size in world.sizes[3:-2] if size} <= set(sizes)
    assert world.sizes[0] == EACH, "nothing is known of it yet"


def test_an_endpoint_that_fails_gets_no_more() -> None:
    """What waits for a place is given back at the first failure, and nothing is claimed ahead after it."""
    world = World()
    drain(world, 40, 0.001)
    world.claim({"a": 100})
    world.end("a")
    world.end("a")
    assert world.places.makes_room("a")
    world.claim({"a": 100})
    assert world.places.waiting > 0
    world.end("a", delivered=False)
    assert world.places.waiting == 0
    assert len(world.returned) > 0
    assert world.places.taken() == {"a": EACH - 1}


def test_what_waits_for_long_is_given_back() -> None:
    """Its endpoint was quick, and responds no more: another worker may have room, and leases end."""
    world = World()
    drain(world, 40, 0.001)
    world.claim({"a": 100})
    world.end("a")
    world.end("a")
    assert world.places.makes_room("a")
    world.claim({"a": 100})
    waiting = world.places.waiting
    world.now += world.places.patience / 2
    assert world.places.overdue() == []
    world.now += world.places.patience
    assert len(world.places.overdue()) == waiting > 0
    assert world.places.taken() == {"a": EACH}


@pytest.mark.parametrize(("lease", "seconds"), [(60, 1.0), (2, 0.5)])
def test_none_waits_for_longer_than_its_lease_allows(lease: int, seconds: float) -> None:
    """An attempt may take half of the lease."""
    settings = make_settings(lease_seconds=lease, timeout_seconds=1)
    assert Places(settings, lambda: 0.0).patience == seconds
