"""A replay and a deletion go batch by batch: leaving their view ends them, and says how far they came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.e2e.portal.conftest import ANNA, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

    from tests.e2e.portal.conftest import Shop


def history(shop: Shop) -> str:
    """Make an endpoint with 5,001 failed deliveries, more than one batch of either; return its id."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    shop.system.db.execute(
        "select public.dispatch_webhook('order.paid', '{\"order_id\": \"o\"}', tenant_id => 'a')"
        " from generate_series(1, 5001)"
    )
    shop.system.db.execute("update public.webhook_deliveries set status = 'failed', attempts = 3, finished_at = now()")
    return endpoint


def held(visit: Visit, function: str, batch: int) -> list[Route]:
    """Return a list that grows with each batch that a function is asked for; this one gets no response yet."""
    routes: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST" and '"dry_run":true' not in (route.request.post_data or ""):
            routes.append(route)
            if len(routes) == batch:
                return
        route.continue_()

    visit.page.route(f"**/rpc/{function}", hold)
    return routes


def test_a_replay_that_is_left(browser: Browser, shop: Shop) -> None:
    """The batch that was asked for is sent; no other is, even when its view is left for another section."""
    history(shop)
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Replay…").click()
    portal.get_by_role("button", name="Count").click()
    batches = held(visit, "replay_webhook_deliveries", 2)
    portal.get_by_role("button", name="Send 5001 again").click()
    expect(portal.locator(".main")).to_contain_text("1000 sent again so far.")
    visit.open("Event types")
    with page.expect_response("**/replay_webhook_deliveries"):
        batches[1].continue_()
    expect(portal.get_by_role("status").filter(has_text="Stopped. 2000 deliveries sent again.")).to_be_visible()
    expect(portal.get_by_role("heading", level=2, name="Event types")).to_be_visible()
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert len(batches) == 2
    assert shop.system.db.execute("select from public.webhook_deliveries where status = 'pending'").rowcount == 2000
    visit.close()


def test_a_deletion_that_is_left(browser: Browser, shop: Shop) -> None:
    """The endpoint stays, paused, and no one is led away from where they went; a second deletion ends it."""
    history(shop)
    visit = Visit(browser, shop, ANNA, "a")
    portal, page, db = visit.portal, visit.page, shop.system.db
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Delete").click()
    portal.get_by_label("Delete its deliveries too").check()
    batches = held(visit, "delete_webhook_endpoint", 2)
    portal.get_by_role("button", name="Delete").click()
    expect(portal.locator(".main")).to_contain_text("Deleting…")
    portal.get_by_role("button", name="Cancel").click()
    expect(portal.get_by_role("heading", name="shop")).to_be_focused()
    with page.expect_response("**/delete_webhook_endpoint"):
        batches[1].continue_()
    expect(portal.get_by_role("status").filter(has_text="The deletion was stopped.")).to_be_visible()
    expect(portal.locator("header .badge")).to_have_text("Paused")
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert len(batches) == 2
    assert db.execute("select from public.webhook_deliveries").rowcount == 1
    portal.get_by_role("button", name="Delete").click()
    portal.get_by_label("Delete its deliveries too").check()
    portal.get_by_role("button", name="Delete").click()
    expect(portal.locator(".main")).to_contain_text("No endpoints yet")
    assert db.execute("select from public.webhook_configurations").rowcount == 0
    visit.close()
