"""From what is wrong on the overview to the delivery that is retried: two clicks, or three keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.dashboard.conftest import ADMIN
from tests.e2e.dashboard.test_browser import Visit, browser, visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

__all__ = ["browser", "visit"]

FAILED = """
    insert into public.webhook_deliveries
        (webhook_config_id, event_type, payload, status, attempts, error_message, response_status, finished_at)
    select %s, 'user.joined_community', '{}', 'failed', 1, 'HTTP 401', 401, now()
    returning id
"""


def failing(visit: Visit, name: str) -> tuple[str, str]:
    """Make an endpoint that failed, its circuit open; return its id and that of its failed delivery."""
    db = visit.site.system.db
    endpoint = visit.site.system.endpoint("http://127.0.0.1:9/", name=name)
    row = db.execute(FAILED.encode(), (endpoint,)).fetchone()
    assert row is not None
    db.execute(
        "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered, response_status,"
        " error) values (%s, 1, now(), 5, false, 401, 'HTTP 401')",
        (row["id"],),
    )
    db.execute(
        "insert into public.webhook_circuits (webhook_config_id, state, consecutive_failures, open_until)"
        " values (%s, 'open', 5, now() + interval '5 minutes') on conflict (webhook_config_id) do update"
        " set state = 'open', consecutive_failures = 5, open_until = excluded.open_until",
        (endpoint,),
    )
    return endpoint, str(row["id"])


def by_clicks(page: Page) -> None:
    """Click twice."""
    page.get_by_role("link", name="Open a failed delivery of n8n").click()
    page.get_by_role("button", name="Retry now").click()


def by_keys(page: Page) -> None:
    """Press three keys."""
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#delivery")).to_be_visible()
    page.wait_for_load_state()  # the panel shows before the page's scripts have run
    page.keyboard.press("r")


@pytest.mark.parametrize("act", [by_clicks, by_keys])
def test_from_a_failing_endpoint_to_its_retried_delivery(visit: Visit, act: Callable[[Page], None]) -> None:
    """With no other step between; the delivery is due again, by this admin."""
    page, site = visit.page, visit.site
    _, delivery = failing(visit, "n8n")
    page.goto("/")
    expect(page.locator(".attention tbody tr")).to_have_count(1)
    act(page)
    expect(page).to_have_url(re.compile(f"/deliveries/{delivery}"))
    expect(page.get_by_role("status")).to_contain_text("due now")
    row = site.system.db.execute("select status from public.webhook_deliveries where id = %s", (delivery,)).fetchone()
    assert row is not None
    assert row["status"] == "pending"
    by = site.system.db.execute("select actor, action from public.webhook_admin_actions").fetchall()
    assert [(one["action"], one["actor"]) for one in by] == [("retry", ADMIN.email)]


def test_keys_move_through_what_needs_attention(visit: Visit) -> None:
    """J and k go from one failing endpoint to the next, also after the page has renewed itself."""
    page = visit.page
    endpoints = {failing(visit, name)[0] for name in ("n8n", "CRM")}
    page.goto("/")
    stops = page.locator("[data-stop]")
    expect(stops).to_have_count(2)
    page.keyboard.press("j")
    expect(stops.first).to_be_focused()
    with page.expect_response(lambda response: "/overview/figures" in response.url):
        pass
    expect(stops.first).to_be_focused()
    for key, at in (("j", 1), ("j", 1), ("k", 0), ("k", 0)):
        page.keyboard.press(key)
        expect(stops.nth(at)).to_be_focused()
    assert {str(one).removeprefix("last-") for one in stops.evaluate_all("(all) => all.map((a) => a.id)")} == endpoints


def test_every_part_leads_to_its_list(visit: Visit) -> None:
    """Each figure and reason is a link; what it leads to is a page without an error."""
    page = visit.page
    failing(visit, "n8n")
    page.goto("/")
    links = page.locator(".overall a, .attention a, .figures dt a").evaluate_all("(all) => all.map((a) => a.href)")
    assert page.locator(".figures > div").count() == page.locator(".figures dt a").count() == 10
    for link in sorted(set(links)):
        response = page.goto(link)
        assert response is not None
        assert response.status == 200, link
        expect(page.get_by_role("alert").and_(page.locator(".list *"))).to_have_count(0)


def test_the_hour_before_and_the_busiest(visit: Visit) -> None:
    """How the hour compares with the one before it; endpoints by their attempts of a day, each with its lists."""
    page, db = visit.page, visit.site.system.db
    busy, quiet = (visit.site.system.endpoint("http://127.0.0.1:9/", name=name) for name in ("busy", "quiet"))
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at,"
        " finished_at)"
        " select %s, 'a.b', '{}', 'delivered', now() - minutes * interval '1 minute', now()"
        " from unnest('{1,2,3,4,5,6,61,90,100,119,121}'::integer[]) as minutes",
        (busy,),
    )
    db.execute(
        "insert into webhooks.delivery_rollups (hour, webhook_config_id, event_type, attempts, failed_attempts,"
        " durations)"
        " values (date_trunc('hour', now(), 'UTC'), %s, 'a.b', 30, 3, '{0,0,0,30}'),"
        " (date_trunc('hour', now(), 'UTC'), %s, 'a.b', 2, 0, '{2}'),"
        " (date_trunc('hour', now(), 'UTC') - interval '1 hour', %s, 'a.c', 10, 1, '{0,0,0,10}')",
        (busy, quiet, busy),
    )
    page.goto("/")
    expect(page.get_by_text("50% more than in the hour before (4).")).to_be_visible()
    rows = page.locator(".busiest tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text(re.compile(r"busy\s+40\s+4\s+90 %\s+\d+ ms"))
    expect(rows.nth(1)).to_contain_text(re.compile(r"quiet\s+2\s+0\s+100 %"))
    for link in rows.nth(0).get_by_role("link").evaluate_all("(all) => all.map((a) => a.href)"):
        response = page.goto(link)
        assert response is not None
        assert response.status == 200, link
