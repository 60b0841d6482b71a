"""Partitioning tables that have rows, of any past: each row keeps its content, and deliveries go on meanwhile."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate
from tests.conftest import OPTIONAL, PLATFORM, quiet, with_partitions
from tests.database.conftest import claimed_rows, result
from tests.database.shorthands import partitions
from tests.database.test_migrations import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devstack.postgres import Postgres

#: Rows of every state, with attempts, on the ordinary tables.
EVERY_STATE = """
insert into public.webhook_configurations (name, url, events) values ('a', 'https://example.com/a', '{*}');
insert into public.webhook_deliveries
    (webhook_config_id, event_type, payload, status, attempts, finished_at, last_attempt_at, created_at)
select c.id, 'x.y', jsonb_build_object('n', s.n, 'text', repeat('x', 3000 * (s.n % 2))), s.status, s.attempts,
       s.finished_at,
       case when s.attempts > 0 then now() - interval '40 days' end, now() - interval '50 days'
from public.webhook_configurations as c,
     (values (1, 'pending', 0, null::timestamptz), (2, 'pending', 1, null), (3, 'processing', 1, null),
             (4, 'delivered', 1, now() - interval '40 days'), (5, 'delivered', 2, now()),
             (6, 'failed', 3, now() - interval '1 day'), (7, 'failed', 3, null)) as s (n, status, attempts, finished_at)
where c.name = 'a';
insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)
select d.id, n, now() - interval '40 days' + n * interval '1 second', 5, d.status = 'delivered' and n = d.attempts
from public.webhook_deliveries as d, generate_series(1, d.attempts) as n;
"""

ROWS_NOW = """
select d.id, d.status, d.attempts, d.payload::text, d.request_id, d.created_at, d.finished_at,
       (select count(*) from public.webhook_attempts a where a.delivery_id = d.id) as logged
from public.webhook_deliveries d order by d.id
"""

#: What a caller or Studio meets of a table, apart from its storage.
FACE = """
select 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull
       || coalesce(' ' || pg_get_expr(e.adbin, e.adrelid), '')
       || coalesce(' ' || col_description(a.attrelid, a.attnum), '')
from pg_attribute a left join pg_attrdef e on e.adrelid = a.attrelid and e.adnum = a.attnum
where a.attrelid = %(table)s::regclass and a.attnum > 0
union all select 'comment ' || obj_description(%(table)s::regclass, 'pg_class')
union all select 'policy ' || to_jsonb(p)::text from pg_policies p
where p.schemaname || '.' || p.tablename = %(table)s::text
union all select 'privilege ' || p.grantee::regrole || ' ' || p.privilege_type
from pg_class c, aclexplode(c.relacl) p where c.oid = %(table)s::regclass
union all select 'index ' || replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') from pg_index i
where i.indrelid = %(table)s::regclass and not i.indisunique
union all select 'check ' || k.conname || ' ' || replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')
from pg_constraint k where k.conrelid = %(table)s::regclass and k.contype = 'c'
union all select 'row security ' || c.relrowsecurity from pg_class c where c.oid = %(table)s::regclass
"""


def claim(db: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Claim what is due."""
    row = db.execute("select public.claim_webhook_deliveries() as claimed").fetchone()
    assert row is not None
    return claimed_rows(row["claimed"])


@pytest.fixture
def plain(postgres: Postgres, directory: Path) -> Iterator[str]:
    """A database with the ordinary tables."""
    migrate(directory, postgres.create("template_plain"), MIGRATIONS, say=quiet)
    yield postgres.create("becomes_partitioned", template="template_plain")
    postgres.drop("becomes_partitioned")


def partition(dsn: str) -> None:
    """Apply the optional migrations, each in a transaction."""
    with psycopg.connect(dsn, autocommit=True) as db:
        for file in sorted(OPTIONAL.glob("*.sql")):
            with db.transaction():
                db.execute(file.read_bytes())


@pytest.mark.parametrize("version", [15, 16, 18])
def test_an_empty_project(servers: Callable[[int], Postgres], directory: Path, version: int) -> None:
    """Applied with the others, twice; to callers and in Studio both tables look as they did."""
    server = servers(version)
    faces = []
    for name, folder in (("face_plain", MIGRATIONS), ("face_partitioned", with_partitions(directory))):
        dsn = server.create(name)
        migrate(directory, dsn, folder, say=quiet)
        assert "up to date" in migrate(directory, dsn, folder, say=quiet)
        with psycopg.connect(dsn) as db:
            faces.append(
                [
                    sorted(row[0] for row in db.execute(FACE, {"table": f"public.{table}"}).fetchall() if row[0])
                    for table in ("webhook_deliveries", "webhook_attempts")
                ]
            )
        server.drop(name)
    assert faces[0] == faces[1]


