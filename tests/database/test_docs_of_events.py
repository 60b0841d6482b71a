"""What README.md and docs/events.md say of events from tables: their SQL runs, and the table of nine is right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT
from tests.database.test_platform_events import NINE, one, payloads

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]


@pytest.fixture(scope="module")
def template(platforms: Callable[[str], str]) -> str:
    """The platform, where install_platform_webhooks has something to attach."""
    return platforms("empty")


def blocks(file: str, heading: str) -> list[str]:
    """Return the SQL of a section."""
    section = (ROOT / file).read_text().partition(f"{heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"```sql\n(.*?)```", section, re.DOTALL)


def test_the_sql_runs_as_it_stands(db: Database, endpoint: Callable[..., str]) -> None:
    """Both events of the orders arrive, and the platform's stay attached."""
    db.execute(
        "create table public.orders (id bigint generated always as identity primary key, total numeric not null,"
        " state text not null default 'open', customer_id uuid)"
    )
    (readme,) = blocks("README.md", "## Events from your own tables")
    assert len([line for line in readme.splitlines() if line and not line.startswith("--")]) < 10
    for sql in (readme, *blocks("docs/events.md", "## Any table"), *blocks("docs/events.md", "## The platform's nine")):
        db.execute(sql.encode())
    endpoint()
    db.execute("insert into public.orders (total) values (12.5)")
    db.execute("update public.orders set state = 'paid'")
    assert [(p["event"], p["data"]) for p in payloads(db)] == [
        ("order.placed", {"id": 1, "total": 12.5}),
        ("order.paid", {"order_id": 1, "total": 12.5}),
    ]
    assert one(db, "select count(*) from public.webhook_triggers") == 11


def test_the_table_of_nine_is_right(db: Database) -> None:
    """Each event with its operation and its table, as the database has them."""
    text = (ROOT / "docs" / "events.md").read_text()
    rows = re.findall(
        r"^\| `([a-z_.]+)` \| (insert|update|delete) (?:on|of) `(?:auth\.)?([a-z_]+)`", text, re.MULTILINE
    )
    found = db.execute(
        "select event_type, operation, c.relname from public.webhook_triggers t, pg_class c where c.oid = t.source"
    )
    assert {(r["event_type"], r["operation"], r["relname"]) for r in found.fetchall()} == set(rows)
    assert {event for event, _, _ in rows} == NINE
