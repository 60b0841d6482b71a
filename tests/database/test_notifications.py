"""What a connection is notified of: each once, in order, and silence wakes no one."""

from __future__ import annotations

import asyncio
import selectors
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import uvloop

from supabase_webhooks.workers.notifications import notifications

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import AsyncConnection, Connection

    Database = Connection[dict[str, Any]]

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}

#: More than arrives in one packet.
MANY = 2_000


class Counting(selectors.DefaultSelector):
    """A selector that knows how often the loop has looked."""

    looks = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Count."""
        self.looks += 1
        return super().select(timeout)


async def listening(dsn: str) -> AsyncConnection:
    """Return a connection that listens to what `say` says."""
    connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
    await connection.execute("listen said")
    return connection


def say(db: Database, *texts: str) -> None:
    """Notify, in one transaction."""
    db.execute(
        "select pg_notify('said', t) from unnest(%s::text[]) with ordinality as u (t, n) order by n", (list(texts),)
    )


@pytest.mark.parametrize("loop", LOOPS)
def test_each_once_and_in_order(db: Database, loop: str) -> None:
    """One alone, many at once, and one that came with a statement's result."""

    async def hear() -> list[str]:
        heard: list[str] = []
        async with await listening(db.info.dsn) as connection:
            say(db, "earlier")
            await connection.execute("select 1")
            said = False
            async with aclosing(notifications(connection, 30)) as arriving:
                async for one in arriving:
                    heard.append(one.payload)
                    if not said:
                        said = True
                        say(db, *map(str, range(MANY)))
                        say(db, "last")
                    if heard[-1] == "last":
                        break
            # its lock is free
            await connection.execute("select 1")
        return heard

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        assert runner.run(hear()) == ["earlier", *map(str, range(MANY)), "last"]


def test_silence_wakes_no_one(db: Database) -> None:
    """Two seconds of nothing are a few looks, where psycopg's own way takes twenty."""

    async def wait() -> int:
        async with await listening(db.info.dsn) as connection:
            before = selector.looks
            assert [one async for one in notifications(connection, 2)] == []
            return selector.looks - before

    selector = Counting()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        assert runner.run(wait()) < 10


@pytest.mark.parametrize("loop", LOOPS)
def test_a_lost_connection(db: Database, loop: str) -> None:
    """It is an error at once, not silence."""

    async def lose() -> None:
        async with await listening(db.info.dsn) as connection:
            db.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
            async for _ in notifications(connection, 600):
                pass

    with (
        asyncio.Runner(loop_factory=LOOPS[loop]) as runner,
        pytest.raises(psycopg.OperationalError, match="connection"),
    ):
        runner.run(asyncio.wait_for(lose(), 60))
