"""The portal with people who are quick or clumsy, whose sign-in ends, and on networks that are slow or worse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.e2e.portal.conftest import ANNA, Visit

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, Route

    from tests.e2e.portal.conftest import Shop

HTML = "<!doctype html><html><head><title>502 Bad Gateway</title></head><body>url events header port</body></html>"


def held(page: Page, function: str) -> list[Route]:
    """Return a list that grows with each call of a function, which waits until the test lets it go on."""
    routes: list[Route] = []
    page.route(
        f"**/rpc/{function}",
        lambda route: routes.append(route) if route.request.method == "POST" else route.continue_(),
    )
    return routes


def fill(visit: Visit, name: str = "typed", url: str = "https://example.com/typed") -> None:
    """Fill in the form for an endpoint."""
    visit.portal.get_by_role("button", name="New endpoint").click()
    expect(visit.portal.get_by_role("heading", name="New endpoint")).to_be_focused()
    visit.portal.get_by_label("Name", exact=True).fill(name)
    visit.portal.get_by_label("URL").fill(url)


def is_kept(visit: Visit) -> None:
    """Check that what `fill` typed is still there."""
    expect(visit.portal.get_by_label("Name", exact=True)).to_have_value("typed")
    expect(visit.portal.get_by_label("URL")).to_have_value("https://example.com/typed")


def leave(visit: Visit) -> None:
    """End a visit in which calls were meant to fail."""
    visit.complaints = [one for one in visit.complaints if "Failed to load resource" not in one]
    visit.close()


def test_a_double_click_is_one_click(browser: Browser, shop: Shop) -> None:
    """Whatever comes under the pointer after the first: nothing is resumed, deleted, rotated or left by the second."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    db = shop.system.db
    secret = db.execute("select secret_key as it from webhooks.endpoint_secrets").fetchone()
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page

    def back() -> None:
        visit.open("Endpoints")
        portal.get_by_role("table").get_by_role("button", name="shop").click()
        expect(portal.get_by_role("heading", name="shop")).to_be_focused()

    back()
    portal.get_by_role("button", name="Pause").dblclick()
    expect(portal.get_by_role("button", name="Resume")).to_be_visible()
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    expect(portal.get_by_role("button", name="Resume")).to_be_visible()
    portal.get_by_role("button", name="Resume").click()
    for action, heading in (("Rotate secret", "Rotate secret: shop"), ("Delete", "Delete shop?")):
        # the second click comes once the next view is there, on the same place
        button = portal.get_by_role("button", name=action)
        box = button.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.click(x, y)
        expect(portal.get_by_role("heading", name=heading)).to_be_visible()
        portal.get_by_role("button", name=action).dispatch_event("click", {"detail": 2})
        page.evaluate("new Promise((done) => setTimeout(done, 200))")
        expect(portal.get_by_role("heading", name=heading)).to_be_visible()
        back()
    visit.open("Endpoints")
    fill(visit)
    portal.get_by_role("button", name="Save").dblclick()
    expect(portal.locator(".secret code")).to_be_visible()
    portal.get_by_role("button", name="Done").dispatch_event("click", {"detail": 2})
    expect(portal.locator(".secret code")).to_be_visible()
    rows = db.execute("select id::text, is_active from public.webhook_configurations where name = 'shop'").fetchall()
    assert rows == [{"id": endpoint, "is_active": True}]
    assert db.execute("select from public.webhook_configurations where name = 'typed'").rowcount == 1
    assert db.execute("select secret_key as it from webhooks.endpoint_secrets where webhook_config_id = %s",
                      (endpoint,)).fetchone() == secret  # fmt: skip
    visit.close()


