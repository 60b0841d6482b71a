"""Dispatches, claims and records keep their plans, and a plan that is kept is right for any number of rows.

Before Postgres 18, functions of `language sql` are planned on each call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.database.conftest import pages, record_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

CALLED = re.compile(r"\b(?:public|webhooks)\.\w+(?=\()")

#: Those that may be of `language sql`, and why.
PLANNED = {
    "webhooks.endpoints_with_due": "without settings of its own it is inlined",
    "webhooks.expire_deliveries": "where some expire",
    "webhooks.change_key": "where a trigger emits the event too; for each row of a statement, which plans it once",
    "webhooks.tenants": "where a user names a tenant",
    "public.webhook_tenants": "the app's own rule",
}


def functions(db: Database) -> dict[str, tuple[str, str]]:
    """Return our functions: their language and source."""
    rows = db.execute(
        "select p.pronamespace::regnamespace || '.' || p.proname as name, l.lanname, p.prosrc"
        " from pg_proc as p join pg_language as l on l.oid = p.prolang"
        " where p.pronamespace in ('public'::regnamespace, 'webhooks'::regnamespace)"
    )
    return {row["name"]: (row["lanname"], row["prosrc"]) for row in rows}


@pytest.mark.parametrize(
    ("called", "among_them"),
    [
        ("public.dispatch_webhook", "webhooks.payload"),
        ("webhooks.queue_deliveries", "webhooks.wake_workers"),
        ("public.claim_webhook_deliveries", "webhooks.endpoint_settings"),
        ("public.record_webhook_attempts", "webhooks.retry_wait"),
        ("public.release_webhook_deliveries", "webhooks.is_server"),
    ],
)
def test_plans_are_kept(db: Database, called: str, among_them: str) -> None:
    """Followed through the functions that they call, whether a condition comes first or not."""
    ours = functions(db)
    reached: set[str] = set()
    ahead = {called}
    while ahead:
        one = ahead.pop()
        reached.add(one)
        ahead |= {name for name in CALLED.findall(ours[one][1]) if name in ours} - reached
    assert among_them in reached
    assert {one for one in reached if ours[one][0] == "sql"} <= PLANNED.keys()


#: Finished deliveries, 4 MB and more, so that plans are kept; and pending ones of one moment, as by a bulk import.
HISTORY = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)
select id, 'user.joined_community', jsonb_build_object('x', repeat('x', 600)), 'delivered'
from public.webhook_configurations, generate_series(1, 4000)
"""
MANY = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload)
select id, 'user.joined_community', '{}' from public.webhook_configurations, generate_series(1, 20000)
"""


@pytest.mark.parametrize("history", [False, True], ids=["a new table", "with history"])
def test_what_was_planned_for_a_few_rows_is_right_for_many(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, history: bool
) -> None:
    """Alongside 20,000 rows of one moment, of which no ANALYZE knows, claims and records read what they read before."""
    endpoint()

    def read() -> tuple[int, int]:
        """Return what a claim of two and the recording of two read."""
        rows = claim(2)
        assert len(rows) == 2
        return pages(db, "select public.claim_webhook_deliveries(2)"), record_pages(db, rows)

    for _ in range(40):
        dispatch()
    # so that the planner knows how few they are
    db.execute("vacuum analyze public.webhook_deliveries")
    if history:
        db.execute(HISTORY)
        db.execute("vacuum analyze public.webhook_deliveries")
    assert db.execute("select webhooks.keeps_delivery_plans() as kept").fetchone() == {"kept": history}
    few = [read() for _ in range(5)][-1]
    db.execute(MANY)
    # the first of them read pages that the insert has left to be cleaned
    many = [read() for _ in range(5)][-1]
    assert all(more <= 2 * before for before, more in zip(few, many, strict=True)), (few, many)
