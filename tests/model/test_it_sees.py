"""The model sees: faults that are put back into the SQL are found, each within a bounded search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import ROOT
from tests.model.conftest import COMMON
from tests.model.machine import Machine
from tests.model.model import UnexpectedError

if TYPE_CHECKING:
    from tests.model.world import World

#: A search begins a few steps before the fault can show; one that finds nothing in this many runs has not seen it.
#: Nothing is shrunk: that it is found is enough.
SEARCH = settings(
    COMMON,
    max_examples=250,
    stateful_step_count=8,
    derandomize=True,
    phases=[Phase.generate],
    print_blob=False,
    report_multiple_bugs=False,
)

RECORD = "deliveries/record_webhook_attempts"
CLAIM = "deliveries/claim_webhook_deliveries"
READY = "circuits/ready_endpoints"
#: The rules that most faults need; a search with fewer rules comes deeper.
FLOW = ("dispatch", "claim", "record", "record_open", "let_time_pass")


@dataclass(frozen=True)
class Fault:
    """What is replaced in a file of supabase/schemas; where the search for it begins, and by which rules it goes."""

    file: str
    shipped: str
    broken: str
    start: tuple[dict[str, Any], str] | None
    rules: tuple[str, ...] = FLOW


FAULTS = {
    "breaker threshold off by one": Fault(
        RECORD,
        "c.consecutive >= c.threshold",
        "c.consecutive > c.threshold",
        ({"circuit_failure_threshold": 2}, "dispatch dispatch claim 0:failed"),
    ),
    "a concurrency place not counted": Fault(
        "deliveries/under_way",
        "select count(*)",
        "select count(*) / 2",
        ({"max_concurrency": 2}, "dispatch dispatch dispatch claim"),
    ),
    "a lost lease accepted": Fault(
        RECORD, "where c.lease_id = r.lease_id\n", "where c.lease_id is not null\n", ({}, "dispatch claim 61 claim")
    ),
    "tokens not spent": Fault(
        CLAIM,
        "tokens = r.tokens - taken.deliveries",
        "tokens = r.tokens",
        ({"rate_limit_per_second": 2}, "dispatch dispatch dispatch claim"),
    ),
    "backoff not applied": Fault(
        RECORD, "greatest(a.backoff_seconds, a.wait_seconds)", "a.wait_seconds", ({}, "dispatch claim")
    ),
    "a pause ignored": Fault(
        READY, "and (h.paused_until is null or h.paused_until <= now())", "", ({}, "dispatch claim 0:wait dispatch")
    ),
    "release without the lease": Fault(
        "deliveries/release_webhook_deliveries",
        "q.delivery_id = l.delivery_id and q.lease_id = l.lease_id",
        "q.delivery_id = l.delivery_id and q.lease_id is not null",
        ({}, "dispatch claim 61 claim"),
        (*FLOW, "release"),
    ),
    "two probes at once": Fault(
        READY,
        "then 1 else least(c.max_concurrency",
        "then 2 else least(c.max_concurrency",
        ({"circuit_failure_threshold": 1}, "dispatch dispatch claim 0:failed 301"),
    ),
    "a result from before the circuit's last change counts": Fault(
        RECORD,
        "case when c.lease_id = r.lease_id and c.leased_at >= e.since then r.health end",
        "case when c.lease_id = r.lease_id then r.health end",
        ({"circuit_failure_threshold": 1}, "dispatch dispatch claim 0:failed"),
    ),
    "a dispatch during a deletion fails for all endpoints": Fault(
        "events/emit", "    for key share;\n", "    ;\n", None, ("dispatch_during_a_deletion", "dispatch")
    ),
    "what waits for a limit reads as an outage": Fault(
        "reports/webhook_backlog",
        "                where (r.tokens is null or r.tokens >= 1)\n"
        "                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)\n"
        "                union all\n                (",
        "                union all\n                (",
        ({"max_concurrency": 1}, "dispatch dispatch claim"),
        (*FLOW, "backlog"),
    ),
    "a result without health ends an endpoint's time": Fault(
        RECORD,
        "or m.undelivered and m.failing_since",
        "or m.failing_since",
        ({}, "dispatch dispatch claim 0:failed 518400 claim"),
    ),
    "of two results in a batch the older wins": Fault(
        RECORD,
        "coalesce(c.lease_id = r.lease_id, false) desc, ",
        "",
        ({}, "dispatch claim 61 claim"),
        (*FLOW, "record_all_of_one"),
    ),
    "a late success is not logged": Fault(
        RECORD,
        "greatest(c.attempts + 1, r.attempt)",
        "greatest(c.attempts, r.attempt)",
        ({}, "dispatch claim 61 claim 1:failed"),
    ),
    "a late success closes the circuit through another's claim": Fault(
        RECORD,
        "case when c.lease_id = r.lease_id and c.leased_at >= e.since then r.health end",
        "case when c.leased_at >= e.since then r.health end",
        ({"circuit_failure_threshold": 1}, "dispatch claim 61 claim 1:failed 301 claim"),
    ),
    "a success that is recorded twice ends a retry": Fault(
        RECORD,
        " and not exists (\n               select from public.webhook_attempts as w\n"
        "               where w.delivery_id = r.delivery_id and w.delivered and w.started_at >= r.started_at))",
        ")",
        ({}, "dispatch claim 0:delivered retry"),
        (*FLOW, "retry"),
    ),
    "what does not count ends a retry": Fault(
        RECORD,
        "(made.counted and c.counted_attempts + 1 >= ",
        "(c.counted_attempts + coalesce(made.counted, false)::integer >= ",
        ({"max_attempts": 1}, "dispatch claim 0:failed retry claim"),
        (*FLOW, "retry"),
    ),
    "enabling keeps what the endpoint did before": Fault(
        "circuits/reset_circuit",
        "consecutive_failures = 0, ",
        "",
        ({"circuit_failure_threshold": 2}, "dispatch dispatch claim 0:failed disable"),
        (*FLOW, "edit"),
    ),
    "an expired delivery is sent": Fault(
        "deliveries/without_expired",
        "q.created_at + c.expires_after <= now()",
        "q.created_at + 2 * c.expires_after <= now()",
        ({"expires_after": "90 minutes"}, "dispatch 6000"),
    ),
    "a delivery that was inserted as failed is never purged": Fault(
        "deliveries/complete_delivery", "in ('delivered', 'failed')", "in ('delivered')", ({}, "dispatch"), ("insert",)
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_is_put_back_is_found(world: World, name: str) -> None:
    """By the machine that runs against the shipped SQL, with the rules that the fault needs."""
    fault = FAULTS[name]
    shipped = (ROOT / "supabase/schemas" / f"{fault.file}.sql").read_text()
    assert shipped.count(fault.shipped) == 1, "the fault's place no longer exists in the SQL"
    world.db.execute(shipped.replace(fault.shipped, fault.broken).encode())
    rules = {key for key, member in vars(Machine).items() if hasattr(member, "hypothesis_stateful_rule")}
    assert rules.issuperset(fault.rules)
    members: dict[str, Any] = {"world": world, "start": fault.start, **dict.fromkeys(rules.difference(fault.rules))}
    with pytest.raises(UnexpectedError):
        run_state_machine_as_test(type("Machine", (Machine,), members), settings=SEARCH)
