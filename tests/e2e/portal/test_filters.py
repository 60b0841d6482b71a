"""The filters of deliveries: folded where there is little room, and cleared at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.e2e.portal.conftest import ANNA, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.e2e.portal.conftest import Shop


def test_they_fold_on_a_phone(browser: Browser, shop: Shop) -> None:
    """Opened, they stay so while the list changes; folded, the button says how many are set. A wide page has all."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    shop.dispatch("a", {"order_id": "o_1"})
    visit = Visit(browser, shop, ANNA, "a", viewport={"width": 390, "height": 844})
    portal, page = visit.portal, visit.page
    visit.open("Deliveries")
    rows, status, fold = portal.locator("tbody tr"), portal.get_by_label("Status"), portal.locator(".fold")
    expect(rows).to_have_count(1)
    expect(status).to_be_hidden()
    fold.click()
    expect(fold).to_have_attribute("aria-expanded", "true")
    status.select_option("failed")
    expect(rows).to_have_count(0)
    expect(status).to_be_visible()
    with page.expect_response("**/search_webhook_deliveries"):
        pass  # it is loaded again
    expect(status).to_be_visible()
    fold.click()
    expect(status).to_be_hidden()
    expect(fold).to_have_text("Filters (1)")
    page.set_viewport_size({"width": 1000, "height": 800})
    expect(status).to_be_visible()
    expect(fold).to_be_hidden()
    portal.get_by_role("button", name="Clear filters").click()
    expect(rows).to_have_count(1)
    expect(status).to_have_value("")
    expect(portal.get_by_role("button", name="Clear filters")).to_have_count(0)
    portal.get_by_label("Endpoint").select_option(endpoint)
    expect(rows).to_have_count(1)
    visit.close()
