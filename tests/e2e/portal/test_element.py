"""The element in its page: properties in any order; what a person types stays; what it asks Supabase, and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from devstack.admins import Account, sign_in
from tests.e2e.portal.conftest import ANNA, ARNO, STRANGER, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

    from tests.e2e.portal.conftest import Shop


def counted(page: Page, function: str = "") -> list[str]:
    """Return a list that grows with each call of a function of the database, or of any."""
    calls: list[str] = []
    page.on("request", lambda one: calls.append(one.url) if f"/rpc/{function}" in one.url else None)
    return calls


def test_equal_properties_leave_a_form_alone(browser: Browser, shop: Shop) -> None:
    """A framework sets them each time it renders. Others start from the list, and show nothing of the tenant before."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop of a")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    render = """() => Object.assign(document.querySelector("webhooks-portal"),
        { client, tenant: "a", texts: { newEndpoint: "One more", perSecond: (n) => `${n}/s` } })"""
    page.evaluate(render)
    portal.get_by_role("button", name="One more").click()
    portal.get_by_label("Name", exact=True).fill("typed")
    page.evaluate(render)
    expect(portal.get_by_label("Name", exact=True)).to_have_value("typed")
    portal.get_by_role("button", name="Cancel").click()
    expect(portal.get_by_role("table")).to_contain_text("shop of a")
    page.route("**/rest/v1/**", lambda _: None)  # never a response
    page.evaluate("document.querySelector('webhooks-portal').tenant = 'b'")
    expect(portal.locator(".main")).to_have_text("Loading…")
    visit.close()


def test_what_ends_late_is_not_shown_to_another_tenant(browser: Browser, shop: Shop) -> None:
    """A secret that is created while the app changes to another customer, or signs the user out."""
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    portal.get_by_role("button", name="New endpoint").click()
    portal.get_by_label("Name", exact=True).fill("shop of a")
    portal.get_by_label("URL").fill("https://example.com/")
    held: list[Route] = []
    page.route(
        "**/rpc/create_webhook_endpoint", lambda r: held.append(r) if r.request.method == "POST" else r.continue_()
    )
    with page.expect_request(lambda one: "create_webhook_endpoint" in one.url and one.method == "POST"):
        portal.get_by_role("button", name="Save").click()
    page.evaluate("document.querySelector('webhooks-portal').client = null")
    with page.expect_response(lambda one: "create_webhook_endpoint" in one.url and one.request.method == "POST"):
        held[0].continue_()
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    expect(portal.locator(".main")).to_contain_text("Set the properties client and tenant")
    expect(portal.locator("code")).to_have_count(0)
    visit.close()


def test_a_schema_that_is_none(browser: Browser, shop: Shop) -> None:
    """What the catalog accepts and no JSON Schema is leaves the other types readable."""
    odd = {
        "a": {"required": True, "enum": 1, "properties": {"b": None}},
        "c": 1,
        "d": {"type": "string", "required": True},
    }
    shop.system.db.execute(
        "update public.webhook_event_types set data_schema = %s where name = 'order.refunded'",
        (json.dumps({"type": "object", "properties": odd}),),
    )
    visit = Visit(browser, shop, ANNA, "a")
    visit.open("Event types")
    for name in ("order.paid", "order.refunded"):
        visit.portal.locator("summary").filter(has_text=name).click()
    expect(visit.portal.get_by_role("table", name="order.paid")).to_contain_text("items[].sku")
    expect(visit.portal.get_by_role("table", name="order.refunded")).to_contain_text("string")
    visit.close()


def test_properties_that_were_set_before_the_element_was_defined(browser: Browser, shop: Shop) -> None:
    """A page may load the package late."""
    visit = Visit(browser, shop, ANNA, "a")
    page = visit.page
    page.route("**/portal/index.js", lambda route: route.fulfill(content_type="text/javascript", body=""))
    page.goto("/")
    page.evaluate(
        """async ([url, key]) => {
            Object.assign(document.querySelector("webhooks-portal"),
                { client: supabase.createClient(url, key), tenant: "a", texts: { newEndpoint: "One more" } })
            const { WebhooksPortal } = await import("./portal/portal.js")
            customElements.define("webhooks-portal", WebhooksPortal)
        }""",
        [shop.system.supabase.url, shop.system.supabase.keys.publishable],
    )
    expect(visit.portal.get_by_role("button", name="One more")).to_be_visible()
    visit.close()


