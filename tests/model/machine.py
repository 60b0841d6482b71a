"""What can happen, in any order: Hypothesis looks for a sequence that the model does not allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.model.model import UnexpectedError, expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.model.model import Result
    from tests.model.world import Call, Held, World

#: What an attempt can come to, as workers report it.
OUTCOMES: dict[str, dict[str, Any]] = {
    "delivered": {"delivered": True, "health": "answered", "response_status": 200},
    "failed": {"health": "failed", "response_status": 500},
    "no connection": {"health": "failed"},
    "no credentials": {"health": "failed", "setup": True},
    "rejected": {"health": "answered", "response_status": 404},
    "busy": {"response_status": 429},
    "wait": {"response_status": 429, "retry_after_seconds": 30},
    "unavailable": {"response_status": 503, "retry_after_seconds": 5},
    "impossible": {"permanent": True},
    "permanent": {"permanent": True, "health": "answered", "response_status": 400},
    "gone": {"permanent": True, "health": "answered", "response_status": 410, "disable_reason": "410 Gone"},
}
#: Endpoints as they come: thresholds are low, so that few steps lead far.
ENDPOINTS: list[dict[str, Any]] = [
    {},
    {"circuit_failure_threshold": 1, "max_attempts": 8},
    {"circuit_failure_threshold": 2, "retry_schedule": [5, 300, 1800, 7200]},
    {"max_concurrency": 2, "max_attempts": 1},
    {"rate_limit_per_second": 2, "circuit_failure_threshold": 2},
    {"expires_after": "90 minutes", "retry_schedule": []},
]
EDITS: list[dict[str, Any]] = [
    {"is_active": False},
    {"is_active": True},
    {"is_active": True},
    {"max_attempts": 1},
    {"max_attempts": 20},
    {"retry_schedule": [7]},
    {"retry_schedule": None},
    {"rate_limit_per_second": 1},
    {"rate_limit_per_second": None},
    {"max_concurrency": 1},
    {"max_concurrency": None},
    {"circuit_failure_threshold": 1, "circuit_reset_seconds": 20},
    {"expires_after": "3 days"},
]
#: Seconds: a token, a backoff, a lease, a circuit's wait, hours, and the days that other rules count in.
SPANS = [0.5, 2, 4, 61, 61, 301, 301, 6000, 90_000, 2.1 * 86400, 6 * 86400, 31 * 86400]
#: A run ends when so much is there: what is not finished must still finish.
ROOM = 24
#: This many rounds of an hour finish what a run left, however slow its endpoints are.
ROUNDS = 100

number = st.integers(0, 10_000)


def pick(options: list[Any], n: int) -> Any:
    """Return one of the options; Hypothesis shrinks towards the first."""
    return options[n % len(options)]


class Machine(RuleBasedStateMachine):
    """Each rule makes a call in both worlds; the run ends with time passing and successes."""

    world: ClassVar[World]
    #: Where a search begins instead of anywhere: an endpoint's settings, and steps in short (see `step`).
    start: ClassVar[tuple[dict[str, Any], str] | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.world.clear()

    @initialize(kinds=st.lists(st.sampled_from(ENDPOINTS), min_size=1, max_size=2), events=st.integers(1, 3))
    def begin(self, kinds: list[dict[str, Any]], events: int) -> None:
        """Some endpoints, some events."""
        if self.start is not None:
            settings, steps = self.start
            self.world.create(**settings)
            for step in steps.split():
                self.step(step)
            return
        for settings in kinds:
            self.world.create(**settings)
        for _ in range(events):
            self.world.run(self.world.dispatch())

    def step(self, step: str) -> None:
        """Do one step: a call by its name, seconds that pass, or what the nth lease's holder reports, as 0:failed."""
        world = self.world
        if step.isdigit():
            world.let_pass(float(step))
        elif ":" in step:
            n, outcome = step.split(":")
            world.held[int(n)].reported = True
            world.run(world.record([world.held[int(n)].result(**OUTCOMES[outcome])]))
        else:
            world.run(self.call(step, 1, ""))

    # -- what is there ------------------------------------------------------------------------------------------------

    @property
    def endpoints(self) -> list[str]:
        """In the order of their creation."""
        return [key for key, one in self.world.model.endpoints.items() if not one.deleted]

    @property
    def deliveries(self) -> list[str]:
        """In the order of their creation."""
        return list(self.world.model.deliveries)

    def some(self, n: int, count: int) -> list[Held]:
        """Return leases: mostly of open attempts, sometimes of such as were reported or lost."""
        held = self.world.held
        open_ones = [one for one in held if not one.reported]
        pool = held if n % 4 == 3 or not open_ones else open_ones
        return [pool[(n // 4 + k) % len(pool)] for k in range(min(count, len(pool)))]

    def results(self, n: int, outcomes: list[str]) -> list[Result]:
        """Return what workers report of some leases, one for each outcome."""
        held = self.some(n, len(outcomes))
        for one in held:
            one.reported = True
        return [one.result(**OUTCOMES[outcome]) for one, outcome in zip(held, outcomes, strict=False)]

    # -- rules --------------------------------------------------------------------------------------------------------

    # No rule has a precondition: what there is to record or retry hangs on the clock and on the random part of waits,
    # which differ when Hypothesis repeats a run. A rule that finds nothing to do makes it.

    def full(self) -> bool:
        """Return whether there are enough deliveries; if so, a worker claims instead."""
        if enough := len(self.deliveries) >= ROOM:
            self.world.run(self.world.claim(100))
        return enough

    def empty_handed(self) -> bool:
        """Return whether no worker has had a delivery; if so, one asks for them."""
        if nothing := not self.world.held:
            self.world.run(self.world.claim(100))
        return nothing

    def quiet(self) -> bool:
        """Return whether there is no delivery; if so, there is an event."""
        if nothing := not self.deliveries:
            self.world.run(self.world.dispatch())
        return nothing

    @rule()
    def dispatch(self) -> None:
        if not self.full():
            self.world.run(self.world.dispatch())

    @rule(
        n=number,
        status=st.sampled_from(["pending", "pending", "processing", "delivered", "failed"]),
        later=st.sampled_from([0, 3, 3600]),
    )
    def insert(self, n: int, status: str, later: float) -> None:
        if not self.full():
            self.world.run(self.world.insert(pick(self.endpoints, n), status, later))

    @rule(batch=st.sampled_from([100, 100, 1, 3]), lease=st.sampled_from([60, 60, 600]))
    def claim(self, batch: int, lease: float) -> None:
        self.world.run(self.world.claim(batch, lease))

    @rule(
        n=number,
        outcomes=st.lists(st.sampled_from([*OUTCOMES, "failed", "failed", "delivered"]), min_size=1, max_size=4),
    )
    def record(self, n: int, outcomes: list[str]) -> None:
        if not self.empty_handed():
            self.world.run(self.world.record(self.results(n, outcomes)))

    @rule(outcome=st.sampled_from(["failed", "delivered", "wait"]), batch=st.integers(1, 25))
    def record_open(self, outcome: str, batch: int) -> None:
        """A worker reports all that it has, with one outcome."""
        held = [one for one in self.world.held if not one.reported][:batch]
        if held:
            for one in held:
                one.reported = True
            self.world.run(self.world.record([one.result(**OUTCOMES[outcome]) for one in held]))

    @rule(n=number, outcomes=st.permutations(["delivered", "failed", "gone", "permanent"]))
    def record_all_of_one(self, n: int, outcomes: list[str]) -> None:
        """Several workers had the same delivery; a batch has all their results, of which one at most is late."""
        if self.empty_handed():
            return
        delivery = pick(self.world.held, n).delivery
        held = [one for one in self.world.held if one.delivery == delivery][-2:]
        self.world.run(self.world.record([one.result(**OUTCOMES[o]) for one, o in zip(held, outcomes, strict=False)]))

    @rule(n=number, count=st.integers(1, 4))
    def release(self, n: int, count: int) -> None:
        if not self.empty_handed():
            self.world.run(self.world.release(self.some(n, count)))

    @rule(span=st.sampled_from(SPANS))
    def let_time_pass(self, span: float) -> None:
        self.world.let_pass(span)

    @rule(n=number, changes=st.sampled_from(EDITS))
    def edit(self, n: int, changes: dict[str, Any]) -> None:
        self.world.run(self.world.edit(pick(self.endpoints, n), changes))

    @rule(n=number)
    def retry(self, n: int) -> None:
        if not self.quiet():
            self.world.run(self.world.retry(pick(self.deliveries, n)))

    @rule(n=number, count=st.integers(1, 5))
    def retry_many(self, n: int, count: int) -> None:
        if not self.quiet():
            self.world.run(self.world.retry_many(sorted({pick(self.deliveries, n + k) for k in range(count)})))

    @rule(n=number)
    def retry_waiting(self, n: int) -> None:
        self.world.run(self.world.retry_waiting(pick(self.endpoints, n)))

    @rule(status=st.sampled_from(["failed", "delivered"]))
    def replay(self, status: str) -> None:
        self.world.run(self.world.replay(status))

    @rule(n=number)
    def rotate(self, n: int) -> None:
        self.world.run(self.world.rotate(pick(self.endpoints, n)))

    @rule(n=number, keep_history=st.booleans())
    def delete_endpoint(self, n: int, keep_history: bool) -> None:
        if len(self.endpoints) > 1:
            self.world.delete_endpoint(pick(self.endpoints, n), keep_history=keep_history)

    @rule()
    def purge(self) -> None:
        self.world.run(self.world.purge())

    @rule()
    def backlog(self) -> None:
        self.world.run(self.world.backlog())

    @rule(
        first=st.sampled_from(
            [
                "claim",
                "record",
                "release",
                "dispatch",
                "retry",
                "disable",
                "delete",
                "delete_endpoint",
                "replay",
                "purge",
            ]
        ),
        second=st.sampled_from(["claim", "record", "release", "dispatch", "retry", "disable", "retry_many", "purge"]),
        ending=st.sampled_from(["commit", "commit", "rollback", "kill"]),
        outcome=st.sampled_from(["delivered", "failed", "wait", "gone"]),
        n=number,
        m=number,
    )
    def interleave(self, first: str, second: str, ending: str, outcome: str, n: int, m: int) -> None:
        if self.quiet() or (first in {"delete", "delete_endpoint"} and len(self.endpoints) < 2):
            return
        self.world.interleave(self.call(first, n, outcome), self.call(second, m, outcome), ending)

    @rule(n=number, ending=st.sampled_from(["commit", "rollback"]))
    def dispatch_during_a_deletion(self, n: int, ending: str) -> None:
        if len(self.endpoints) > 1:
            self.world.interleave(self.world.delete(pick(self.endpoints, n)), self.world.dispatch(), ending)

    def call(self, name: str, n: int, outcome: str) -> Call:
        """Return a call by its name."""
        world = self.world
        calls: dict[str, Callable[[], Call]] = {
            "claim": lambda: world.claim(100),
            "record": lambda: world.record(self.results(n, [outcome])) if world.held else world.claim(1),
            "release": lambda: world.release(self.some(n, 2)) if world.held else world.claim(1),
            "dispatch": world.dispatch,
            "retry": lambda: world.retry(pick(self.deliveries, n)),
            "retry_many": lambda: world.retry_many(sorted({pick(self.deliveries, n + k) for k in range(3)})),
            "replay": lambda: world.replay("failed"),
            "disable": lambda: world.edit(pick(self.endpoints, n), {"is_active": n % 2 == 0}),
            "delete": lambda: world.delete(pick(self.endpoints, n)),
            "delete_endpoint": lambda: world.delete_step(pick(self.endpoints, n), keep_history=n % 3 == 0),
            "purge": world.purge,
        }
        return calls[name]()

    def teardown(self) -> None:
        """Let time pass, record successes: everything finishes. And nothing that was delivered is handed out again."""
        try:
            self.finish()
        except UnexpectedError as exc:
            raise UnexpectedError("\n".join([str(exc), *self.world.history])) from exc

    def finish(self) -> None:
        """Do that."""
        world = self.world
        for key in self.endpoints:
            world.run(world.edit(key, {"is_active": True}))
        for _ in range(ROUNDS):
            unfinished = [key for key, one in world.model.deliveries.items() if one.unfinished]
            if not unfinished:
                return
            world.let_pass(90_000)
            done = len(world.held)
            world.run(world.claim(100))
            if new := world.held[done:]:
                world.run(world.record([one.result(**OUTCOMES["delivered"]) for one in new]))
        expect(not unfinished, f"stuck: {unfinished}")