@pytest.mark.parametrize("version", [15, 16, 18])
@pytest.mark.parametrize("past", ["ours", "first generation"])
def test_rows_of_every_state(servers: Callable[[int], Postgres], directory: Path, version: int, past: str) -> None:
    """Every row stays as it is, with its attempts; what is due is claimed, and what is delivered goes to its day."""
    server = servers(version)
    dsn = server.create("with_rows")
    before = directory / "before-partitions"
    before.mkdir(exist_ok=True)
    (before / "20200101000000_platform.sql").write_text(
        PLATFORM.read_text() + ROWS if past == "first generation" else "select 1;"
    )
    migrate(directory, dsn, before, say=quiet)
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as db:
        # Given rows of the first generation, or of today, on the ordinary tables
        for file in sorted(MIGRATIONS.glob("*.sql")):
            db.execute(file.read_bytes())
        if past == "ours":
            db.execute(EVERY_STATE.encode())
        rows = db.execute(ROWS_NOW.encode()).fetchall()

        # When they are partitioned
        partition(dsn)

        # Then each row is there, as it was
        assert db.execute(ROWS_NOW.encode()).fetchall() == rows
        assert partitions(db) == {"past": len(rows)}

        # And a worker claims and records what is not finished
        unfinished = sum(row["status"] in {"pending", "processing"} for row in rows)
        db.execute("set role service_role")
        claimed = claim(db)
        assert len(claimed) == unfinished > 0
        results = json.dumps([result(row, started_at="now") for row in claimed])
        done = db.execute("select public.record_webhook_attempts(%s::jsonb) as done", (results,)).fetchone()
        assert done is not None
        assert {row["status"] for row in done["done"]["recorded"]} == {"delivered"}
        db.execute("reset role")
        assert partitions(db) == {"past": len(rows)}
        assert db.execute("select from public.webhook_deliveries where status = 'delivered'").rowcount >= unfinished
    server.drop("with_rows")


def test_deliveries_go_on_between_the_three_migrations(plain: str) -> None:
    """Also where a push stopped in the middle: after each, what was there is delivered, and a new one is accepted."""
    files = sorted(OPTIONAL.glob("*.sql"))
    assert len(files) == 3
    with psycopg.connect(plain, autocommit=True, row_factory=dict_row) as db:
        db.execute(EVERY_STATE.encode())
        for number, file in enumerate(files):
            with db.transaction():
                db.execute(file.read_bytes())
            db.execute("select public.send_test_webhook(id) from public.webhook_configurations")
            claimed = claim(db)
            assert len(claimed) == (4 if number == 0 else 1)
            results = json.dumps([result(row, started_at="now") for row in claimed])
            db.execute("select public.record_webhook_attempts(%s::jsonb)", (results,))
            assert db.execute("select from public.webhook_deliveries").rowcount == 8 + number
        assert partitions(db) == {"past": 10}


def test_what_was_foreseen_rejects_nothing(plain: str) -> None:
    """A change that was begun and never finished: upkeep drops its constraint a day before that would reject rows."""
    sql = "select from pg_constraint where conname in ('webhook_deliveries_past', 'webhook_attempts_past')"
    with psycopg.connect(plain, autocommit=True, row_factory=dict_row) as db:
        # Given that only the first migration was applied
        db.execute(min(OPTIONAL.glob("*.sql")).read_bytes())
        assert db.execute(sql).rowcount == 2

        # When upkeep runs on the same day, then it stays
        db.execute("select public.prepare_webhook_partitions()")
        assert db.execute(sql).rowcount == 2

        # When the day that it foresaw is near, then it goes
        for table, key in (("webhook_deliveries", "created_at"), ("webhook_attempts", "started_at")):
            db.execute(f"alter table public.{table} drop constraint {table}_past".encode())
            row = db.execute("select now() + interval '23 hours' as soon").fetchone()
            assert row is not None
            check = f"add constraint {table}_past check ({key} < '{row['soon'].isoformat()}') not valid"
            db.execute(f"alter table public.{table} {check}".encode())
        db.execute("select public.prepare_webhook_partitions()")
        assert db.execute(sql).rowcount == 0


def test_it_refuses_what_it_does_not_know(plain: str) -> None:
    """An app's own view or foreign key would go on with the table that was set aside."""
    with psycopg.connect(plain, autocommit=True, row_factory=dict_row) as db:
        db.execute("create view public.mine as select id from public.webhook_deliveries")
        db.execute("create table public.notes (delivery_id uuid references public.webhook_deliveries (id))")
    with pytest.raises(
        psycopg.errors.RaiseException, match=r"foreign key notes_delivery_id_fkey of notes|public\.notes.*view"
    ):
        partition(plain)


def test_nobody_fails_meanwhile(plain: str) -> None:
    """Dispatches, changes of endpoints and whole transactions of both wait for a moment; none ends in a deadlock."""
    done = threading.Event()
    errors: list[Exception] = []
    made = [0]

    def work() -> None:
        with psycopg.connect(plain) as other:
            while not done.is_set():
                try:
                    with other.transaction():
                        other.execute("select public.send_test_webhook(id) from public.webhook_configurations limit 1")
                        other.execute("update public.webhook_configurations set name = name")
                    made[0] += 1
                except psycopg.Error as exc:
                    errors.append(exc)
                    return

    with psycopg.connect(plain, autocommit=True) as db:
        db.execute(EVERY_STATE.encode())
        thread = threading.Thread(target=work)
        thread.start()
        partition(plain)
        done.set()
        thread.join()
        assert errors == []
        row = db.execute("select count(*) from public.webhook_deliveries where event_type = 'webhook.test'").fetchone()
        assert row == (made[0],)
