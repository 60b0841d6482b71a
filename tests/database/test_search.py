"""Finding deliveries: every filter, keyset pages, and a cost that does not grow with the table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.database.shorthands import as_admin, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]


def fill(db: Database, config: str, count: int, *, at: str = "now() - n * interval '1 second'") -> None:
    """Insert finished rows: every 100th failed, every 7th of another type, a community of its own for each."""
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select %s, case when n %% 7 = 0 then 'seventh.event' else 'x.y' end,"
        " jsonb_build_object('data', jsonb_build_object('community_id', 'c' || n, 'number', n)),"
        f" case when n %% 100 = 0 then 'failed' else 'delivered' end, {at} from generate_series(1, %s) n".encode(),
        (config, count),
    )
    db.execute("analyze public.webhook_deliveries")


def pages(db: Database, **filters: Any) -> list[list[dict[str, Any]]]:
    """Return all pages of a search."""
    found, cursor = [], {}
    while True:
        response = call(db, "search_webhook_deliveries", **filters, **cursor)
        found.append(response["deliveries"])
        if response["next"] is None:
            return found
        cursor = response["next"]


def numbers(db: Database, sql: str, *arguments: Any) -> set[str]:
    """Return the ids of a query."""
    return {
        row["id"]
        for row in db.execute(f"select id::text from public.webhook_deliveries where {sql}".encode(), arguments)
    }


@pytest.mark.parametrize("at", ["now() - n * interval '1 second'", "now()"])
def test_pages_hold_every_row_once(db: Database, endpoint: Callable[..., str], at: str) -> None:
    """In order, also when one transaction made them all and their times are equal."""
    fill(db, endpoint(), 250, at=at)
    as_admin(db)
    found = pages(db, page_size=100)
    assert [len(page) for page in found] == [100, 100, 50]
    keys = [(row["created_at"], row["id"]) for page in found for row in page]
    assert keys == sorted(keys, reverse=True)
    assert len(set(keys)) == 250


def test_filters(db: Database, endpoint: Callable[..., str]) -> None:
    """Each finds what the same condition in SQL finds; together they narrow."""
    config, other = endpoint(name="a"), endpoint(name="b")
    fill(db, config, 300)
    fill(db, other, 50)
    wanted = {
        ("status", "failed"): numbers(db, "status = 'failed'"),
        ("status", "delivered"): numbers(db, "status = 'delivered'"),
        ("event_type", "seventh.event"): numbers(db, "event_type = 'seventh.event'"),
        ("webhook_config_id", other): numbers(db, "webhook_config_id = %s", other),
    }
    as_admin(db)
    for (name, value), ids in wanted.items():
        found = {row["id"] for page in pages(db, page_size=20, **{name: value}) for row in page}
        assert found == ids != set()
    both = {row["id"] for page in pages(db, status="failed", event_type="seventh.event") for row in page}
    assert both == wanted["status", "failed"] & wanted["event_type", "seventh.event"]
    (first,) = call(db, "search_webhook_deliveries", page_size=1)["deliveries"]
    assert [
        row["id"] for row in call(db, "search_webhook_deliveries", request_id=first["request_id"])["deliveries"]
    ] == [first["id"]]
    assert first["endpoint"] in {"a", "b"}
    newer = call(db, "search_webhook_deliveries", created_from=first["created_at"])["deliveries"]
    assert {row["created_at"] for row in newer} == {first["created_at"]}
    with pytest.raises(Exception, match="unknown delivery status odd"):
        call(db, "search_webhook_deliveries", status="odd")


@pytest.mark.parametrize(
    ("path", "value", "count"),
    [("data.community_id", "c7", 1), ("data.number", "7", 1), ("data.number", None, 50), ("data.none", None, 0)],
)
def test_a_payload_field(db: Database, endpoint: Callable[..., str], path: str, value: str | None, count: int) -> None:
    """By its dotted path, as text; without a value: that it is there."""
    fill(db, endpoint(), 50)
    as_admin(db)
    found = call(db, "search_webhook_deliveries", payload_path=path, payload_value=value)["deliveries"]
    assert len(found) == count


def test_the_rarest_search_goes_on_from_where_it_stopped(db: Database, endpoint: Callable[..., str]) -> None:
    """A page looks at 20,000 rows at most, says up to when, and the last page ends it."""
    fill(db, endpoint(), 50_000)
    as_admin(db)
    found = pages(db, payload_path="data.community_id", payload_value="c49999")
    assert [len(page) for page in found] == [0, 0, 1]
    first = call(db, "search_webhook_deliveries", payload_path="data.community_id", payload_value="c49999")
    assert first["searched_until"] == first["next"]["before_created_at"]


#: What the pages ask for on a first visit.
PAGES = [
    "select public.search_webhook_deliveries()",
    "select public.search_webhook_deliveries(status => 'failed')",
    "select public.search_webhook_deliveries(request_id => gen_random_uuid())",
    "select public.search_webhook_deliveries(before_created_at => now() - interval '2 hours')",
    "select public.search_webhook_deliveries(webhook_config_id => (select min(id::text)::uuid from public.webhook_configurations))",  # noqa: E501
    "select public.webhook_overview()",
    "select public.webhook_series()",
    "select public.list_webhook_endpoints()",
]


def buffers(db: Database, sql: str) -> int:
    """Return how many pages of 8 kB a query touches."""
    db.execute(sql.encode())  # the catalog is read once
    (row,) = db.execute(f"explain (analyze, buffers, format json) {sql}".encode()).fetchall()
    plan = row["QUERY PLAN"]
    plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def test_a_larger_table_costs_a_page_nothing(db: Database, endpoint: Callable[..., str]) -> None:
    """With six times the history, a page touches about as many blocks, as an admin under row level security."""
    config = endpoint()
    fill(db, config, 20_000)
    as_admin(db)
    small = {sql: buffers(db, sql) for sql in PAGES}
    db.execute("reset role")
    fill(db, config, 100_000, at="now() - n * interval '1 second' - interval '6 hours'")
    db.execute("vacuum analyze public.webhook_deliveries")
    as_admin(db)
    for sql in PAGES:
        assert buffers(db, sql) < small[sql] * 1.5 + 100, sql
