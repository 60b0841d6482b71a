"""The portal in a real Chromium, by two customers of one shop, over nothing but Supabase's REST."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from devstack.node import install
from devstack.receiver import Receiver, Reply
from tests.conftest import quiet
from tests.e2e.portal.conftest import ANNA, ARNO, BELA, STRANGER, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.e2e.portal.conftest import Shop

#: Runs if it is ever taken for HTML, and breaks out of an attribute or a script's text first.
XSS = '"\'></script><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


def create(visit: Visit, name: str, url: str) -> str:
    """Fill in the form as a person does; return the secret that is shown."""
    portal = visit.portal
    visit.open("Endpoints")
    portal.get_by_role("button", name="New endpoint").click()
    portal.get_by_label("Name", exact=True).fill(name)
    portal.get_by_label("URL").fill(url)
    portal.get_by_role("button", name="Save").click()
    expect(portal.get_by_role("heading", name=f"Signing secret of {name}")).to_be_focused()
    secret = portal.locator(".secret code").inner_text()
    portal.get_by_role("button", name="Done").click()
    expect(portal.get_by_role("heading", name=name)).to_be_focused()
    return secret


def test_two_customers(browser: Browser, shop: Shop) -> None:
    """Each creates an endpoint and receives its own events; neither sees anything of the other's."""
    shop.system.serve()
    with Receiver(answer=lambda _: Reply(200, b"thanks", {"x-shop": "yes"})) as first, Receiver() as second:
        visits = {"a": Visit(browser, shop, ANNA, "a"), "b": Visit(browser, shop, BELA, "b")}
        secrets = {key: create(visits[key], f"endpoint of {key}", r.url) for key, r in (("a", first), ("b", second))}
        for tenant in ("a", "b"):
            shop.dispatch(tenant, {"order_id": f"order of {tenant}"})
        for tenant, receiver in (("a", first), ("b", second)):
            (request,) = receiver.wait_for(1)
            assert request.payload["data"] == {"order_id": f"order of {tenant}"}
            assert request.verified(secrets[tenant])
            assert not request.verified(secrets["b" if tenant == "a" else "a"])
    for tenant, visit in visits.items():
        visit.open("Deliveries")
        row = visit.portal.get_by_role("table", name="Deliveries").locator("tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("Delivered")
        row.get_by_role("button").click()
        expect(visit.portal.get_by_role("group", name="Payload")).to_contain_text(f"order of {tenant}")
        other = "b" if tenant == "a" else "a"
        for section in ("Deliveries", "Endpoints", "Event types"):
            visit.open(section)
            expect(visit.portal.locator(".main")).not_to_contain_text(re.compile(f"of {other}"))
    visits["a"].open("Deliveries")
    visits["a"].portal.get_by_role("table").get_by_role("button").click()
    expect(visits["a"].portal.get_by_role("group", name="Response headers")).to_contain_text("x-shop: yes")
    expect(visits["a"].portal.get_by_role("group", name="Response", exact=True)).to_have_text("thanks")
    for visit in visits.values():
        visit.close()


def test_another_tenant_by_name(browser: Browser, shop: Shop) -> None:
    """The page may name any tenant: the database decides. One that does not exist is the same error."""
    shop.endpoint("b", "http://127.0.0.1:9/", name="hidden")
    said = []
    for account, tenant in ((ANNA, "b"), (ANNA, "no such"), (STRANGER, "b")):
        visit = Visit(browser, shop, account, tenant)
        expect(visit.portal.get_by_role("alert")).not_to_be_empty()
        said.append(visit.portal.get_by_role("alert").inner_text())
        expect(visit.portal).not_to_contain_text("hidden")
        visit.context.close()
    assert set(said) == {"You have no access to these webhooks, or your sign-in has ended."}


def test_an_endpoint_from_creation_to_deletion(browser: Browser, shop: Shop) -> None:
    """Every action, with what it does in the database."""
    shop.system.serve()
    visit = Visit(browser, shop, ANNA, "a")
    portal, db = visit.portal, shop.system.db

    def stored(column: str) -> object:
        return db.execute(f"select {column} as it from public.webhook_configurations".encode()).fetchone()["it"]  # type: ignore[index]

    with Receiver(answer=lambda _: Reply(418, b"I am a teapot")) as receiver:
        create(visit, "shop", receiver.url)
        # a test, its response in place
        portal.get_by_label("Event", exact=True).select_option("order.paid")
        portal.get_by_role("button", name="Send", exact=True).click()
        expect(portal.get_by_role("region", name="Send a test")).to_contain_text("HTTP 418")
        expect(portal.get_by_role("group", name="Response", exact=True)).to_have_text("I am a teapot")
        assert receiver.received[0].payload["event"] == "order.paid"
        # edit
        portal.get_by_role("button", name="Edit").click()
        expect(portal.get_by_label("Name", exact=True)).to_have_value("shop")
        portal.get_by_label("Name", exact=True).fill("shop 2")
        portal.get_by_label("Only these").check()
        portal.get_by_label("order.refunded").check()
        portal.get_by_label("Rate limit").fill("7")
        portal.get_by_label("Retries").select_option("quick")
        portal.get_by_label("Headers").fill("X-Key: a secret")
        portal.get_by_role("button", name="Save").click()
        expect(portal.get_by_role("heading", name="shop 2")).to_be_focused()
        expect(portal.locator("dl")).to_contain_text("Three attempts within seconds")
        expect(portal.locator("dl")).to_contain_text("X-Key")
        expect(portal).not_to_contain_text("a secret")
        assert (stored("name"), stored("events"), stored("rate_limit_per_second"), stored("retry_schedule")) == (
            "shop 2",
            ["order.refunded"],
            7,
            [2, 4],
        )
        # pause, resume
        portal.get_by_role("button", name="Pause").click()
        expect(portal.locator("header .badge")).to_have_text("Paused")
        assert stored("is_active") is False
        expect(portal.get_by_role("button", name="Send", exact=True)).to_have_count(0)
        portal.get_by_role("button", name="Resume").click()
        expect(portal.get_by_role("button", name="Pause")).to_be_visible()
        assert stored("is_active") is True
        # rotate
        portal.get_by_role("button", name="Rotate secret").click()
        portal.get_by_label("The old secret stays valid for").select_option("72")
        portal.get_by_role("button", name="Rotate secret").click()
        expect(portal.locator(".secret code")).to_have_text(re.compile("^whsec_"))
        portal.get_by_role("button", name="Done").click()
        expect(portal.locator(".main")).to_contain_text("The previous secret is valid until")
        portal.get_by_role("button", name="End it now").click()
        expect(portal.locator(".main")).not_to_contain_text("The previous secret is valid until")
        # delete, with its history
        portal.get_by_role("button", name="Delete").click()
        portal.get_by_label("Delete its deliveries too").check()
        portal.get_by_role("button", name="Delete").click()
        expect(portal.locator(".main")).to_contain_text("No endpoints yet")
    assert db.execute("select from public.webhook_configurations").rowcount == 0
    actions = db.execute(
        "select distinct tenant_id, actor from public.webhook_admin_actions"
        " where webhook_config_id is not null and tenant_id is not null"
    ).fetchall()
    assert actions == [{"tenant_id": "a", "actor": ANNA.email}]
    visit.close()


def test_deliveries_of_a_deleted_endpoint_stay_readable(browser: Browser, shop: Shop) -> None:
    """Unless someone chooses otherwise."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    shop.dispatch("a", {"order_id": "o_1"})
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Delete").click()
    portal.get_by_role("button", name="Delete").click()
    expect(portal.get_by_role("status").filter(has_text="The endpoint is deleted.")).to_be_visible()
    visit.open("Deliveries")
    portal.get_by_role("table").get_by_role("button").click()
    expect(portal.locator("dl")).to_contain_text("shop (deleted)")
    expect(portal.get_by_role("group", name="Payload")).to_contain_text("o_1")
    expect(portal.get_by_role("button", name="Retry now")).to_have_count(0)
    visit.close()


def test_retry_filter_and_replay(browser: Browser, shop: Shop) -> None:
    """A failed delivery is found by its filters and retried; a range is counted first, then sent again."""
    endpoint = shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    for n in range(3):
        shop.dispatch("a", {"order_id": f"o_{n}"})
    db = shop.system.db
    db.execute(
        "update public.webhook_deliveries set status = 'failed', attempts = 3, error_message = 'HTTP 500',"
        " response_status = 500, finished_at = now()"
    )
    shop.dispatch("a", {}, "order.refunded")
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    visit.open("Deliveries")
    rows = portal.get_by_role("table", name="Deliveries").locator("tbody tr")
    expect(rows).to_have_count(4)
    portal.get_by_label("Status").select_option("failed")
    expect(rows).to_have_count(3)
    portal.get_by_label("Event").select_option("order.refunded")
    expect(portal.locator(".main")).to_contain_text("No deliveries match.")
    portal.get_by_label("Event").select_option("")
    expect(rows).to_have_count(3)
    portal.get_by_label("From").fill("2099-01-01T00:00")
    expect(portal.locator(".main")).to_contain_text("No deliveries match.")
    portal.get_by_label("From").fill("2001-01-01T00:00")
    expect(rows).to_have_count(3)
    rows.first.get_by_role("button").click()
    portal.get_by_role("button", name="Retry now").click()
    expect(portal.get_by_text("The delivery is due now.")).to_be_visible()
    assert db.execute("select from public.webhook_deliveries where status = 'failed'").rowcount == 2
    # back: the same filters
    portal.get_by_role("button", name="Deliveries").last.click()
    expect(rows).to_have_count(2)
    visit.open("Endpoints")
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Replay…").click()
    portal.get_by_label("Until").fill("2001-01-01T00:00")
    portal.get_by_role("button", name="Count").click()
    expect(portal.locator(".main")).to_contain_text("0 deliveries match.")
    expect(portal.get_by_role("button", name="Send")).to_have_count(0)
    portal.get_by_label("Until").fill("")
    portal.get_by_role("button", name="Count").click()
    expect(portal.locator(".main")).to_contain_text("2 deliveries match.")
    assert db.execute("select from public.webhook_deliveries where status = 'failed'").rowcount == 2
    portal.get_by_role("button", name="Send 2 again").click()
    expect(portal.locator(".main")).to_contain_text("2 deliveries are due now.")
    assert db.execute("select from public.webhook_deliveries where status = 'failed'").rowcount == 0
    assert db.execute("select from public.webhook_deliveries where webhook_config_id = %s", (endpoint,)).rowcount == 4
    visit.close()


def test_pages(browser: Browser, shop: Shop) -> None:
    """Older deliveries are a page further; the newest page is the one that renews itself."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    for n in range(60):
        shop.dispatch("a", {"order_id": f"o_{n}"})
    visit = Visit(browser, shop, ANNA, "a")
    visit.open("Deliveries")
    rows = visit.portal.locator("tbody tr")
    expect(rows).to_have_count(50)
    visit.portal.get_by_role("button", name="Older").click()
    expect(rows).to_have_count(10)
    visit.portal.get_by_role("button", name="Newest").click()
    expect(rows).to_have_count(50)
    visit.close()


def test_one_who_reads(browser: Browser, shop: Shop) -> None:
    """Sees all and is offered nothing that would be rejected."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    shop.dispatch("a", {"order_id": "o_1"})
    visit = Visit(browser, shop, ARNO, "a")
    portal = visit.portal
    portal.get_by_role("button", name="shop").click()
    expect(portal.get_by_role("heading", name="shop")).to_be_visible()
    for name in ("Edit", "Pause", "Delete", "Rotate secret", "Send", "Replay…"):
        expect(portal.get_by_role("button", name=name, exact=True)).to_have_count(0)
    visit.open("Endpoints")
    expect(portal.get_by_role("button", name="New endpoint")).to_have_count(0)
    visit.open("Deliveries")
    portal.get_by_role("table").get_by_role("button").click()
    expect(portal.get_by_role("group", name="Payload")).to_contain_text("o_1")
    expect(portal.get_by_role("button", name="Retry now")).to_have_count(0)
    visit.close()


@pytest.mark.parametrize(
    ("label", "typed", "said"),
    [
        ("URL", "ftp://example.com/", "ftp"),
        ("URL", "https://user:password@example.com/", "password"),
        ("URL", "", "Enter a URL."),
        ("Name", " ", "Enter a name."),
        ("Rate limit", "1000", "a second"),
        ("Headers", "no colon", "Line 1"),
        ("Headers", "Content-Length: 5", "Content-Length"),
    ],
)
def test_an_error_is_shown_at_its_field(browser: Browser, shop: Shop, label: str, typed: str, said: str) -> None:
    """It has the focus, the input stays, and what is right is saved afterwards."""
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    portal.get_by_role("button", name="New endpoint").click()
    right = {"Name": "shop", "URL": "https://example.com/hook", "Rate limit": "3", "Headers": "X-A: b"}
    for name, value in {**right, label: typed}.items():
        portal.get_by_label(name, exact=name == "Name").fill(value)
    portal.get_by_role("button", name="Save").click()
    field = portal.get_by_label(label, exact=label == "Name")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(portal.locator(f"#{field.get_attribute('id')}-error")).to_contain_text(said)
    for name, value in {**right, label: typed}.items():
        expect(portal.get_by_label(name, exact=name == "Name")).to_have_value(value)
    field.fill(right[label])
    portal.get_by_role("button", name="Save").click()
    expect(portal.locator(".secret code")).to_be_visible()
    visit.complaints = [one for one in visit.complaints if "status of 400" not in one]
    visit.close()


def test_two_people_edit_the_same_endpoint(browser: Browser, shop: Shop) -> None:
    """The second sees what the first changed; the input is kept, and replaces it only if it is saved again."""
    endpoint = shop.endpoint("a", "https://example.com/hook", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal = visit.portal
    portal.get_by_role("button", name="shop").click()
    portal.get_by_role("button", name="Edit").click()
    portal.get_by_label("Name", exact=True).fill("mine")
    shop.system.db.execute(
        "update public.webhook_configurations set url = 'https://example.com/theirs' where id = %s", (endpoint,)
    )
    portal.get_by_role("button", name="Save").click()
    expect(portal.get_by_role("alert").filter(visible=True)).to_contain_text("URL: https://example.com/theirs")
    expect(portal.get_by_label("Name", exact=True)).to_have_value("mine")
    assert shop.system.db.execute("select from public.webhook_configurations where name = 'mine'").rowcount == 0
    portal.get_by_role("button", name="Save").click()
    expect(portal.get_by_role("heading", name="mine")).to_be_visible()
    visit.complaints = [one for one in visit.complaints if "status of 409" not in one]
    visit.close()


def test_it_keeps_itself_current(browser: Browser, shop: Shop) -> None:
    """New deliveries appear, what has the focus or is open stays so; without Supabase it says since when it is old."""
    shop.endpoint("a", "http://127.0.0.1:9/", name="shop")
    visit = Visit(browser, shop, ANNA, "a")
    portal, page = visit.portal, visit.page
    visit.open("Deliveries")
    expect(portal.locator(".main")).to_contain_text("No deliveries.")
    shop.dispatch("a", {"order_id": "o_1"})
    row = portal.locator("tbody tr")
    expect(row).to_have_count(1)
    row.get_by_role("button").focus()
    shop.dispatch("a", {"order_id": "o_2"})
    expect(row).to_have_count(2)
    expect(row.last.get_by_role("button")).to_be_focused()
    page.route("**/rest/v1/**", lambda route: route.abort())
    expect(portal.get_by_role("alert")).to_contain_text("Not up to date since")
    expect(row).to_have_count(2)
    page.unroute("**/rest/v1/**")
    expect(portal.get_by_role("alert")).to_have_count(0)
    visit.complaints = [one for one in visit.complaints if "net::ERR_FAILED" not in one]
    visit.close()


def test_nothing_that_others_write_is_markup(browser: Browser, shop: Shop) -> None:
    """Names, URLs, events' data, what receivers return: all is text, in every view."""
    shop.system.serve()
    shop.system.db.execute("update public.webhook_event_types set description = %s where name = 'order.paid'", (XSS,))
    with Receiver(answer=lambda _: Reply(400, XSS.encode(), {"x-evil": XSS.replace("\n", "")})) as receiver:
        shop.endpoint("a", f"{receiver.url}/?{XSS.replace(' ', '+')}", name=XSS[:200])
        shop.dispatch("a", {"order_id": XSS, "<img src=x onerror='window.pwned=1'>": 1})
        receiver.wait_for(1)
        shop.system.wait(lambda: len(shop.system.attempts()) >= 1)
        visit = Visit(browser, shop, ANNA, "a")
        portal = visit.portal
        visit.page.evaluate("document.querySelector('webhooks-portal').texts = { endpoints: 'Endpoints' }")
        portal.locator("tbody").get_by_role("button").click()
        expect(portal.locator(".main h2")).to_have_text(XSS[:200])
        portal.get_by_role("button", name="Edit").click()
        expect(portal.get_by_label("Name", exact=True)).to_have_value(XSS[:200])
        portal.get_by_label("URL").fill("ftp://example.com/")
        portal.get_by_role("button", name="Save").click()
        expect(portal.locator("#url-error")).to_contain_text("onerror")
        portal.get_by_role("button", name="Cancel").click()
        for action in ("Rotate secret", "Replay…", "Delete"):
            portal.get_by_role("button", name=action).click()
            expect(portal.locator(".main h2")).to_contain_text("onerror")
            portal.get_by_role("button", name="Back" if action == "Replay…" else "Cancel").click()
        visit.open("Event types")
        portal.locator("summary").first.click()
        visit.open("Deliveries")
        portal.get_by_role("table").get_by_role("button").first.click()
        expect(portal.get_by_role("group", name="Payload")).to_contain_text("onerror")
        expect(portal.get_by_role("group", name="Response", exact=True).first).to_contain_text("onerror")
        expect(portal.get_by_role("group", name="Response headers").first).to_contain_text("onerror")
        assert visit.page.evaluate("window.pwned") is None
        assert portal.locator("img, script").count() == 0
        visit.complaints = [one for one in visit.complaints if "status of 400" not in one]
        visit.close()


#: The way to each view: a section, and the buttons to press from there.
VIEWS = [
    ("Endpoints", []), ("Endpoints", ["New endpoint"]), ("Endpoints", ["shop"]), ("Endpoints", ["shop", "Edit"]),
    ("Endpoints", ["shop", "Rotate secret"]), ("Endpoints", ["shop", "Rotate secret", "Rotate secret"]),
    ("Endpoints", ["shop", "Replay…"]), ("Endpoints", ["shop", "Delete"]), ("Event types", []), ("Deliveries", []),
    ("Deliveries", ["row"]),
]  # fmt: skip


def go(page: Page, section: str, steps: list[str]) -> None:
    """Follow a way."""
    portal = page.locator("webhooks-portal")
    portal.get_by_role("navigation").get_by_role("button", name=section).click()
    expect(portal.get_by_role("heading", level=2, name=section)).to_be_focused()
    for step in steps:
        found = (
            portal.locator(".main tbody button").first
            if step == "row"
            else portal.locator(".main").get_by_role("button", name=step, exact=True)
        )
        found.click()
        expect(portal.locator(".main h2")).to_be_focused()


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark"}, {"viewport": {"width": 375, "height": 800}}],
    ids=["light", "dark", "phone"],
)
def test_every_view_is_accessible(browser: Browser, shop: Shop, options: dict[str, object]) -> None:
    """Axe finds nothing, and at 375 px nothing is wider than the page."""
    shop.system.serve()
    with Receiver(answer=lambda _: Reply(500, b"an error " * 30)) as receiver:
        shop.endpoint("a", receiver.url + "/" + "long" * 40, name="shop", retry_schedule=[0])
        shop.endpoint("a", "https://example.com/", name="paused", is_active=False)
        shop.dispatch("a", {"order_id": "o_1" * 50})
        shop.system.wait(lambda: len(shop.system.attempts()) == 2)
    visit = Visit(browser, shop, ANNA, "a", reduced_motion="reduce", **options)
    axe = (install(say=quiet) / "node_modules" / "axe-core" / "axe.min.js").read_text()
    visit.page.evaluate(axe)
    for section, steps in VIEWS:
        go(visit.page, section, steps)
        visit.portal.evaluate("(p) => p.shadowRoot.querySelectorAll('details').forEach((d) => { d.open = true })")
        found = visit.page.evaluate("axe.run().then((r) => r.violations)")
        assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found] == [], (section, steps)
        assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (section, steps)
        assert visit.portal.evaluate(
            "(p) => { const m = p.shadowRoot.querySelector('.main'); return m.scrollWidth <= m.clientWidth }"
        ), (section, steps)
    visit.close()


