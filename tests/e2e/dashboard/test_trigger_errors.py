"""The page of trigger errors: with the table of the platform's events, and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.dashboard.conftest import Site


def test_the_newest_error_comes_first(site: Site) -> None:
    """Each with what it says of itself; a project without triggers is told so."""
    client, db = site.admin(), site.system.db
    found = db.execute("select to_regclass('public.webhook_trigger_errors') is null as missing").fetchone()
    assert found is not None
    if found["missing"]:
        assert "No triggers are installed" in client.get("/trigger-errors").text
        # as the migration of the platform's events makes it
        db.execute("""
            create table public.webhook_trigger_errors (
                id uuid primary key default gen_random_uuid(), occurred_at timestamptz not null default now(),
                source text not null, event_type text, code text not null, message text not null);
            grant select on public.webhook_trigger_errors to authenticated;
        """)
    assert client.get("/trigger-errors").status_code == 200
    db.execute(
        "insert into public.webhook_trigger_errors (occurred_at, source, code, message) values"
        " (now() - interval '1 hour', 'public.flags', '22023', 'the older one'),"
        " (now(), 'public.flags', '22023', 'the newer one')"
    )
    page = client.get("/trigger-errors").text
    assert 0 < page.index("the newer one") < page.index("the older one")