def test_what_ends_late_leaves_alone_what_is_typed(browser: Browser, shop: Shop) -> None:
    """A pause, a deletion: said when it is done. The form that was opened meanwhile works. A secret is shown anyway."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    portal.get_by_role("button", name="shop").click()
    pauses = held(page, "update_webhook_endpoint")
    portal.get_by_role("button", name="Pause").click()
    visit.open("Endpoints")
    fill(visit)
    portal.get_by_label("Only these").check()
    pauses[0].continue_()
    expect(portal.get_by_role("status").filter(has_text="is paused")).to_be_visible()
    is_kept(visit)
    expect(portal.get_by_label("order.paid")).to_be_visible()

    visit.open("Endpoints")
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Delete").click()
    deletions = held(page, "delete_webhook_endpoint")
    portal.get_by_role("button", name="Delete").click()
    visit.open("Endpoints")
    fill(visit)
    deletions[0].continue_()
    expect(portal.get_by_role("status").filter(has_text="The endpoint is deleted.")).to_be_visible()
    is_kept(visit)
    creations = held(page, "create_webhook_endpoint")
    portal.get_by_role("button", name="Save").click()
    visit.open("Deliveries")
    creations[0].continue_()
    expect(portal.get_by_role("heading", name="Signing secret of typed")).to_be_focused()
    visit.close()


def signed_out(visit: Visit) -> None:
    visit.page.evaluate("client.auth.signOut({ scope: 'local' })")


def ended_elsewhere(visit: Visit) -> None:
    visit.shop.system.db.execute("delete from auth.sessions")


def no_member(visit: Visit) -> None:
    visit.shop.system.db.execute("delete from public.memberships where organization_id = 'a'")


def member_again(visit: Visit) -> None:
    visit.shop.system.db.execute(
        "insert into public.memberships select u.id, 'a', 'owner' from auth.users as u where u.email = %s",
        (ANNA.email,),
    )


def signed_in(visit: Visit) -> None:
    visit.page.evaluate("(account) => client.auth.signInWithPassword(account)", ANNA._asdict())


@pytest.mark.parametrize(
    ("end", "again", "said"),
    [
        (signed_out, signed_in, "Your sign-in has ended. Sign in again."),
        (ended_elsewhere, signed_in, "You have no access to these webhooks, or your sign-in has ended."),
        (no_member, member_again, "You have no access to these webhooks, or your sign-in has ended."),
    ],
)
def test_a_right_that_ends_while_a_form_is_filled_in(
    browser: Browser, shop: Shop, end: Callable[[Visit], None], again: Callable[[Visit], None], said: str
) -> None:
    """It is said, in words for customers; the input stays, and is saved once the right is back."""
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    fill(visit)
    end(visit)
    portal.get_by_role("button", name="Save").click()
    expect(portal.get_by_role("alert").filter(visible=True)).to_have_text(said)
    is_kept(visit)
    assert shop.system.db.execute("select from public.webhook_configurations").rowcount == 0
    visit.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    is_kept(visit)
    again(visit)
    portal.get_by_role("button", name="Save").click()
    expect(portal.locator(".secret code")).to_be_visible()
    leave(visit)


def test_a_right_that_ends_while_a_list_is_shown(browser: Browser, shop: Shop) -> None:
    """It says so, names no function of the database, and goes on once the right is back."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    visit.page.clock.install()
    visit.open("Endpoints")
    no_member(visit)
    visit.page.clock.run_for(6_000)
    alert = visit.portal.get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text("You have no access to these webhooks")
    expect(alert).not_to_contain_text("webhook_tenants")
    member_again(visit)
    visit.page.clock.run_for(60_000)
    expect(alert).to_have_count(0)
    leave(visit)


#: What comes instead of a response: its status, type and body, and what is said of it.
RESPONSES = [
    (502, "text/html", HTML, "Supabase returned an unexpected response (HTTP 502)."),
    (404, "text/html", HTML, "Supabase returned an unexpected response (HTTP 404)."),
    (200, "text/html", HTML, "Supabase returned an unexpected response (HTTP 200)."),
    (200, "application/json", "", "Supabase returned an unexpected response (HTTP 200)."),
    (500, "application/json", "", "Supabase returned an unexpected response (HTTP 500)."),
    (503, "application/json", '{"message": "name resolution failed"}',
     "Supabase returned an unexpected response (HTTP 503)."),
    (500, "application/json", '{"message": "canceling statement due to statement timeout", "code": "57014"}',
     "Canceling statement"),
    (403, "application/json", '{"message": "permission denied for function x", "code": "42501"}', "You have no access"),
    (401, "application/json", '{"message": "JWT expired", "code": "PGRST303"}', "Your sign-in has ended."),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "body", "said"), RESPONSES)
def test_a_response_that_is_none(browser: Browser, shop: Shop, status: int, kind: str, body: str, said: str) -> None:
    """A page of a proxy, an error of the database, nothing: said in a sentence, in a list and in a form alike."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    page.clock.install()
    visit.open("Endpoints")
    page.route("**/rest/v1/rpc/**", lambda route: route.fulfill(status=status, content_type=kind, body=body))
    page.clock.run_for(6_000)
    alert = portal.get_by_role("alert").filter(visible=True)
    expect(alert).to_contain_text(said)
    expect(alert).not_to_contain_text("<")
    expect(portal.get_by_role("table")).to_contain_text("shop")
    fill(visit)
    portal.get_by_role("button", name="Save").click()
    expect(alert).to_contain_text(said)
    expect(portal.locator(".error:not(:empty)")).to_have_count(0)
    is_kept(visit)
    page.unroute("**/rest/v1/rpc/**")
    portal.get_by_role("button", name="Save").click()
    expect(portal.locator(".secret code")).to_be_visible()
    leave(visit)


def test_a_call_without_an_end(browser: Browser, shop: Shop) -> None:
    """Given up after half a minute, and said: a list may not look as if it were current."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    expect(portal.get_by_role("table")).to_contain_text("shop")
    page.evaluate(
        "() => { const own = AbortSignal.timeout.bind(AbortSignal);"
        " AbortSignal.timeout = (ms) => { window.patience = ms; return own(50) } }"
    )
    page.route("**/rest/v1/rpc/**", lambda _: None)
    portal.get_by_role("navigation").get_by_role("button", name="Deliveries").click()
    expect(portal.get_by_role("alert")).to_contain_text("Supabase cannot be reached.")
    assert page.evaluate("window.patience") == 30_000
    leave(visit)


