"""Our migrations in a hosted project: pushed by its owner, they work for every role there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from devstack.platform import tables
from devstack.stack import MIGRATIONS
from tests.conftest import PLATFORM
from tests.hosted.bed import push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosted.bed import Hosted

USER = "00000000-0000-0000-0000-00000000000b"


def test_sign_ups_emit(hosted: Hosted, directory: Path, project: str) -> None:
    """supabase_auth_admin inserts the user, whom the project's owner was allowed to make a trigger for."""
    push(directory / "pushed", project, sorted(MIGRATIONS.glob("*.sql")))
    with psycopg.connect(project, autocommit=True) as db:
        db.execute(tables().encode())
        outcomes = db.execute("select outcome from public.install_platform_webhooks()").fetchall()
        assert outcomes == [("attached",)] * 9
        db.execute("insert into public.webhook_configurations (name, url, events) values ('a', 'https://a.b/c', '{*}')")
    with psycopg.connect(hosted.dsn(project.rsplit("/", 1)[-1], user="supabase_auth_admin"), autocommit=True) as auth:
        auth.execute("insert into auth.users (id, email) values (%s, 'ana@example.com')", (USER,))
    with psycopg.connect(project, autocommit=True) as db:
        assert db.execute("select * from public.webhook_trigger_errors").fetchall() == []
        told = db.execute("select event_type, payload ->> 'actor_user_id' from public.webhook_deliveries").fetchall()
        assert told == [("user.joined_platform", USER)]
        # supautils would let postgres drop the trigger on auth.users too
        left = db.execute("select count(*) from public.uninstall_platform_webhooks() group by outcome").fetchall()
        assert sorted(left) == [(1,), (8,)]


def test_a_project_that_exposes_nothing(hosted: Hosted, directory: Path, project: str) -> None:
    """Without default privileges, as since 30 May 2026: the service role still delivers, a user still dispatches."""
    name = project.rsplit("/", 1)[-1]
    hosted.run("unexposed.sql", database=name)
    push(directory / "pushed", project, sorted(MIGRATIONS.glob("*.sql")))
    with psycopg.connect(hosted.dsn(name, user="authenticator"), autocommit=True) as db:
        db.execute("set role service_role")
        db.execute("insert into public.webhook_configurations (name, url, events) values ('a', 'https://a.b/c', '{*}')")
        db.execute(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
            " select id, 'x.y', '{}' from public.webhook_configurations"
        )
        db.execute("select public.claim_webhook_deliveries(10, 60, 'test')")
        assert db.execute("select status from public.webhook_deliveries").fetchall() == [("processing",)]
        db.execute("set role authenticated")
        db.execute(b"select set_config('request.jwt.claims', '{\"sub\": \"%s\"}', false)" % USER.encode())
        db.execute(
            'select public.dispatch_webhook(\'user.joined_community\', \'{"community_id": "c",'
            ' "community_name": "n", "community_city": "z"}\')'
        )


def test_what_is_pushed_twice(directory: Path, project: str) -> None:
    """The second push finds nothing to do."""
    files = sorted(MIGRATIONS.glob("*.sql"))
    push(directory / "pushed", project, files)
    push(directory / "pushed", project, files)


def test_admins_who_count_no_longer_are_named(project: str) -> None:
    """With hosted Supabase's default privileges users can write production's roles: the migrations warn, and go on."""
    warned: list[str] = []
    with psycopg.connect(project) as db:
        db.execute(PLATFORM.read_bytes())
        db.add_notice_handler(lambda notice: warned.append(f"{notice.severity_nonlocalized} {notice.message_primary}"))
        for file in sorted(MIGRATIONS.glob("*.sql")):
            db.execute(file.read_bytes())
    (warning,) = [text for text in warned if text.startswith("WARNING")]
    assert "public.users.role makes no one an admin here, because users can change it" in warning
    assert "webhooks admins add EMAIL" in warning
