"""The page of trigger errors: with the table of the platform's events, and without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.dashboard.conftest import token

if TYPE_CHECKING:
    from tests.e2e.dashboard.conftest import Site


def test_the_newest_error_comes_first(site: Site) -> None:
    """Each with what it says of itself."""
    # Given two errors, one older than the other
    site.system.db.execute("""
        insert into public.webhook_trigger_errors (occurred_at, source, code, message) values
            (now() - interval '1 hour', 'public.flags', '22023', 'the older one'),
            (now(), 'public.flags', '22023', 'the newer one')
    """)
    # When an admin opens the page
    page = site.admin().get("/trigger-errors").text
    # Then both are there, the newer one first
    assert 0 < page.index("the newer one") < page.index("the older one")


def test_what_could_not_be_emitted_is_emitted_by_a_button(site: Site) -> None:
    """Once it can be: before, the page says why not; after it, the error shows as resolved."""
    # Given a trigger that fails for one row
    site.system.db.execute("""
        create table public.things (id integer primary key, n integer);
        select public.webhook_attach('public.things', 'thing.made', 'insert', '{"share": "100 / new.n"}');
        insert into public.things values (1, 0);
    """)
    admin = site.admin()
    try:
        # When an admin presses the button too early
        form = {"_csrf_token": token(admin, "/trigger-errors")}
        page = admin.post("/trigger-errors/retry", data=form, follow_redirects=True)
        # Then the page says why it failed
        assert "1 not: division by zero" in page.text
        # And once the trigger is fixed, it is emitted, and the error resolved
        site.system.db.execute(
            "select public.webhook_attach('public.things', 'thing.made', 'insert', '{\"share\": \"new.n\"}')"
        )
        assert "1 resolved." in admin.post("/trigger-errors/retry", data=form, follow_redirects=True).text
        assert '<span class="status resolved">' in admin.get("/trigger-errors").text
    finally:
        site.system.db.execute("drop table public.things; delete from public.webhook_trigger_errors")


def test_a_project_without_triggers(site: Site) -> None:
    """It is told so, instead of an error."""
    site.system.db.execute("drop table if exists public.webhook_trigger_errors cascade")
    response = site.admin().get("/trigger-errors")
    assert (response.status_code, "No triggers are installed" in response.text) == (200, True)
