"""Workers that listen: new deliveries go out at once, with no sweep and no cron; the sweep finds what is missed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from devstack.receiver import Receiver
from supabase_webhooks.workers.listener import LOCK
from tests.roles import made_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devstack.pgbouncer import PgBouncer
    from devstack.postgres import Postgres
    from tests.e2e.conftest import System

#: No sweep: only notifications start work.
SILENT = {"WEBHOOKS_SWEEP_SECONDS": "0"}

HOLDER = """
select pid from pg_locks where locktype = 'advisory' and granted and ((classid::bigint << 32) | objid::bigint) = %s
"""


@pytest.fixture
def server() -> Iterator[Receiver]:
    """Receive."""
    with Receiver() as receiver:
        yield receiver


def listeners(system: System) -> list[int]:
    """Return the server processes that hold the listener's lock."""
    return [row["pid"] for row in system.db.execute(HOLDER, (LOCK,)).fetchall()]


def test_what_is_dispatched_arrives_without_sweep_and_cron(system: System, server: Receiver) -> None:
    """From dispatch_webhook, from an edge function's insert, from many at once; each once."""
    config = system.endpoint(server.url)
    system.dispatch(3)  # before anybody listens
    system.worker(2, WEBHOOKS_DATABASE_URL=system.dsn, **SILENT)
    system.wait_for_status("delivered", 3)
    assert len(listeners(system)) == 1, "one process listens for all"
    for count in (1, 1, 50, 1):
        system.dispatch(count)
        time.sleep(0.03)
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload) values (%s, 'x.y', '{}')",
        (config,),
    )
    system.wait_for_status("delivered", 57)
    assert len(server.received) == 57


def test_a_lost_connection_is_made_again(system: System, server: Receiver) -> None:
    """What comes meanwhile waits for the sweep; after that the listener is back, and nothing secret was logged."""
    system.endpoint(server.url)
    worker = system.worker(1, WEBHOOKS_DATABASE_URL=system.dsn)
    system.wait(lambda: len(listeners(system)) == 1)
    system.db.execute("select pg_terminate_backend(%s)", (listeners(system)[0],))
    system.dispatch()
    system.wait_for_status("delivered", 1)
    system.wait(lambda: len(listeners(system)) == 1)
    assert worker.child
    assert "not listening, the sweep continues" in worker.child.log.read_text()


def test_another_takes_over(system: System, server: Receiver) -> None:
    """When the process that listens ends, another does so within seconds."""
    system.endpoint(server.url)
    first = system.worker(1, WEBHOOKS_DATABASE_URL=system.dsn, **SILENT)
    system.wait(lambda: len(listeners(system)) == 1)
    before = listeners(system)
    system.worker(1, WEBHOOKS_DATABASE_URL=system.dsn, **SILENT)
    first.stop()
    system.wait(lambda: listeners(system) not in ([], before))
    system.dispatch()
    system.wait_for_status("delivered", 1)


def test_behind_a_pooler_the_sweep_goes_on(
    system: System, server: Receiver, postgres: Postgres, pool: Callable[..., PgBouncer]
) -> None:
    """A pooler in transaction mode keeps LISTEN to itself: the log says so once, no lock is held, all is delivered."""
    system.endpoint(server.url)
    dsn = pool(postgres.port).dsn(system.dsn.rsplit("/", 1)[-1])
    worker = system.worker(1, WEBHOOKS_DATABASE_URL=dsn)
    assert worker.child
    log = worker.child.log
    system.wait(lambda: "a notification that was sent did not arrive" in log.read_text())
    system.dispatch(3)
    system.wait_for_status("delivered", 3)
    assert listeners(system) == []
    assert log.read_text().count("not listening") == 1


def test_a_role_without_privileges_may_listen(system: System, server: Receiver) -> None:
    """The connection string that workers get opens nothing: LISTEN needs a login and no more."""
    system.endpoint(server.url)
    with made_role(system.db, "webhooks_listener", "login noinherit password 'geheim'"):
        dsn = system.dsn.replace("postgres@", "webhooks_listener:geheim@")
        with psycopg.connect(dsn, autocommit=True) as connection:
            readable = connection.execute(
                "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
                " and relkind in ('r', 'p', 'v') and has_table_privilege(oid, 'select')"
            ).fetchone()
        assert readable == (0,)
        worker = system.worker(1, WEBHOOKS_DATABASE_URL=dsn, **SILENT)
        system.wait(lambda: len(listeners(system)) == 1)
        system.dispatch()
        system.wait_for_status("delivered", 1)
        assert worker.child
        assert "geheim" not in worker.child.log.read_text()
