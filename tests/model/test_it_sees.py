"""The model sees: faults that are put back into the SQL are found, each within a bounded search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conftest import ROOT
from tests.model.conftest import COMMON
from tests.model.machine import Machine

if TYPE_CHECKING:
    from tests.model.world import World

#: A search that finds nothing in so many runs has not seen the fault. Nothing is shrunk: that it is found is enough.
SEARCH = settings(
    COMMON, max_examples=200, stateful_step_count=25, derandomize=True, phases=[Phase.generate], print_blob=False
)

RECORD = "deliveries/record_webhook_attempts"
CLAIM = "deliveries/claim_webhook_deliveries"
READY = "circuits/ready_endpoints"
#: The rules that most faults need; a search with fewer rules comes deeper.
FLOW = ("dispatch", "claim", "record", "record_open", "let_time_pass")


@dataclass(frozen=True)
class Fault:
    """What is replaced in a file of supabase/schemas, and the rules of the search for it."""

    file: str
    shipped: str
    broken: str
    rules: tuple[str, ...] = FLOW


FAULTS = {
    "breaker threshold off by one": Fault(RECORD, "c.consecutive >= c.threshold", "c.consecutive > c.threshold"),
    "a concurrency place not counted": Fault("deliveries/under_way", "count(*)::integer", "(count(*) / 2)::integer"),
    "a lost lease accepted": Fault(RECORD, "where c.lease_id = r.lease_id\n", "where c.lease_id is not null\n"),
    "tokens not spent": Fault(CLAIM, "tokens = r.tokens - taken.deliveries", "tokens = r.tokens"),
    "backoff not applied": Fault(RECORD, "greatest(a.backoff_seconds, a.wait_seconds)", "a.wait_seconds"),
    "a pause ignored": Fault(READY, "and (h.paused_until is null or h.paused_until <= now())", ""),
    "release without the lease": Fault(
        "deliveries/release_webhook_deliveries",
        "q.delivery_id = l.delivery_id and q.lease_id = l.lease_id",
        "q.delivery_id = l.delivery_id and q.lease_id is not null",
        (*FLOW, "release"),
    ),
    "two probes at once": Fault(READY, "then 1 else least(c.max_concurrency", "then 2 else least(c.max_concurrency"),
    "a result from before the circuit's last change counts": Fault(
        RECORD,
        "case when c.lease_id = r.lease_id and c.leased_at >= e.since then r.health end",
        "case when c.lease_id = r.lease_id then r.health end",
    ),
    "a dispatch during a deletion fails for all endpoints": Fault(
        "events/emit", "    for key share;\n", "    ;\n", ("interleave",)
    ),
    "what waits for a limit reads as an outage": Fault(
        "reports/webhook_backlog",
        "                where (r.tokens is null or r.tokens >= 1)\n"
        "                  and (r.places is null or webhooks.under_way(r.id, r.places_since, r.places) < r.places)\n"
        "                union all\n                (",
        "                union all\n                (",
        (*FLOW, "backlog"),
    ),
    "a result without health ends an endpoint's time": Fault(
        RECORD, "or m.undelivered and m.failing_since", "or m.failing_since"
    ),
    "of two results in a batch the older wins": Fault(
        RECORD, "coalesce(c.lease_id = r.lease_id, false) desc, ", "", (*FLOW, "record_all_of_one")
    ),
    "a late success is not logged": Fault(
        RECORD, "greatest(c.attempts + 1, r.attempt)", "greatest(c.attempts, r.attempt)"
    ),
    "a late success closes the circuit through another's claim": Fault(
        RECORD,
        "case when c.lease_id = r.lease_id and c.leased_at >= e.since then r.health end",
        "case when c.leased_at >= e.since then r.health end",
    ),
    "a success that is recorded twice ends a retry": Fault(
        RECORD,
        " and not exists (\n               select from public.webhook_attempts as w\n"
        "               where w.delivery_id = r.delivery_id and w.delivered and w.started_at >= r.started_at))",
        ")",
        (*FLOW, "retry"),
    ),
    "what does not count ends a retry": Fault(
        RECORD,
        "(made.counted and c.counted_attempts + 1 >= ",
        "(c.counted_attempts + coalesce(made.counted, false)::integer >= ",
        (*FLOW, "retry"),
    ),
    "enabling keeps what the endpoint did before": Fault(
        "circuits/reset_circuit", "consecutive_failures = 0, ", "", (*FLOW, "edit")
    ),
    "an expired delivery is sent": Fault(
        "deliveries/without_expired",
        "q.created_at + c.expires_after <= now()",
        "q.created_at + 2 * c.expires_after <= now()",
    ),
    "a delivery that was inserted as failed is never purged": Fault(
        "deliveries/complete_delivery", "in ('delivered', 'failed')", "in ('delivered')", ("insert",)
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_is_put_back_is_found(world: World, name: str) -> None:
    """By the machine that runs against the shipped SQL, with the rules that the fault needs."""
    fault = FAULTS[name]
    shipped = (ROOT / "supabase/schemas" / f"{fault.file}.sql").read_text()
    assert shipped.count(fault.shipped) == 1, "the fault's place is gone from the SQL"
    world.db.execute(shipped.replace(fault.shipped, fault.broken).encode())
    rules = {key for key, member in vars(Machine).items() if hasattr(member, "hypothesis_stateful_rule")}
    assert rules.issuperset(fault.rules)
    members: dict[str, Any] = {"world": world, **dict.fromkeys(rules.difference(fault.rules))}
    with pytest.raises((AssertionError, psycopg.Error)):
        run_state_machine_as_test(type("Machine", (Machine,), members), settings=SEARCH)
