"""Behind a pooler in transaction mode (Supavisor's port 6543; here PgBouncer) nothing hangs, no lock stays behind."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from supabase_webhooks.webhooks import database
from supabase_webhooks.workers import listener
from supabase_webhooks.workers.listener import Listener
from tests.cli.conftest import run, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from devstack.pgbouncer import PgBouncer
    from tests.hosted.bed import Hosted

#: What a command may take that waits for nothing.
SOON = 60.0


def locks(dsn: str) -> list[tuple[Any, ...]]:
    """Return the advisory locks that are held in a database."""
    with psycopg.connect(dsn) as db:
        return db.execute("""
            select (classid::bigint << 32) | objid::bigint, pid from pg_locks
            where locktype = 'advisory' and granted
                and database = (select oid from pg_database where datname = current_database())
        """).fetchall()


@contextmanager
def leaked(dsn: str, key: int) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Hold a lock on a connection that does nothing else, as one of a pooler's whose client has gone."""
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("select pg_advisory_lock(%s)", (key,))
        yield db


@pytest.fixture
def pooled(hosted: Hosted, project: str, pool: Callable[..., PgBouncer]) -> str:
    """The project's connection string through a pooler in transaction mode."""
    return pool(hosted.port).dsn(project.rsplit("/", 1)[-1])


class TestMigrate:
    def test_apply_works_and_leaves_no_lock(self, project: str, pooled: str) -> None:
        """All are applied, the second time none, and the lock is free."""
        done = run("migrate", "apply", "--json", variables={"DATABASE_URL": pooled})
        assert done.code == 0, done.err
        assert done.json["applied"]
        assert locks(project) == []
        assert run("migrate", "apply", "--json", variables={"DATABASE_URL": pooled}).json == {"applied": []}
        assert run("migrate", "status", variables={"DATABASE_URL": pooled}).code == 0
        assert locks(project) == []

    def test_two_at_once(self, project: str, pooled: str) -> None:
        """One waits for the other; together they apply each migration once."""
        both = [start("migrate", "apply", "--json", variables={"DATABASE_URL": pooled}) for _ in range(2)]
        ended = [process.communicate(timeout=SOON) for process in both]
        assert [process.returncode for process in both] == [0, 0], ended
        assert sorted('"applied": []' in " ".join(out.split()) for out, _ in ended) == [False, True]
        assert locks(project) == []

    @pytest.mark.parametrize("through", ["the pooler", "a direct connection"])
    def test_a_lock_that_is_never_freed(
        self, project: str, pooled: str, through: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line says so after a while; nothing is applied."""
        monkeypatch.setattr(database, "LOCK_SECONDS", 1)
        with leaked(project, database.LOCK):
            dsn = {"the pooler": pooled, "a direct connection": project}[through]
            done = run("migrate", "apply", variables={"DATABASE_URL": dsn})
        assert done.code == 1
        # which database it is about, and the error
        _, error = done.err.strip().splitlines()
        assert error.startswith("webhooks: another `webhooks migrate` is running")
        assert locks(project) == []

    def test_a_lock_that_is_lost(self, project: str) -> None:
        """Its connection may end before the work does: the work goes on, and its end is not an error."""
        with database.Database(project) as ours, ours.locked():
            [(_, pid)] = locks(project)
            with psycopg.connect(project, autocommit=True) as db:
                db.execute("select pg_terminate_backend(%s)", (pid,))
            assert ours.problem() is None
        assert locks(project) == []

    def test_a_command_that_is_killed_leaves_no_lock(self, project: str, pooled: str) -> None:
        """Its transaction ends with its connection, at the pooler too."""
        process = start("migrate", "apply", variables={"DATABASE_URL": pooled})
        assert process.stdout
        process.stdout.readline()
        process.kill()
        process.communicate()
        deadline = time.monotonic() + SOON
        while locks(project):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert run("migrate", "apply", "--json", variables={"DATABASE_URL": pooled}).code == 0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the listener's turns short."""
    for name, seconds in {"TURN_SECONDS": 0.2, "ARRIVAL_SECONDS": 0.5, "DEAF_RETRY_SECONDS": 0.1}.items():
        monkeypatch.setattr(listener, name, seconds)


class Woken:
    """A listener that runs, and how often it woke its process."""

    def __init__(self, dsn: str) -> None:
        self.times = 0
        self.listener = Listener(dsn, self._wake)

    def _wake(self) -> None:
        self.times += 1


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[Woken]:
    """Run a listener."""
    woken = Woken(dsn)
    task = asyncio.create_task(woken.listener.run())
    try:
        yield woken
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def notify(dsn: str) -> None:
    """Do as a new delivery does."""
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("select pg_notify('webhook_deliveries', '')")


@pytest.mark.anyio
@pytest.mark.usefixtures("impatient")
class TestListener:
    async def test_behind_a_pooler_in_transaction_mode(
        self, project: str, pooled: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It says once that it receives nothing, retries silently, and takes no lock."""
        with caplog.at_level(logging.INFO):
            async with running(pooled) as woken:
                await until(lambda: caplog.records)
                notify(project)
                await asyncio.sleep(2.0)
                assert locks(project) == []
        assert woken.times == 0, "the sweep finds it"
        assert [record.getMessage() for record in caplog.records] == [
            f"not listening, the sweep continues: {listener.DEAF}"
        ]

    async def test_behind_a_pooler_in_session_mode(
        self, hosted: Hosted, project: str, pool: Callable[..., PgBouncer]
    ) -> None:
        """It listens, as over a direct connection."""
        dsn = pool(hosted.port, mode="session").dsn(project.rsplit("/", 1)[-1])
        async with running(dsn) as woken:
            await until(lambda: woken.times == 1)
            notify(project)
            await until(lambda: woken.times == 2)
            assert len(locks(project)) == 1

    async def test_a_leaked_lock_blocks_nobody(self, project: str, caplog: pytest.LogCaptureFixture) -> None:
        """Its holder sends no pulse, so one of those that wait listens without it; one, not all."""

        async def one_hears() -> bool:
            before = (first.times, second.times)
            notify(project)
            await asyncio.sleep(0.5)
            return sorted((first.times - before[0], second.times - before[1])) == [0, 1]

        with leaked(project, listener.LOCK) as holder, caplog.at_level(logging.INFO):
            async with asyncio.timeout(SOON), running(project) as first, running(project) as second:
                await until(lambda: first.times or second.times)
                assert "without it" in caplog.text
                # both may have lost patience in the same moment: then both stand back, and one of them starts again
                while not (await one_hears() and await one_hears()):
                    pass
                # When the lock is free after all, the one takes it, or the one that waited and the other stands back
                holder.close()
                await until(lambda: len(locks(project)) == 1)
                while not (await one_hears() and await one_hears()):
                    pass

    async def test_one_that_listens_is_left_alone(self, project: str) -> None:
        """Its pulse shows that it does: others wait for longer than their patience, and take over when it ends."""
        async with running(project) as first:
            await until(lambda: first.times == 1)
            async with running(project) as second:
                await asyncio.sleep(3.0)
                assert second.times == 0
        async with running(project) as third:
            await until(lambda: third.times == 1)