def test_the_keyboard_is_enough(browser: Browser, shop: Shop) -> None:
    """An endpoint is created without a pointer."""
    visit = Visit(browser, shop, ANNA, "a")
    page, portal = visit.page, visit.portal
    create_button = portal.get_by_role("button", name="New endpoint")
    expect(create_button).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Tab")
    expect(create_button).to_be_focused()
    page.keyboard.press("Enter")
    expect(portal.get_by_role("heading", name="New endpoint")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("typed")
    page.keyboard.press("Tab")
    page.keyboard.type("https://example.com/")
    page.keyboard.press("Enter")
    expect(portal.get_by_role("heading", name="Signing secret of typed")).to_be_focused()
    visit.close()


def test_texts_and_theme(browser: Browser, shop: Shop) -> None:
    """Texts are replaced one by one, colors by custom properties."""
    visit = Visit(browser, shop, ANNA, "a")
    visit.page.evaluate("""() => {
        const portal = document.querySelector("webhooks-portal")
        portal.texts = { endpoints: "Endpunkte", newEndpoint: "Neuer Endpunkt" }
        portal.setAttribute("theme", "dark")
        portal.style.setProperty("--webhooks-accent", "rgb(1, 2, 3)")
    }""")
    portal = visit.portal
    expect(portal.get_by_role("heading", name="Endpunkte")).to_be_visible()
    expect(portal.get_by_role("button", name="Neuer Endpunkt")).to_have_css("background-color", "rgb(1, 2, 3)")
    expect(portal.get_by_role("navigation").get_by_role("button", name="Deliveries")).to_be_visible()
    assert portal.evaluate("(p) => getComputedStyle(p).colorScheme") == "dark"
    visit.page.evaluate("document.querySelector('webhooks-portal').client = null")
    expect(portal).to_contain_text("Set the properties client and tenant")
    visit.close()
