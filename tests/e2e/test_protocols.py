"""One event to endpoints of all protocols, through the whole stack."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from devstack.brokers import Broker, Kafka, PubSub, Sqs
from devstack.receiver import Receiver
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import System


@pytest.fixture
def brokers(directory: Path) -> Iterator[list[Broker]]:
    """A broker of each queue protocol."""
    started: list[Broker] = []
    with ExitStack() as stack:
        for kind in (Sqs, PubSub, Kafka):
            started.append(kind(directory, say=quiet))
            stack.callback(started[-1].stop)
            started[-1].start()
        yield started


def environment(brokers: list[Broker]) -> dict[str, str]:
    """Return what workers need to reach the brokers, with waits that a test can sit through."""
    found = {name: value for broker in brokers for name, value in broker.environment.items()}
    return {**found, "WEBHOOKS_TIMEOUT_SECONDS": "3", "WEBHOOKS_CIRCUIT_RESET_SECONDS": "1"}


def test_one_event_to_four_protocols(system: System, brokers: list[Broker]) -> None:
    """Same body everywhere; each consumer verifies; the attempt log has what each broker acknowledged."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        for broker in brokers:
            system.endpoint(broker.create("events"))
        # no attempt may end because this machine is busy
        system.worker(**environment(brokers) | {"WEBHOOKS_TIMEOUT_SECONDS": "30"})
        system.dispatch()
        system.wait_for_status("delivered", 4)
        received = [*receiver.wait_for(1), *(one for broker in brokers for one in broker.wait_for("events", 1))]
    assert len(received) == 4
    assert all(one.verified(system.secret) for one in received)
    assert len({one.payload["request_id"] for one in received}) == 1
    assert len({one.headers["webhook-id"] for one in received}) == 4
    excerpts = [str(row["response_excerpt"]) for row in system.attempts()]
    assert {"ok", '{"partition":0,"offset":0}', '{"message_id":"1"}'} < set(excerpts)
    (sqs,) = set(excerpts) - {"ok", '{"partition":0,"offset":0}', '{"message_id":"1"}'}
    assert sqs.startswith('{"message_id":"')


def wait_for_count(system: System, condition: str, endpoint: str, count: int) -> None:
    """Wait until this many deliveries are as a condition on their endpoint says."""
    sql = f"select count(*) as n from public.webhook_deliveries where {condition}".encode()
    system.wait(lambda: system.db.execute(sql, (endpoint,)).fetchone() == {"n": count})


def test_a_broker_that_is_away_fails_only_its_own_deliveries(system: System, brokers: list[Broker]) -> None:
    """The others' arrive meanwhile; its own after it returns."""
    endpoints = {broker: system.endpoint(broker.create("events"), max_attempts=20) for broker in brokers}
    system.worker(**environment(brokers))
    for away in brokers:
        assert away.child
        away.child.kill()
        system.dispatch()
        own = endpoints[away]
        wait_for_count(system, "webhook_config_id <> %s and status <> 'delivered'", own, 0)
        wait_for_count(system, "webhook_config_id = %s and status = 'pending' and attempts > 0", own, 1)
        row = system.db.execute("select error_message as e from public.webhook_deliveries where status = 'pending'")
        assert row.fetchone()["e"]  # type: ignore[index]

        away.start()
        away.create("events")
        wait_for_count(system, "webhook_config_id = %s and status <> 'delivered'", own, 0)
        (received,) = away.wait_for("events", 1)
        assert received.verified(system.secret)
