"""What dispatches, claims and records call keeps its plans: before Postgres 18, SQL functions are planned each time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
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