def test_a_slow_view_says_that_it_comes(browser: Browser, shop: Shop) -> None:
    """Until it is there, the one before is marked as on its way out; what is pressed in it still counts."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    expect(portal.locator(".main")).not_to_have_attribute("aria-busy", "true")
    searches = held(page, "search_webhook_deliveries")
    portal.get_by_role("navigation").get_by_role("button", name="Deliveries").click()
    expect(portal.locator(".main")).to_have_attribute("aria-busy", "true")
    portal.get_by_role("button", name="shop").click()
    expect(portal.get_by_role("heading", name="shop")).to_be_focused()
    expect(portal.locator(".main")).not_to_have_attribute("aria-busy", "true")
    searches[0].continue_()
    expect(portal.get_by_role("heading", name="shop")).to_be_visible()
    visit.close()


@pytest.mark.parametrize("typed", ["0", "1.5", "1e", "1e9"])
def test_a_rate_that_is_none(browser: Browser, shop: Shop, typed: str) -> None:
    """Not taken for an empty field, nor saved: said at the field."""
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    fill(visit)
    portal.get_by_label("Rate limit").press_sequentially(typed)
    portal.get_by_role("button", name="Save").click()
    expect(portal.locator("#rate-error")).not_to_be_empty()
    is_kept(visit)
    assert shop.system.db.execute("select from public.webhook_configurations").rowcount == 0
    leave(visit)


def test_a_header_that_is_there_twice(browser: Browser, shop: Shop) -> None:
    """Neither value is dropped without a word, whatever the name is."""
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    fill(visit)
    for name in ("X-Key", "__proto__"):
        portal.get_by_label("Headers").fill(f"{name}: 1\n{name}: 2")
        portal.get_by_role("button", name="Save").click()
        expect(portal.locator("#headers-error")).to_have_text(f"{name} is there twice.")
    portal.get_by_label("Headers").fill("__proto__: 1")
    portal.get_by_role("button", name="Save").click()
    expect(portal.locator(".secret code")).to_be_visible()
    kept = shop.system.db.execute("select headers from webhooks.endpoint_secrets").fetchone()
    assert kept == {"headers": {"__proto__": "1"}}
    visit.close()


def test_a_page_without_a_clipboard(browser: Browser, shop: Shop) -> None:
    """As without https: it says what to do, and the secret stays."""
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    fill(visit)
    portal.get_by_role("button", name="Save").click()
    visit.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    portal.get_by_role("button", name="Copy").click()
    expect(portal.get_by_role("status").filter(has_text="copy it yourself")).to_be_visible()
    expect(portal.locator(".secret code")).to_be_visible()
    visit.close()


@pytest.mark.parametrize(
    ("client", "said"),
    [
        ("{}", "Set the properties client and tenant"),
        ("'client'", "Set the properties client and tenant"),
        ("Promise.resolve(client)", "Set the properties client and tenant"),
        ("supabase.createClient('http://127.0.0.1:9', 'key')", "Supabase cannot be reached."),
        ("supabase.createClient(location.origin, 'key')", "Supabase returned an unexpected response"),
    ],
)
def test_a_client_that_is_none(browser: Browser, shop: Shop, client: str, said: str) -> None:
    """A wrong property, or another server's address: what is said helps the page's author."""
    visit = Visit(browser, shop, ANNA, "a")
    visit.page.evaluate(f"document.querySelector('webhooks-portal').client = {client}")
    expect(visit.portal).to_contain_text(said)
    visit.page.evaluate("document.querySelector('webhooks-portal').client = client")
    expect(visit.portal.get_by_role("button", name="New endpoint")).to_be_visible()
    # supabase-js warns of a second client with the same storage
    visit.complaints = [one for one in visit.complaints if "GoTrueClient" not in one]
    leave(visit)


def test_a_large_customer(browser: Browser, shop: Shop) -> None:
    """500 endpoints are all listed and offered; 10,000 deliveries come a page at a time, each once."""
    db = shop.system.db
    db.execute(
        "insert into public.webhook_tenant_limits (tenant_id, endpoints, deliveries_per_second)"
        " values ('a', 500, 100000)"
    )
    db.execute(
        "insert into public.webhook_configurations (name, url, events, tenant_id, rate_limit_per_second)"
        " select 'shop ' || n, 'https://example.com/', '{order.refunded}', 'a', 1 from generate_series(1, 500) as n"
    )
    shop.endpoint("b", "https://example.com/", name="of b")
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at)"
        " select c.id, 'order.refunded', '{}', 'delivered', now() - n * interval '1 second'"
        " from public.webhook_configurations as c, generate_series(1, 20) as n where c.tenant_id = 'a'"
    )
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    expect(portal.locator("tbody tr")).to_have_count(500)
    visit.open("Deliveries")
    expect(portal.get_by_label("Endpoint").locator("option")).to_have_count(501)
    seen: set[str] = set()
    for page in range(1, 5):
        expect(portal.locator("tbody tr")).to_have_count(50)
        keys = portal.locator("tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.key)")
        seen.update(keys)
        assert len(seen) == 50 * page
        portal.get_by_role("button", name="Older").click()
        expect(portal.locator(f"[data-key='{keys[0]}']")).to_have_count(0)
    visit.close()
