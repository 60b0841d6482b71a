"""What a query of the tables reads: an admin's and a customer's what it needs, any other user's nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.database.shorthands import as_admin, call
from tests.database.test_dispatch import ANA, BEN, become
from tests.database.test_tenants import ONE_EACH, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

ROWS = 20_000

STRANGER = "00000000-0000-4000-8000-0000000000ff"

#: A tenant with most rows (Ana's), one with a hundredth (Ben's), and the app itself.
HISTORY = """
select set_config('session_replication_role', 'replica', false);
insert into public.webhook_deliveries
    (id, webhook_config_id, event_type, payload, status, tenant_id, finished_at, request_id, created_at)
select gen_random_uuid(), (%(endpoints)s::uuid[])[s.k], 'order.paid', '{}',
       case when s.n %% 20 = 0 then 'failed' else 'delivered' end, (array['A', 'B', null])[s.k], now(),
       gen_random_uuid(), now() - s.n * interval '1 minute'
from (select n, case when n %% 100 = 99 then 2 when n %% 10 = 0 then 3 else 1 end as k
      from generate_series(1, %(rows)s) as n) as s;
insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered, response_status)
select d.id, 1, d.created_at, 1, d.status = 'delivered', 200 from public.webhook_deliveries as d;
select set_config('session_replication_role', 'origin', false);
"""

#: What a browser can ask for over REST.
QUERIES = [
    "select * from public.webhook_deliveries order by created_at desc limit 50",
    "select * from public.webhook_deliveries order by created_at desc, id desc limit 50 offset 1000",
    "select * from public.webhook_deliveries order by created_at limit 1",
    "select * from public.webhook_deliveries order by finished_at limit 1",
    "select * from public.webhook_deliveries limit 1",
    "select count(*) from public.webhook_deliveries",
    "select * from public.webhook_deliveries where status = 'failed' order by created_at desc limit 50",
    "select count(*) from public.webhook_deliveries where status = 'failed'",
    "select * from public.webhook_deliveries where event_type = 'order.paid' order by created_at desc limit 50",
    "select * from public.webhook_deliveries where event_type = 'order.never' order by created_at desc limit 50",
    "select * from public.webhook_deliveries where tenant_id = 'A' order by created_at desc limit 50",
    "select * from public.webhook_deliveries where webhook_config_id = '{A}' order by created_at desc limit 50",
    "select count(*) from public.webhook_deliveries where webhook_config_id = '{A}'",
    "select * from public.webhook_deliveries where created_at > now() - interval '1 day' and payload @> '{{\"a\": 1}}'",
    "select * from public.webhook_attempts order by started_at desc limit 50",
    "select * from public.webhook_attempts limit 1",
    "select count(*) from public.webhook_attempts",
    "select * from public.webhook_attempts where response_status = 500 limit 50",
    "select * from public.webhook_attempts where not delivered order by duration_ms desc limit 1",
    "select * from public.webhook_delivery_overview limit 50",
]


@pytest.fixture
def endpoints(db: Database, endpoint: Callable[..., str]) -> Iterator[dict[str, str]]:
    """A long history of two tenants and the app itself; the endpoints by tenant."""
    db.execute(ONE_EACH.encode())
    found = {"A": endpoint(tenant_id="A"), "B": endpoint(tenant_id="B"), "": endpoint()}
    for statement in HISTORY.strip().split(";\n"):
        db.execute(statement.encode(), {"rows": ROWS, "endpoints": list(found.values())})
    yield found
    db.execute("reset role")


def rows_read(db: Database, sql: str) -> int:
    """Return how many rows of deliveries and attempts a query reads, those included that it leaves out again."""

    def of(node: dict[str, Any]) -> int:
        ours = any(name in f"{node.get('Relation Name')} {node.get('Index Name')}" for name in ("deliver", "attempt"))
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        own = int((node["Actual Rows"] + removed) * node["Actual Loops"]) if ours else 0
        return own + sum(of(one) for one in node.get("Plans", []))

    row = db.execute(f"explain (analyze, format json) {sql}".encode()).fetchone()
    assert row is not None
    return of(row["QUERY PLAN"][0]["Plan"])


def test_a_users_query_reads_no_row(db: Database, endpoints: dict[str, str]) -> None:
    """Of one without a tenant, whatever the query's filters; an admin's reads what it returns."""
    for analyzed in (False, True):
        if analyzed:
            db.execute("vacuum analyze public.webhook_deliveries, public.webhook_attempts")
        become(db, "authenticated", STRANGER)
        found = {sql: rows_read(db, sql.format(**endpoints)) for sql in QUERIES}
        # without an order a limit is a plain scan that ends at the first match: there is none
        del found["select * from public.webhook_deliveries limit 1"]
        assert {sql: n for sql, n in found.items() if n} == {}, analyzed
        db.execute("reset role")
    as_admin(db)
    for sql in (QUERIES[0], QUERIES[11], QUERIES[14]):
        assert 50 <= rows_read(db, sql.format(**endpoints)) < 200, sql
    for table in ("webhook_deliveries", "webhook_attempts"):
        assert db.execute(f"select from public.{table}".encode()).rowcount == ROWS


@pytest.mark.parametrize(("user", "tenant", "rows"), [(ANA, "A", ROWS * 89 // 100), (BEN, "B", ROWS // 100)])
def test_a_customers_query_reads_its_own_rows(
    db: Database, endpoints: dict[str, str], user: str, tenant: str, rows: int
) -> None:
    """Where it names its endpoint or a delivery: no row of another's, and of its own what it returns."""
    db.execute("vacuum analyze public.webhook_deliveries, public.webhook_attempts")
    become(db, "authenticated", user)
    endpoint = f"webhook_config_id = '{endpoints[tenant]}'"
    assert db.execute(f"select from public.webhook_deliveries where {endpoint}".encode()).rowcount == rows
    assert db.execute("select from public.webhook_deliveries").rowcount == rows
    page = f"select id from public.webhook_deliveries where {endpoint} order by created_at desc limit 50"
    assert 50 <= rows_read(db, page) <= rows
    # the largest tenant's rows are most of the table: a plain scan
    assert rows_read(db, f"select count(*) from public.webhook_deliveries where {endpoint}") <= (
        ROWS if tenant == "A" else rows
    )
    row = db.execute(page.encode()).fetchone()
    assert row is not None
    assert rows_read(db, f"select * from public.webhook_attempts where delivery_id = '{row['id']}'") == 1
    db.execute("reset role")


def test_a_tenants_search_reads_its_own_rows(db: Database, endpoints: dict[str, str]) -> None:
    """By the functions: few pages for a small tenant, and for a large one no more than a page of results needs."""
    db.execute("vacuum analyze public.webhook_deliveries, public.webhook_attempts")
    for user, tenant in ((ANA, "A"), (BEN, "B")):
        become(db, "authenticated", user)
        assert len(call(db, "search_webhook_deliveries", tenant_id=tenant)["deliveries"]) == 50
        search = f"select public.search_webhook_deliveries(tenant_id => '{tenant}'"
        for more in ("", f", webhook_config_id => '{endpoints[tenant]}'", ", event_type => 'order.paid'"):
            assert pages(db, f"{search}{more})") < 1500, (tenant, more)
        db.execute("reset role")
