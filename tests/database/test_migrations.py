"""The migrations, on every Postgres that Supabase runs, on nothing and on the platform's production schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate
from tests.conftest import PLATFORM, emptied, quiet
from tests.database.conftest import claimed_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devstack.postgres import Postgres

ADMIN = "00000000-0000-0000-0000-00000000000a"
USER = "00000000-0000-0000-0000-00000000000b"
ROWS = f"""
    insert into auth.users (id, email) values ('{ADMIN}', 'admin@example.com'), ('{USER}', 'ana@example.com');
    insert into public.users (id, name, role, referral_code)
    values ('{ADMIN}', 'Admin', 'admin', 'CODE'), ('{USER}', 'Ana', 'user', null);
    insert into public.webhook_configurations (name, url, events, secret_key, created_by) values
        ('n8n', 'https://n8n.example.com/hook', '{{user.referred_user}}', 'plain secret', '{ADMIN}'),
        ('odd', 'ftp://old.example.com', '{{user.unheard_of}}', null, '{ADMIN}');
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, attempts)
    select id, 'user.referred_user', '{{"event": "user.referred_user", "data": {{}}}}'::jsonb, status, attempts
    from public.webhook_configurations,
         (values ('pending', 0), ('delivered', 1), ('failed', 3), ('processing', 1), ('odd status', 9))
         as v (status, attempts)
    where name = 'n8n';
"""


def upgraded(server: Postgres, directory: Path) -> str:
    """Return the DSN of a production database with rows in it, upgraded by our migrations."""
    name = f"production_{server.port}"
    server.drop(name)
    dsn = server.create(name)
    empty = emptied(directory / "no-migrations")
    (empty / "20200101000000_platform.sql").write_text(PLATFORM.read_text() + ROWS)
    migrate(directory, dsn, empty, say=quiet)
    both = emptied(directory / "platform-and-ours")
    for file in (*empty.glob("*.sql"), *MIGRATIONS.glob("*.sql")):
        (both / file.name).write_text(file.read_text())
    migrate(directory, dsn, both, say=quiet)
    assert "up to date" in migrate(directory, dsn, both, say=quiet)
    return dsn


@pytest.mark.parametrize("version", [15, 16, 18])
def test_an_empty_project(servers: Callable[[int], Postgres], directory: Path, version: int) -> None:
    """Applied to an empty project; the second application does nothing and reports no error."""
    server = servers(version)
    dsn = server.create(f"empty_{version}")
    migrate(directory, dsn, MIGRATIONS, say=quiet)
    assert "up to date" in migrate(directory, dsn, MIGRATIONS, say=quiet)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select count(*) from public.webhook_event_types").fetchone() == (13,)


@pytest.mark.parametrize("version", [15, 16, 18])
def test_the_production_schema(servers: Callable[[int], Postgres], directory: Path, version: int) -> None:
    """Every row stays, apply_referral_code still emits, what was pending is delivered, stuck rows come back."""
    dsn = upgraded(servers(version), directory)
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as db:
        # Given that all rows of the first generation are there
        statuses = db.execute("select status, count(*) as n from public.webhook_deliveries group by 1").fetchall()
        assert {row["status"]: row["n"] for row in statuses} == {
            "pending": 1, "delivered": 1, "failed": 1, "processing": 1, "odd status": 1,
        }  # fmt: skip
        assert len(db.execute("select from public.webhook_configurations").fetchall()) == 2

        # When the platform's own function runs, and a worker claims as service_role
        response = db.execute("select public.apply_referral_code('CODE', %s) as result", (USER,)).fetchone()
        assert response is not None
        assert response["result"]["success"] is True
        db.execute("set role service_role")
        row = db.execute("select public.claim_webhook_deliveries() as claimed").fetchone()
        assert row is not None
        claimed = claimed_rows(row["claimed"])

        # Then the old pending row, the stuck one, and the new event are delivered; finished ones are not
        assert len(claimed) == 3
        assert all(row["endpoint"]["secrets"] == ["plain secret"] for row in claimed)
        assert sum(USER in row["body"] for row in claimed) == 1

        # And service_role holds the grants that production lacks, anon no longer any
        assert db.execute("select from public.webhook_deliveries").rowcount == 6
        db.execute("set role anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("select from public.webhook_deliveries")


def test_the_production_endpoints_can_still_be_edited(servers: Callable[[int], Postgres], directory: Path) -> None:
    """An old endpoint with a URL that would be rejected today can be renamed; a new one like it is rejected."""
    dsn = upgraded(servers(18), directory)
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("update public.webhook_configurations set name = 'renamed' where name = 'odd'")
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"is not supported .*; example: https://"):
            db.execute("update public.webhook_configurations set url = 'ftp://x.example' where name = 'renamed'")
        db.execute("delete from auth.users where id = %s", (ADMIN,))
        left = db.execute("select count(*), count(created_by) from public.webhook_configurations").fetchone()
        assert left == (2, 2), "an endpoint outlives the admin who created it"


@pytest.mark.parametrize("version", [15, 16, 18])
def test_the_platforms_events_on_every_postgres(
    servers: Callable[[int], Postgres], directory: Path, version: int
) -> None:
    """On the upgraded production schema: attached when asked, nothing before, and each kind of trigger emits."""
    dsn = upgraded(servers(version), directory)
    with psycopg.connect(dsn, autocommit=True) as db:
        triggers = "select count(*) from pg_trigger where tgfoid = 'webhooks.on_change'::regproc"
        assert db.execute(triggers).fetchone() == (0,)
        outcomes = db.execute("select outcome from public.install_platform_webhooks()").fetchall()
        assert outcomes == [("attached",)] * 9
        db.execute("delete from public.webhook_deliveries")
        db.execute("update public.webhook_configurations set is_active = false, events = '{*}' where name = 'n8n'")
        db.execute("update public.webhook_configurations set is_active = true where name = 'n8n'")
        db.execute(
            f"""
            insert into public.communities (name, city) values ('a', 'b');
            insert into public.community_members (user_id, community_id) select '{USER}', id from public.communities;
            insert into public.events (community_id, title, venue, capacity)
                select id, 't', 'v', 1 from public.communities;
            insert into public.event_registrations (user_id, event_id) select '{USER}', id from public.events;
            delete from public.event_registrations;
            insert into public.discussions (community_id, title, created_by, expires_at)
                select id, 't', '{USER}', now() - interval '2 days' from public.communities;
            update public.discussions set expires_at = expires_at + interval '1 day';
            select public.close_expired_discussions();
        """.encode()
        )
        told = db.execute("select event_type from public.webhook_deliveries order by event_type").fetchall()
        assert [event for (event,) in told] == [
            "discussion.auto_closed", "discussion.extended", "user.cancelled_registration", "user.joined_community",
            "user.registered_event",
        ]  # fmt: skip
        assert db.execute("select * from public.webhook_trigger_errors").fetchall() == []


def test_file_names() -> None:
    """Migrations are named YYYYMMDDHHMMSS_short_description.sql and say what they are for."""
    files: list[Any] = sorted(MIGRATIONS.glob("*"))
    assert files
    for file in files:
        assert re.fullmatch(r"\d{14}_[a-z0-9_]+\.sql", file.name)
        assert file.read_text().startswith("-- "), f"{file.name} has no header"
