"""Scenario p: claim, record, vacuum and retention with a long history, in one table and in partitions by day."""

from __future__ import annotations

import json
import threading
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import psycopg

from bench import usage
from bench.backlog import CLAIM, RECORD, result
from bench.world import DATA, DIRECTORY, EVENT, FILL, quiet
from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate
from supabase_webhooks.webhooks.migration import shipped

if TYPE_CHECKING:
    from pathlib import Path

    from bench.world import World

#: Days that the history is spread over, as WEBHOOKS_RETENTION_DAYS has it by default.
DAYS = 30
PENDING = 10_000
#: Claims of 100, each recorded, in turns.
ROUNDS = 40

FINISHED = """
with new as (
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, attempts, created_at,
        last_attempt_at, finished_at, response_status, response_body, request_id)
    select (select id from public.webhook_configurations limit 1), %(event)s, jsonb_build_object(
               'event', %(event)s::text, 'timestamp', now()::text, 'actor_user_id', null, 'data', %(data)s::jsonb,
               'request_id', gen_random_uuid()),
           'delivered', 1, at, at, at, 200, 'ok', gen_random_uuid()
    from (select now() - (1 - n / %(rows)s::float8) * %(days)s * interval '1 day' as at
          from generate_series(1, %(rows)s) as n) as s
    returning id, finished_at
)
insert into public.webhook_attempts
    (delivery_id, number, started_at, duration_ms, delivered, response_status, response_excerpt)
select id, 1, finished_at, 5, true, 200, 'ok' from new
"""

#: Days of history, as in a system that has run for this long.
PAST_DAYS = """
do $$
declare
    _table text;
    _cut timestamptz;
begin
    foreach _table in array array['webhook_deliveries', 'webhook_attempts'] loop
        select ends into _cut from webhooks.partitions where parent = _table and begins is null;
        execute format('drop table webhooks.%I', _table || '_past');
        perform webhooks.make_partition(_table, _table || '_past', null, _cut - interval '31 days');
        for n in reverse 31..1 loop
            perform webhooks.make_partition(_table, _table || '_before_' || n,
                _cut - n * interval '1 day', _cut - (n - 1) * interval '1 day');
        end loop;
    end loop;
end $$
"""

#: With the indexes, and those alone.
SIZE = """
with leaf as (
    select p.relid as id from pg_partition_tree(to_regclass('public.' || %s)) as p where p.isleaf
    union
    select c.oid from pg_class as c where c.oid = to_regclass('public.' || %s) and c.relkind = 'r'
)
select sum(pg_total_relation_size(l.id)), sum(pg_indexes_size(l.id)) from leaf as l
"""

#: What is vacuumed again and again, since claims and results change it.
HOT = {"plain": "public.webhook_deliveries", "partitioned": "webhooks.webhook_deliveries_past"}

PAGES = {
    "first page of deliveries": "select public.search_webhook_deliveries()",
    "overview": "select public.webhook_overview()",
    "one delivery": "select public.get_webhook_delivery((select id from public.webhook_deliveries limit 1))",
}


def compare(world: World, rows: int) -> dict[str, dict[str, float]]:
    """Return what each form costs with this many finished rows, and what changing from one to the other does."""
    forms = {form: _database(world, form, rows) for form in ("plain", "partitioned")}
    spent: dict[str, dict[str, list[float]]] = {form: {"claim ms": [], "record ms": []} for form in forms}
    dispatched = {form: _dispatch(db) for form, db in forms.items()}
    wal = dict.fromkeys(forms, 0.0)
    for _ in range(ROUNDS):
        for form, db in forms.items():
            before = _wal(db)
            claimed, seconds = _timed(db, CLAIM)
            spent[form]["claim ms"].append(seconds * 1000)
            results = json.dumps([result(str(identity), str(lease)) for identity, lease in claimed])
            spent[form]["record ms"].append(_timed(db, RECORD, results)[1] * 1000)
            wal[form] += _wal(db) - before
    found = {
        form: {
            **{name: median(values[2:]) for name, values in spent[form].items()},
            # pages of people, who look through all partitions
            **{f"{name} ms": median(_timed(db, sql)[1] for _ in range(7)) * 1000 for name, sql in PAGES.items()},
            "WAL bytes a delivery, dispatch": dispatched[form],
            "WAL bytes a delivery, claim and record": wal[form] / ROUNDS / 100,
            "bytes a delivery": _sizes(db, "webhook_deliveries")[0] / rows,
            "of these in indexes": _sizes(db, "webhook_deliveries")[1] / rows,
            "bytes an attempt": _sizes(db, "webhook_attempts")[0] / rows,
            "vacuum ms": _timed(db, f"vacuum {HOT[form]}")[1] * 1000,
            **_purge(world, db),
        }
        for form, db in forms.items()
    }
    found["upgrade"] = _upgrade(world, forms["plain"], rows)
    for form, db in forms.items():
        db.close()
        world.stack.postgres.drop(f"history_{form}")
    return found


