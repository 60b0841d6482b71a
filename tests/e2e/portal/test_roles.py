"""What a person may do changes while the portal is open: `webhook_tenants` is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from devstack.admins import sign_in
from tests.e2e.portal.conftest import ANNA, ARNO, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from devstack.admins import Account
    from tests.e2e.portal.conftest import Shop


def give(shop: Shop, account: Account, role: str) -> None:
    """Give a person another role in customer a."""
    user = sign_in(shop.system.supabase, account)["user"]["id"]
    shop.system.db.execute("update public.memberships set role = %s where user_id = %s", (role, user))


def test_another_role(browser: Browser, shop: Shop) -> None:
    """The next view offers what the new role allows."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ARNO, "a")
    portal = visit.portal
    expect(portal.get_by_role("button", name="shop")).to_be_visible()
    expect(portal.get_by_role("button", name="New endpoint")).to_have_count(0)
    give(shop, ARNO, "owner")
    visit.open("Endpoints")
    expect(portal.get_by_role("button", name="New endpoint")).to_be_visible()
    give(shop, ARNO, "member")
    portal.get_by_role("button", name="shop").click()
    expect(portal.get_by_role("heading", name="shop")).to_be_focused()
    expect(portal.get_by_role("button", name="Edit")).to_have_count(0)
    portal.locator(".main").get_by_role("button", name="Deliveries").click()
    expect(portal.get_by_label("Endpoint")).to_have_value(endpoint)
    visit.close()


def test_a_role_that_is_lost_on_the_spot(browser: Browser, shop: Shop) -> None:
    """What is rejected is said, and offered no longer."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    portal.get_by_role("button", name="shop").click()
    expect(portal.get_by_role("button", name="Pause")).to_be_visible()
    give(shop, ANNA, "member")
    portal.get_by_role("button", name="Pause").click()
    expect(portal.get_by_role("button", name="Pause")).to_have_count(0)
    expect(portal.locator(".said.bad")).not_to_be_empty()
    assert shop.system.db.execute(
        "select from public.webhook_configurations where id = %s and is_active", (endpoint,)
    ).rowcount
    visit.complaints = [one for one in visit.complaints if "status of 40" not in one]
    visit.close()
