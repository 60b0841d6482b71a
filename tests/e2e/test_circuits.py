"""Circuits and limits of endpoints with real workers."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import redis

from devstack.receiver import Received, Receiver, Reply
from tests.e2e.conftest import trigger

if TYPE_CHECKING:
    from tests.e2e.conftest import System


#: Notes the time of each claim, which the queue forgets.
CLAIMS = """
    create table public.claims (at timestamptz not null);
    create function public.note_claim() returns trigger language plpgsql security definer as $$
    begin
        insert into public.claims values (new.leased_at);
        return null;
    end $$;
    create trigger note_claim after update on webhooks.delivery_queue
        for each row when (new.lease_id is distinct from old.lease_id and new.lease_id is not null)
        execute function public.note_claim();
"""


def state(system: System) -> str:
    """Return the only endpoint's circuit."""
    row = system.db.execute("select state from public.webhook_circuits").fetchone()
    return str(row["state"])  # type: ignore[index]


def used_attempts(system: System) -> int:
    """Return how many attempts all deliveries have used."""
    row = system.db.execute("select coalesce(sum(attempts), 0) as n from public.webhook_deliveries").fetchone()
    return int(row["n"])  # type: ignore[index]


def test_a_circuit_opens_is_probed_by_one_request_and_closes(system: System) -> None:
    """Over two workers of two processes; open, it costs no attempts; what waited drains when it closes."""
    healthy = threading.Event()
    seen: list[float] = []

    def respond(_: Received) -> Reply:
        seen.append(time.monotonic())
        return Reply(200 if healthy.is_set() else 500)

    policy = {"WEBHOOKS_CIRCUIT_RESET_SECONDS": "3", "WEBHOOKS_BATCH_SIZE": "5", "WEBHOOKS_CONCURRENCY": "5"}
    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url, max_attempts=20)
        system.dispatch(300)
        for _ in range(2):
            system.worker(processes=2, **policy)
        system.wait(lambda: state(system) == "open")
        system.wait_for_status("processing", 0)
        opened, used = len(seen), used_attempts(system)
        assert used == opened
        # four processes with five in flight each, and what they claimed before the first results were recorded
        assert opened <= 60, "most of the 300 were never sent"

        # each wait ends with exactly one request
        system.wait(lambda: len(seen) >= opened + 2)
        assert seen[opened + 1] - seen[opened] > 2.5
        assert used_attempts(system) <= len(seen)
        system.wait(lambda: state(system) == "open")

        healthy.set()
        system.wait_for_status("delivered", 300)
        assert state(system) == "closed"


def test_an_open_circuit_survives_restarts_and_a_wiped_redis(system: System) -> None:
    """Neither a new worker nor an empty Redis sends a burst to an endpoint that is down."""
    with Receiver(answer=lambda _: Reply(500)) as receiver:
        system.endpoint(receiver.url, max_attempts=20)
        system.dispatch(20)
        worker = system.worker(WEBHOOKS_BATCH_SIZE="5", WEBHOOKS_CONCURRENCY="5")
        system.wait(lambda: state(system) == "open")
        system.wait_for_status("processing", 0)
        seen = len(receiver.received)
        worker.stop()
        with redis.Redis.from_url(system.valkey.url) as client:
            client.flushall()
        system.worker()
        with Receiver() as other:
            # a sign of life of the new worker, after which it has swept
            system.endpoint(other.url, events="{user.posted_comment}")
            system.db.execute(
                "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
                " select id, 'user.posted_comment', '{}' from public.webhook_configurations where url = %s",
                (other.url,),
            )
            other.wait_for(1)
            system.wait_for_status("delivered", 1)
        assert len(receiver.received) == seen
    assert len([row for row in system.rows() if row["status"] == "pending"]) == 20


def test_concurrency_of_an_endpoint_holds_over_workers(system: System) -> None:
    """Two at once at most over four processes, and the next follow without waiting for the sweep."""
    lock = threading.Lock()
    now, most = 0, 0

    def respond(_: Received) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        return Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url, max_concurrency=2)
        system.dispatch(60)
        for _ in range(2):
            system.worker(processes=2, WEBHOOKS_SWEEP_SECONDS="20")
        system.dispatch(1)
        trigger(system.gateway().url)
        system.wait_for_status("delivered", 61)
    assert most == 2


def busiest_second(rows: list[dict[str, Any]]) -> int:
    """Return the most of the rows' times, `at`, that a second has."""
    times = [row["at"].timestamp() for row in rows]
    return max(sum(start <= one < start + 1 for one in times) for start in times)


def test_a_rate_holds_over_workers(system: System) -> None:
    """Twenty a second: of 100 deliveries no second has more than a full bucket and what flows into it meanwhile."""
    system.db.execute(CLAIMS)
    with Receiver() as receiver:
        system.endpoint(receiver.url, rate_limit_per_second=20)
        system.dispatch(100)
        for _ in range(2):
            system.worker(processes=2)
        system.wait_for_status("delivered", 100)
    claims = system.db.execute("select at from public.claims order by at").fetchall()
    assert len(claims) == 100
    assert busiest_second(claims) <= 40
    assert (claims[-1]["at"] - claims[0]["at"]).total_seconds() >= 3.9
    # a busy machine takes longer from some claims to their requests than from others, which draws these together
    assert busiest_second(system.db.execute("select started_at as at from public.webhook_attempts").fetchall()) <= 60


def test_retry_after_moves_the_endpoints_other_deliveries(system: System) -> None:
    """One 429 makes all of the endpoint's deliveries wait, without opening its circuit or using their attempts."""
    busy = threading.Event()
    busy.set()

    def respond(_: Received) -> Reply:
        return Reply(429, headers={"Retry-After": "3"}) if busy.is_set() else Reply()

    with Receiver(answer=respond) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(50)
        system.worker(WEBHOOKS_BATCH_SIZE="5", WEBHOOKS_CONCURRENCY="5")
        receiver.wait_for(1)
        system.wait_for_status("processing", 0)
        busy.clear()
        used = len(receiver.received)
        assert used <= 30
        assert state(system) == "closed"
        assert used_attempts(system) == used
        system.wait_for_status("delivered", 50)