@pytest.mark.parametrize("locale", ["de-DE", "no_locale at all"])
def test_times_are_written_as_the_page_asks(browser: Browser, shop: Shop, locale: str) -> None:
    """By `locale`; what is none is ignored."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop", created_at="2026-03-05T12:00:00Z")
    visit = Visit(browser, shop, ANNA, "a", locale="en-US", timezone_id="UTC")
    visit.portal.evaluate("(portal, locale) => portal.setAttribute('locale', locale)", locale)
    visit.portal.get_by_role("button", name="shop").click()
    expect(visit.portal.locator("dl")).to_contain_text("05.03.2026, 12:00:00" if locale == "de-DE" else "Mar 5, 2026")
    visit.close()


def test_a_filter_keeps_the_focus(browser: Browser, shop: Shop) -> None:
    """Choosing with the keyboard filters the list at each step, and what has the focus keeps it."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    shop.dispatch("a", {"order_id": "o_1"})
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    visit.open("Deliveries")
    rows = portal.locator("tbody tr")
    expect(rows).to_have_count(1)
    status = portal.get_by_label("Status")
    status.focus()
    with page.expect_response("**/search_webhook_deliveries"):
        page.keyboard.press("ArrowDown")
    expect(status).to_have_value("pending")
    with page.expect_response("**/search_webhook_deliveries"):
        page.keyboard.press("ArrowDown")
    expect(rows).to_have_count(0)
    expect(status).to_have_value("processing")
    expect(status).to_be_focused()
    portal.get_by_role("navigation").get_by_role("button", name="Deliveries").click()
    expect(rows).to_have_count(1)
    expect(status).to_have_value("")
    visit.close()


def test_a_button_keeps_the_focus_and_acts_once(browser: Browser, shop: Shop) -> None:
    """While its action runs, and after it; pressed again meanwhile, it does nothing."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Pause").press("Enter")
    resume = portal.get_by_role("button", name="Resume")
    expect(resume).to_be_focused()
    resume.press("Enter")
    expect(portal.get_by_role("button", name="Pause")).to_be_focused()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/rpc/send_test_webhook", hold)
    send = portal.get_by_role("button", name="Send", exact=True)
    with page.expect_request("**/rpc/send_test_webhook"):
        send.press("Enter")
    expect(send).to_have_attribute("aria-disabled", "true")
    send.press("Enter")
    expect(send).to_be_focused()
    page.evaluate("() => undefined")
    assert len(held) == 1
    held[0].continue_()
    expect(portal.get_by_role("region", name="Send a test")).to_be_visible()
    expect(send).not_to_have_attribute("aria-disabled", "true")
    assert len(held) == 1
    visit.close()


def test_it_asks_nothing_while_hidden_or_while_someone_types(browser: Browser, shop: Shop) -> None:
    """A list asks again and again, a hidden page never, and at once when it is shown again; a form never."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    page.clock.install()
    visit.open("Endpoints")
    calls = counted(page)
    shop.system.db.execute("update public.webhook_configurations set name = 'renamed' where id = %s", (endpoint,))
    page.clock.run_for(5_000)
    expect(portal.get_by_role("button", name="renamed")).to_be_visible()
    assert calls
    hidden = "() => { Object.defineProperty(document, 'hidden', { get: () => window.away, configurable: true }) }"
    page.evaluate(hidden)
    page.evaluate("window.away = true")
    before = len(calls)
    page.clock.run_for(120_000)
    shop.system.db.execute("update public.webhook_configurations set name = 'shown' where id = %s", (endpoint,))
    page.evaluate("() => undefined")
    assert len(calls) == before
    page.evaluate("window.away = false")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(portal.get_by_role("button", name="shown")).to_be_visible()
    portal.get_by_role("button", name="New endpoint").click()
    expect(portal.get_by_role("heading", name="New endpoint")).to_be_focused()
    before = len(calls)
    page.clock.run_for(120_000)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    portal.get_by_label("Name", exact=True).fill("typed")
    assert len(calls) == before
    visit.close()


