"""When a worker need look again: a claim says in how many seconds more may be claimed, if nothing is announced."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.conftest import JOINED

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]


def due_in(db: Database, batch: int = 100) -> float | None:
    """Claim; return the seconds."""
    row = db.execute("select public.claim_webhook_deliveries(%s, 60, 'w') as claimed", (batch,)).fetchone()
    assert row
    seconds: float | None = row["claimed"]["due_in_seconds"]
    return seconds


def test_nothing_is_due_ever(db: Database, endpoint: Callable[..., str]) -> None:
    """Then nothing need be looked for."""
    endpoint()
    assert due_in(db) is None


def test_a_full_claim_is_followed_at_once(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """There may be more; when the rest has been claimed, the lease that ends first is next."""
    endpoint()
    for _ in range(3):
        dispatch()
    assert due_in(db, 2) == 0
    rest = due_in(db, 2)
    assert rest is not None
    assert 50 < rest <= 60


def test_a_claim_that_found_what_had_expired_is_followed_at_once(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """It returns fewer than it found, and more may be due behind them."""
    endpoint(expires_after="1 minute")
    dispatch()
    db.execute("update webhooks.delivery_queue set created_at = now() - interval '1 hour'")
    db.execute("update public.webhook_deliveries set created_at = now() - interval '1 hour'")
    assert due_in(db) == 0
    assert due_in(db) is None


CIRCUIT = "update public.webhook_circuits set "
ENDPOINT = "update public.webhook_configurations set "
UNDER_WAY = """
insert into webhooks.delivery_queue (delivery_id, webhook_config_id, created_at, due_at, ready, lease_id, leased_at)
select gen_random_uuid(), id, now(), now() + interval '40 seconds', false, gen_random_uuid(), now()
from public.webhook_configurations
"""

#: What keeps a delivery back, and for how many seconds.
HELD: dict[str, tuple[list[str], float | None]] = {
    "a retry": (["update webhooks.delivery_queue set ready = false, due_at = now() + interval '7 seconds'"], 7),
    "an open circuit": ([CIRCUIT + "state = 'open', open_until = now() + interval '30 seconds'"], 30),
    "a pause": ([CIRCUIT + "paused_until = now() + interval '12 seconds'"], 12),
    "a pause that outlasts the circuit": (
        [
            CIRCUIT + "state = 'open', open_until = now() + interval '5 seconds'",
            CIRCUIT + "paused_until = now() + interval '12 seconds'",
        ],
        12,
    ),
    "a rate limit": ([ENDPOINT + "rate_limit_per_second = 2", CIRCUIT + "tokens = 0, tokens_at = now()"], 0.5),
    "a high rate limit": ([ENDPOINT + "rate_limit_per_second = 100", CIRCUIT + "tokens = 0, tokens_at = now()"], 0.25),
    "its endpoint is disabled": ([ENDPOINT + "is_active = false"], None),
    "its endpoint has no place": ([ENDPOINT + "max_concurrency = 1", UNDER_WAY], 40),
}


@pytest.mark.parametrize("what", HELD)
def test_what_is_held_back(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], what: str) -> None:
    """Until its circuit, pause, limit or time lets it go; never sooner, so that no claim is in vain."""
    endpoint()
    dispatch()
    statements, seconds = HELD[what]
    with db.transaction():  # one moment for all
        for statement in statements:
            db.execute(statement.encode())
        found = due_in(db)
    if seconds is None:
        assert found is None
    else:
        assert found is not None
        assert found == pytest.approx(seconds, abs=0.01)


def test_an_endpoint_that_another_claim_holds_is_looked_at_again(
    db: Database, dsn: str, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Soon, and not at once: the other one takes milliseconds."""
    endpoint(max_concurrency=5)
    dispatch()
    with psycopg.connect(dsn) as other:
        other.execute("select from public.webhook_circuits for update")
        assert due_in(db) == 0.05


@pytest.mark.parametrize(
    ("call", "asynchronous"),
    [
        ("public.claim_webhook_deliveries(10)", True),
        ("public.record_webhook_attempts('[]')", True),
        ("public.release_webhook_deliveries('[]')", True),
        (f"public.dispatch_webhook('user.joined_community', '{json.dumps(JOINED)}')", False),
    ],
)
def test_only_dispatches_wait_for_the_disk(
    db: Database, endpoint: Callable[..., str], call: str, asynchronous: bool
) -> None:
    """A claim or a record that a crash of the server loses is made again; an event is never lost."""
    endpoint()
    db.execute("set synchronous_commit = on")
    with db.transaction():
        db.execute(f"select {call}".encode())
        # as the commit will see it: a function's own settings are undone by now
        row = db.execute("select current_setting('synchronous_commit') as value").fetchone()
    assert row == {"value": "off" if asynchronous else "on"}
