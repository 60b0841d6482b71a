"""The page of trigger errors: with the table of the platform's events, and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.dashboard.conftest import Site


def test_the_newest_error_comes_first(site: Site) -> None:
    """Each with what it says of itself."""
    # Given two errors, in the table as the migration of the platform's events makes it
    site.system.db.execute("""
        create table if not exists public.webhook_trigger_errors (
            id uuid primary key default gen_random_uuid(), occurred_at timestamptz not null default now(),
            source text not null, event_type text, code text not null, message text not null);
        grant select on public.webhook_trigger_errors to authenticated;
        insert into public.webhook_trigger_errors (occurred_at, source, code, message) values
            (now() - interval '1 hour', 'public.flags', '22023', 'the older one'),
            (now(), 'public.flags', '22023', 'the newer one')
    """)
    # When an admin opens the page
    page = site.admin().get("/trigger-errors").text
    # Then both are there, the newer one first
    assert 0 < page.index("the newer one") < page.index("the older one")


def test_a_project_without_triggers(site: Site) -> None:
    """It is told so, instead of an error."""
    site.system.db.execute("drop table if exists public.webhook_trigger_errors cascade")
    answer = site.admin().get("/trigger-errors")
    assert (answer.status_code, "No triggers are installed" in answer.text) == (200, True)
