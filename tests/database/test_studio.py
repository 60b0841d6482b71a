"""docs/studio.md: each query runs as it stands, as Studio's SQL editor runs it, and shows what its heading promises."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT
from tests.database.conftest import JOINED
from tests.database.test_dispatch import BEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]

PAGE = (ROOT / "docs/studio.md").read_text()
QUERY = re.compile(r"^## ([^\n]+)\n(?:(?!^## ).)*?```sql\n(.*?)```", re.MULTILINE | re.DOTALL)
QUERIES: dict[str, str] = dict(QUERY.findall(PAGE))
NOBODY = "00000000-0000-0000-0000-000000000000"
NOW = datetime.now(UTC).isoformat()


def ask(db: Database, heading: str, value: str | None = None) -> list[dict[str, Any]]:
    """Run a query as `postgres`, with a value for its id; return its rows."""
    sql = QUERIES[heading]
    if value is not None:
        assert sql.count(NOBODY) == 1
        sql = sql.replace(NOBODY, value)
    row = db.execute("select current_user as name").fetchone()
    assert row == {"name": "postgres"}
    return db.execute(sql.encode()).fetchall()


@pytest.fixture
def event(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows) -> str:
    """One event: delivered to `good`, failed once at `bad`; return its request_id."""
    endpoint(name="good")
    endpoint(name="bad", max_attempts=5)
    request = dispatch("user.joined_community", {**JOINED, "community_name": "x" * 900}, BEN)["request_id"]
    names = {
        str(row["id"]): row["name"]
        for row in db.execute(
            "select d.id, c.name from public.webhook_deliveries d"
            " join public.webhook_configurations c on c.id = d.webhook_config_id"
        ).fetchall()
    }
    for row in claim():
        good = names[str(row["id"])] == "good"
        more = {"response_status": 200} if good else {"response_status": 401, "error": "HTTP 401 Unauthorized"}
        record(row, delivered=good, started_at=NOW, duration_ms=3 if good else 900, **more)
    return str(request)


@pytest.mark.parametrize("heading", QUERIES)
def test_each_runs_as_it_stands(db: Database, heading: str) -> None:
    """On an empty database too, and without changing anything."""
    db.execute("set default_transaction_read_only = on")
    assert ask(db, heading) == []


def test_all_are_tested() -> None:
    """Each of them is asked for its rows here."""
    text = (ROOT / "tests/database/test_studio.py").read_text()
    assert set(re.findall(r'ask\(db, "([^"]+)"', text)) == set(QUERIES)
    assert len(QUERIES) == PAGE.count("\n## ")


@pytest.mark.usefixtures("event")
def test_figures(db: Database) -> None:
    """By hour and by endpoint, from the rollups."""
    (hour,) = ask(db, "Overview of the last day")
    assert (hour["attempts"], hour["failed"], hour["success_percent"]) == (2, 1, 50)
    slow, fast = ask(db, "Response times per endpoint")
    assert [(slow["name"], slow["attempts"]), (fast["name"], fast["attempts"])] == [("bad", 1), ("good", 1)]
    assert 2 <= fast["p50_ms"] <= fast["p95_ms"] <= fast["p99_ms"] <= 4
    assert 512 <= slow["p50_ms"] <= slow["p99_ms"] <= 1024


@pytest.mark.usefixtures("event")
def test_failures(db: Database) -> None:
    """Which endpoint fails, and with what; one that the system disabled, with its reason; none that was deleted."""
    (bad,) = ask(db, "Failing endpoints")
    assert (bad["name"], bad["status"], bad["last_status"], bad["reason"], bad["waiting"]) == (
        "bad", "failing", 401, "HTTP 401 Unauthorized", 1,
    )  # fmt: skip
    assert bad["since"] is not None
    (error,) = ask(db, "Errors of the last day")
    assert (error["endpoint"], error["response_status"], error["error"], error["attempts"]) == (
        "bad", 401, "HTTP 401 Unauthorized", 1,
    )  # fmt: skip
    db.execute(
        "update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = 'gone'"
        " where name = 'bad'"
    )
    (bad,) = ask(db, "Failing endpoints")
    assert (bad["status"], bad["reason"]) == ("disabled", "gone")
    db.execute("update public.webhook_configurations set deleted_at = now() where name = 'bad'")
    assert ask(db, "Failing endpoints") == []


def test_deliveries(db: Database, event: str, dispatch: Callable[..., Any]) -> None:
    """Of one user, of one event with its attempts, and by size: other users' and other events' are left out."""
    dispatch("user.joined_community", JOINED)
    assert {row["endpoint"] for row in ask(db, "Deliveries of a user", BEN)} == {"good", "bad"}
    assert len(ask(db, "Deliveries of a user", BEN)) == 2
    bad, good = ask(db, "Deliveries of an event", event)
    assert (bad["endpoint"], bad["status"], bad["attempt"], bad["response_status"]) == ("bad", "pending", 1, 401)
    assert (good["endpoint"], good["status"], good["duration_ms"]) == ("good", "delivered", 3)
    sizes = ask(db, "Largest payloads")
    assert [row["bytes"] > 900 for row in sizes] == [True, True, False, False]
    assert str(sizes[0]["request_id"]) == event


@pytest.mark.usefixtures("event")
def test_what_waits(db: Database, dispatch: Callable[..., Any]) -> None:
    """By endpoint and reason."""
    dispatch("user.joined_community", JOINED)
    found = {(row["endpoint"], row["waits_for"]): row["deliveries"] for row in ask(db, "What waits, and why")}
    assert found == {("bad", "the next attempt"): 1, ("bad", "a worker"): 1, ("good", "a worker"): 1}
    db.execute("update public.webhook_configurations set is_active = false where name = 'bad'")
    found = {(row["endpoint"], row["waits_for"]): row["deliveries"] for row in ask(db, "What waits, and why")}
    assert found == {("bad", "the endpoint is paused"): 2, ("good", "a worker"): 1}


def test_everything_that_studio_shows_has_a_comment(db: Database) -> None:
    """Tables and views of the exposed schema, and their columns, but for those whose name says it."""
    rows = db.execute(
        "select c.relname || coalesce('.' || a.attname, '') as name from pg_class c"
        " left join lateral (select attname, attnum from pg_attribute where attrelid = c.oid and attnum > 0"
        "   and not attisdropped union all select null, 0) a on true"
        " where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'p')"
        " and c.relname like 'webhook%' and col_description(c.oid, a.attnum) is null"
        " and (a.attnum > 0 or obj_description(c.oid, 'pg_class') is null)"
    )
    plain = {"id", "name", "created_at", "updated_at", "event_type", "last_attempt_at", "started_at", "finished_at"}
    missing = sorted(row["name"] for row in rows if row["name"].rpartition(".")[2] not in plain)
    assert not missing, ", ".join(missing)