def test_it_asks_less_often_while_supabase_is_away(browser: Browser, shop: Shop) -> None:
    """After a failure it waits longer each time; the first success ends that."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    page.clock.install()
    visit.open("Endpoints")
    calls = counted(page)
    page.route("**/rest/v1/**", lambda route: route.abort())
    for _ in range(4):  # the next is due after 5, 10, 20 and 40 seconds
        with page.expect_event("requestfailed"):
            page.clock.fast_forward(60_000)
        expect(portal.get_by_role("alert")).to_contain_text("Supabase cannot be reached.")
    before = len(calls)
    page.clock.fast_forward(12_000)
    page.evaluate("() => undefined")
    assert len(calls) == before
    page.unroute("**/rest/v1/**")
    shop.system.db.execute("update public.webhook_configurations set name = 'renamed' where id = %s", (endpoint,))
    page.clock.fast_forward(60_000)
    expect(portal.get_by_role("button", name="renamed")).to_be_visible()
    expect(portal.get_by_role("alert")).to_have_count(0)
    visit.complaints = [one for one in visit.complaints if "net::ERR_FAILED" not in one]
    visit.close()


def test_who_may_change(shop: Shop) -> None:
    """webhook_tenants tells a signed-in user of their own tenants, and others of none."""
    supabase = shop.system.supabase

    def asked(account: Account | None, permission: str) -> httpx.Response:
        token = sign_in(supabase, account)["access_token"] if account else supabase.keys.publishable
        headers = {"apikey": supabase.keys.publishable, "Authorization": f"Bearer {token}"}
        body = {"permission": permission}
        return httpx.post(f"{supabase.url}/rest/v1/rpc/webhook_tenants", headers=headers, json=body, trust_env=False)

    assert asked(ANNA, "manage").json() == ["a"]
    assert (asked(ARNO, "read").json(), asked(ARNO, "manage").json()) == (["a"], [])
    assert asked(STRANGER, "read").json() == []
    assert asked(None, "read").status_code in {401, 403}


def test_too_many_tests_in_a_minute(browser: Browser, shop: Shop) -> None:
    """The limit is said in place; what was chosen stays."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    user = sign_in(shop.system.supabase, ANNA)["user"]["id"]
    # in the future: the allowance does not grow back while the test runs
    shop.system.db.execute(
        "insert into webhooks.dispatch_allowances (user_sub, events, at) values (%s, 0, now() + interval '1 hour')",
        (user,),
    )
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    portal.get_by_role("button", name="shop").click()
    portal.get_by_label("Event", exact=True).select_option("order.paid")
    portal.get_by_role("button", name="Send", exact=True).click()
    expect(portal.get_by_role("status").filter(has_text="Too many requests in a minute.")).to_be_visible()
    expect(portal.get_by_label("Event", exact=True)).to_have_value("order.paid")
    visit.complaints = [one for one in visit.complaints if "status of 429" not in one]
    visit.close()


def test_a_secret_is_copied(browser: Browser, shop: Shop) -> None:
    """To the clipboard; left, it is not shown again."""
    visit = Visit(browser, shop, ANNA, "a", permissions=["clipboard-read", "clipboard-write"])
    portal = visit.portal
    portal.get_by_role("button", name="New endpoint").click()
    portal.get_by_label("Name", exact=True).fill("shop")
    portal.get_by_label("URL").fill("https://example.com/")
    portal.get_by_role("button", name="Save").click()
    secret = portal.locator(".secret code").inner_text()
    portal.get_by_role("button", name="Copy").click()
    expect(portal.get_by_role("status").filter(has_text="Copied.")).to_be_visible()
    assert visit.page.evaluate("navigator.clipboard.readText()") == secret
    portal.get_by_role("button", name="Done").click()
    expect(portal.get_by_role("heading", name="shop")).to_be_visible()
    expect(portal).not_to_contain_text(secret)
    visit.close()


def test_a_long_history(browser: Browser, shop: Shop) -> None:
    """More than one batch is replayed and deleted to the end."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    db = shop.system.db
    db.execute(
        "select public.dispatch_webhook('order.paid', '{\"order_id\": \"o\"}', tenant_id => 'a')"
        " from generate_series(1, 5001)"
    )
    db.execute("update public.webhook_deliveries set status = 'failed', attempts = 3, finished_at = now()")
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    replays, deletions = (
        counted(visit.page, "replay_webhook_deliveries"),
        counted(visit.page, "delete_webhook_endpoint"),
    )
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Replay…").click()
    portal.get_by_role("button", name="Count").click()
    portal.get_by_role("button", name="Send 5001 again").click()
    expect(portal.locator(".main")).to_contain_text("5001 deliveries are due now.")
    assert len(replays) > 5
    assert db.execute("select from public.webhook_deliveries where status = 'pending'").rowcount == 5001
    portal.get_by_role("button", name="Back").click()
    portal.get_by_role("button", name="Delete").click()
    portal.get_by_label("Delete its deliveries too").check()
    portal.get_by_role("button", name="Delete").click()
    expect(portal.locator(".main")).to_contain_text("No endpoints yet")
    assert len(deletions) > 1
    assert db.execute("select from public.webhook_deliveries where webhook_config_id = %s", (endpoint,)).rowcount == 0
    visit.close()
