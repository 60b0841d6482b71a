"""Announcements: complete, and no more of them than a commit lock can bear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.database.conftest import JOINED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

CLAIM = "select public.claim_webhook_deliveries(100, 60, 'w', quiet_ms => %s) as claimed"


@pytest.fixture
def listener(dsn: str) -> Iterator[Connection[Any]]:
    """A connection that listens."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("listen webhook_deliveries")
        yield connection


@pytest.fixture
def other(dsn: str) -> Iterator[Database]:
    """Another session."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def heard(connection: Connection[Any]) -> int:
    """Return how many notifications have come."""
    return len(list(connection.notifies(timeout=0.2)))


def look(db: Database, quiet_ms: int | None) -> tuple[int, float | None]:
    """Claim as a worker that listens; return how many deliveries, and in how many seconds there may be more."""
    claimed = db.execute(CLAIM, (quiet_ms,)).fetchone()["claimed"]  # type: ignore[index]
    return len(claimed["deliveries"]), claimed["due_in_seconds"]


def test_a_commit_notifies(
    listener: Connection[Any], db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Not before it, and not when the caller gives up."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(db, 0)
    with db.transaction():
        dispatch()
        assert heard(listener) == 0
    assert heard(listener) == 1
    with db.transaction(force_rollback=True):
        dispatch()
    assert heard(listener) == 0


def test_none_relies_on_another(
    listener: Connection[Any], other: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """A transaction that notifies late, or never, suppresses no other announcement."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(other, 0)
    with other.transaction(force_rollback=True):
        other.execute("select public.dispatch_webhook('user.joined_community', %s)", (json.dumps(JOINED),))
        dispatch()
        assert heard(listener) == 1
    assert heard(listener) == 0


def test_where_a_worker_looks_soon_nobody_notifies(
    listener: Connection[Any], db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """What is dispatched in the quiet is found by the claim that ends it."""
    endpoint()
    heard(listener)  # its URL is to be checked
    assert look(db, 60_000) == (0, None)
    for _ in range(20):
        dispatch()
    assert heard(listener) == 0
    found, _ = look(db, 0)
    assert found == 20
    dispatch()
    assert heard(listener) == 1


def test_a_late_commit_in_the_quiet_is_waited_for(
    listener: Connection[Any], db: Database, other: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Claims come again until the last transaction that relied on the quiet has ended, however late."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(other, 60_000)
    with db.transaction():
        dispatch()
        for _ in range(3):
            found, due_in = look(other, 0)
            assert (found, due_in) == (0, 0.02)
    assert heard(listener) == 0
    assert look(other, 0)[0] == 1
    assert look(other, 0)[1] != 0.02


def test_where_nobody_listens_one_a_second_notifies(
    listener: Connection[Any], db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """So that commits do not wait for each other in vain; a worker that begins to listen misses none."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(db, None)
    moments = {_second(db) for _ in range(200) if dispatch()}
    assert 1 <= heard(listener) <= len(moments) + 1
    look(db, 0)
    dispatch()
    assert heard(listener) == 1


def _second(db: Database) -> int:
    row = db.execute("select extract(epoch from clock_timestamp())::bigint as second").fetchone()
    assert row
    return int(row["second"])


#: What makes more claimable than before, besides an insert.
MORE = {
    "an endpoint is enabled": "update public.webhook_configurations set is_active = true",
    "a rate limit is lifted": "update public.webhook_configurations set rate_limit_per_second = null",
    "more at once": "update public.webhook_configurations set max_concurrency = 5",
    "it is due sooner": "update public.webhook_deliveries set next_attempt_at = now()",
    "it is due later": "update public.webhook_deliveries set next_attempt_at = now() + interval '1 hour'",
    "a finished one is sent again": "update public.webhook_deliveries set status = 'pending'",
    "the copy is adopted": "select public.adopt_webhook_project('p', 'deliver')",
}
BEFORE = {
    "an endpoint is enabled": "update public.webhook_configurations set is_active = false",
    "a rate limit is lifted": "update public.webhook_configurations set rate_limit_per_second = 1",
    "a finished one is sent again": "update public.webhook_deliveries set status = 'delivered'",
}


@pytest.mark.parametrize("what", MORE)
def test_whatever_makes_more_claimable_notifies(
    listener: Connection[Any], db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], what: str
) -> None:
    """A worker that listens need not look by itself."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(db, 0)
    dispatch()
    db.execute(BEFORE.get(what, "select").encode())
    heard(listener)
    db.execute(MORE[what].encode())
    assert heard(listener) == 1


def test_what_is_given_back_is_announced(
    listener: Connection[Any], db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """Another worker takes it at once."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(db, 0)
    dispatch()
    (row,) = claim()
    heard(listener)
    leases = f'[{{"delivery_id": "{row["id"]}", "lease_id": "{row["lease_id"]}"}}]'
    db.execute("select public.release_webhook_deliveries(%s::jsonb)", (leases,))
    assert heard(listener) == 1


def test_a_clock_that_is_set_back_silences_nobody(
    listener: Connection[Any], db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """A quiet that would last for hours is none."""
    endpoint()
    heard(listener)  # its URL is to be checked
    look(db, 3_600_000)
    dispatch()
    assert heard(listener) == 1