def _database(world: World, form: str, rows: int) -> psycopg.Connection[Any]:
    """Make a database in a form, with its history and a backlog."""
    folder = DIRECTORY / f"migrations-{form}"
    folder.mkdir(exist_ok=True)
    for file in _files(form):
        (folder / file.name).write_text(file.read_text())
    dsn = world.stack.postgres.create(f"history_{form}")
    migrate(DIRECTORY, dsn, folder, say=quiet)
    db = psycopg.connect(dsn, autocommit=True)
    if form == "partitioned":
        db.execute(PAST_DAYS)
    db.execute(
        "insert into public.webhook_configurations (name, url, events)"
        " select 'endpoint ' || n, 'https://example.com/' || n, '{*}' from generate_series(1, 10) as n"
    )
    parameters = {"event": EVENT, "data": json.dumps(DATA), "rows": rows, "days": DAYS}
    # row triggers off: ten million rows in minutes
    db.execute("set session_replication_role = replica")
    db.execute(FINISHED, parameters)
    db.execute("reset session_replication_role")
    db.execute(FILL, {**parameters, "rows": PENDING})
    db.execute("vacuum analyze public.webhook_deliveries, public.webhook_attempts")
    return db


def _dispatch(db: psycopg.Connection[Any], events: int = 50) -> float:
    """Dispatch events to all ten endpoints; return the bytes that Postgres logs for each delivery."""
    before = _wal(db)
    for _ in range(events):
        _timed(db, "select public.dispatch_webhook(%s, %s::jsonb)", EVENT, json.dumps(DATA))
    return (_wal(db) - before) / events / 10


def _purge(world: World, db: psycopg.Connection[Any]) -> dict[str, float]:
    """Delete the oldest two days, one of which is whole, as the workers do: a batch of 1,000 at a time."""
    age = f"{DAYS - 2} days"
    before, cpu, begun, calls = _wal(db), usage.cpu(world.parts["postgres"]), time.perf_counter(), 0
    longest = 0.0
    while True:
        row, seconds = _timed(db, "select public.purge_webhook_history(%s::interval, 1000)", age)
        longest, calls = max(longest, seconds), calls + 1
        if not row[0][0]:
            break
    return {
        "purge seconds": time.perf_counter() - begun,
        "purge calls": calls,
        "purge longest call ms": longest * 1000,
        "purge CPU seconds": usage.cpu(world.parts["postgres"]) - cpu,
        "purge WAL MB": (_wal(db) - before) / 1e6,
    }


def _upgrade(world: World, db: psycopg.Connection[Any], rows: int) -> dict[str, float]:
    """Partition the ordinary tables while another connection dispatches; return the longest that it waited."""
    waits: list[float] = []
    done = threading.Event()

    def dispatch() -> None:
        with psycopg.connect(world.stack.postgres.dsn("history_plain"), autocommit=True) as other:
            while not done.is_set():
                waits.append(
                    _timed(other, "select public.send_test_webhook(id) from public.webhook_configurations limit 1")[1]
                )
                time.sleep(0.005)

    found = {"rows": float(rows)}
    for number, file in enumerate(_files("partitioned")[-3:], 1):
        done.clear()
        waits.clear()
        thread = threading.Thread(target=dispatch)
        thread.start()
        time.sleep(0.3)
        begun = time.perf_counter()
        with db.transaction():
            db.execute(file.read_bytes())
        found[f"migration {number} seconds"] = time.perf_counter() - begun
        time.sleep(0.3)
        done.set()
        thread.join()
        found[f"migration {number} longest dispatch ms"] = max(waits) * 1000
    return found


def _files(form: str) -> list[Path]:
    ordinary = sorted(MIGRATIONS.glob("*.sql"))
    return [*ordinary, *sorted(shipped("optional").glob("*.sql"))] if form == "partitioned" else ordinary


def _timed(db: psycopg.Connection[Any], sql: str, *parameters: object) -> tuple[list[Any], float]:
    begun = time.perf_counter()
    cursor = db.execute(sql.encode(), parameters)
    rows = cursor.fetchall() if cursor.description else []
    return rows, time.perf_counter() - begun


def _wal(db: psycopg.Connection[Any]) -> float:
    return float(_timed(db, "select pg_current_wal_insert_lsn() - '0/0'::pg_lsn")[0][0][0])


def _sizes(db: psycopg.Connection[Any], table: str) -> tuple[float, float]:
    whole, indexes = _timed(db, SIZE, table, table)[0][0]
    return float(whole), float(indexes)
