"""Notifications of new deliveries: sent with the commit, and not more often than a commit lock can bear."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection


def heard(connection: psycopg.Connection[Any]) -> int:
    """Return how many notifications have come."""
    return len(list(connection.notifies(timeout=0.2)))


def test_a_commit_notifies(
    dsn: str, db: Connection[dict[str, Any]], endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Not before it, and not when the caller gives up."""
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("listen webhook_deliveries")
        endpoint()
        with db.transaction():
            dispatch()
            assert heard(listener) == 0
        assert heard(listener) == 1
        with db.transaction(force_rollback=True):
            dispatch()
        assert heard(listener) == 0


def test_many_commits_notify_seldom(dsn: str, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Once in a fiftieth of a second at most: notifying commits wait for each other, in the whole database."""
    endpoint()
    with psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("listen webhook_deliveries")
        begun = time.time()
        for _ in range(300):
            dispatch()
        moments = int(time.time() * 50) - int(begun * 50) + 1
        assert 1 <= heard(listener) <= min(moments, 299)
