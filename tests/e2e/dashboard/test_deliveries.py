"""Deliveries in a real Chromium: the list and its filters, the panel, keys, selection, live mode, and no JavaScript."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from devstack.receiver import Receiver, Reply
from devstack.sample import fill
from tests.e2e.dashboard.conftest import ADMIN
from tests.e2e.dashboard.test_browser import Visit, browser, count, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response

    from tests.e2e.dashboard.conftest import Site

__all__ = ["browser", "visit"]

WIDE = {"width": 1440, "height": 900}


def ids(page: Page) -> list[str]:
    """Return the ids of the list's rows."""
    return list(page.locator("tbody tr").evaluate_all("(rows) => rows.map((row) => row.dataset.id)"))


def waiting(site: Site, number: int) -> str:
    """Insert deliveries that wait for hours, a second apart; return their endpoint."""
    endpoint = site.system.endpoint("http://127.0.0.1:9/")
    site.system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, created_at, next_attempt_at)"
        " select %s, 'user.joined_community', jsonb_build_object('data', jsonb_build_object('n', n)),"
        " now() - n * interval '1 second', now() + interval '125 minutes' from generate_series(1, %s) n",
        (endpoint, number),
    )
    return endpoint


def test_twenty_rows_with_histogram_and_panel(visit: Visit) -> None:
    """At 1440 x 900 at least 20 deliveries are seen whole, with the histogram above and one of them open."""
    fill(visit.site.system.dsn, 60)
    page = visit.page
    page.set_viewport_size({**WIDE})
    page.goto("/deliveries")
    page.locator("tbody .made a").nth(3).click()
    expect(page.locator("#panel .attempts")).to_be_visible()
    assert page.locator(".histogram").is_visible()
    whole = """(rows) => rows.filter((row) => {
      const box = row.getBoundingClientRect(), middle = box.top + box.height / 2;
      const scroller = row.closest(".scroller").getBoundingClientRect();
      return box.top >= scroller.top && box.bottom <= scroller.bottom
        && row.contains(document.elementFromPoint(box.left + 60, middle));
    }).length"""
    assert page.locator("tbody tr").evaluate_all(whole) >= 20
    panel, listed = page.locator("#panel").bounding_box(), page.locator(".list").bounding_box()
    assert panel is not None
    assert listed is not None
    assert (panel["width"], panel["y"]) == (560, listed["y"])
    # every column that is shown is seen whole
    assert page.locator(".scroller").evaluate("(e) => e.scrollWidth <= e.clientWidth")


def test_a_phone_shows_deliveries_first(visit: Visit) -> None:
    """Above the first one are the sections, a line for the time, one for the search, and the histogram."""
    fill(visit.site.system.dsn, 60)
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/deliveries")
    first, sections = page.locator("tbody tr").first.bounding_box(), page.locator("header").bounding_box()
    assert first is not None
    assert sections is not None
    assert first["y"] - sections["height"] <= 190
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    for name in ("1 h", "Live", "Replay…"):
        box = page.get_by_role("link", name=name, exact=True).bounding_box()
        assert box is not None
        assert box["height"] >= 36
    for menu in ("Status", "Filter"):
        page.locator("summary", has_text=menu).click()
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
        page.keyboard.press("Escape")


def test_an_error_is_said_once(visit: Visit) -> None:
    """By the delivery; an attempt's own error only if it is another one."""
    site, page = visit.site, visit.page
    endpoint = site.system.endpoint("http://127.0.0.1:9/")
    row = site.system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, attempts,"
        " error_message, finished_at) values (%s, 'a.b', '{}', 'failed', 2, 'HTTP 503', now()) returning id::text",
        (endpoint,),
    ).fetchone()
    assert row is not None
    site.system.db.execute(
        "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered, error) values"
        " (%s, 1, now(), 5, false, 'connection refused'), (%s, 2, now(), 5, false, 'HTTP 503')",
        (row["id"], row["id"]),
    )
    page.goto(f"/deliveries/{row['id']}?tab=response")
    expect(page.locator("#panel").get_by_text("HTTP 503")).to_have_count(1)
    page.goto(f"/deliveries/{row['id']}?tab=response&attempt=1")
    expect(page.locator("#panel .tab").get_by_text("connection refused")).to_have_count(1)


def test_a_failed_row_has_its_retry(visit: Visit) -> None:
    """It retries that delivery alone, and the filters stay; a selection, which has its own buttons, hides it."""
    site, page = visit.site, visit.page
    endpoint = site.system.endpoint("http://127.0.0.1:9/")
    site.system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, attempts,"
        " error_message, finished_at) select %s, event, '{}', 'failed', 1, 'HTTP 503', now() "
        " from unnest('{a.b,a.c}'::text[]) as event",
        (endpoint,),
    )
    page.goto("/deliveries?status=failed")
    page.get_by_label("Select a.c").check()
    expect(page.get_by_role("button", name="Retry a.b of")).to_be_hidden()
    page.get_by_label("Select a.c").uncheck()
    page.get_by_role("button", name="Retry a.b of").click()
    expect(page.get_by_role("status")).to_contain_text("1 delivery")
    expect(page).to_have_url(f"{site.url}/deliveries?status=failed")
    expect(page.locator("tbody .event")).to_have_text(["a.c"])


@pytest.mark.parametrize("width", [1130, 1280, 1366, 1600])
def test_columns_fit_next_to_the_panel(visit: Visit, width: int) -> None:
    """Next to the panel the list has fewer columns, and each is whole: none is cut by the panel's edge."""
    fill(visit.site.system.dsn, 20)
    page = visit.page
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/deliveries")
    page.locator("tbody .made a").first.click()
    expect(page.locator("#panel .attempts")).to_be_visible()
    assert page.locator(".scroller").evaluate("(e) => e.scrollWidth <= e.clientWidth")
    edge = page.locator("#panel").bounding_box()
    assert edge is not None
    shown = [".made", ".how", ".event"] if width < 1200 else [".made", ".how", ".event", ".where"]
    for column in shown:
        box = page.locator(f"tbody {column}").first.bounding_box()
        assert box is not None, column
        assert box["x"] + box["width"] <= edge["x"], column
        assert box["width"] >= 100, column


def test_a_delivery_opens_next_to_the_list(visit: Visit) -> None:
    """With an address of its own, which opens the same; back, Escape and Close leave the list as it was."""
    page, site = visit.page, visit.site
    waiting(site, 5)
    page.set_viewport_size({**WIDE})
    page.goto("/deliveries?status=pending")
    page.evaluate("window.same = true")
    first, second, *_ = ids(page)
    page.locator("tbody tr").nth(1).locator(".tries").click()
    expect(page).to_have_url(f"{site.url}/deliveries/{second}?status=pending")
    expect(page.locator("#delivery")).to_have_attribute("data-id", second)
    expect(page.locator("tr.current")).to_have_attribute("data-id", second)
    expect(page).to_have_title(re.compile("user.joined_community"))
    page.get_by_role("button", name="Previous delivery").click()
    expect(page).to_have_url(f"{site.url}/deliveries/{first}?status=pending")
    page.get_by_role("link", name="Response", exact=True).click()
    expect(page.locator(".tab")).to_contain_text("There is no response yet.")
    expect(page).to_have_url(re.compile("tab=response"))
    assert page.evaluate("window.same") is True
    # the address alone
    page.reload()
    expect(page.locator("#delivery")).to_have_attribute("data-id", first)
    expect(page.locator(".tab")).to_contain_text("There is no response yet.")
    assert len(ids(page)) == 5
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{site.url}/deliveries?status=pending")
    expect(page.locator("#delivery")).to_have_count(0)
    page.go_back()
    expect(page.locator("#delivery")).to_have_attribute("data-id", first)
    page.get_by_role("link", name="Close the delivery").click()
    expect(page.locator("#delivery")).to_have_count(0)
    expect(page.locator(f"#open-{first}")).to_be_focused()


def test_the_keys(visit: Visit) -> None:
    """J and k move, Enter opens, r retries, / searches; none does anything while someone types."""
    page, site = visit.page, visit.site
    waiting(site, 4)
    page.set_viewport_size({**WIDE})
    page.goto("/deliveries")
    rows = ids(page)
    for key, at in [("j", 0), ("j", 1), ("j", 2), ("k", 1), ("k", 0), ("k", 0)]:
        page.keyboard.press(key)
        expect(page.locator(f"#open-{rows[at]}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#delivery")).to_have_attribute("data-id", rows[0])
    page.keyboard.press("j")
    expect(page.locator("#delivery")).to_have_attribute("data-id", rows[1])
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jkr/")
    expect(page.get_by_role("searchbox")).to_have_value("jkr/")
    assert count(site, "select count(*) from public.webhook_admin_actions where action like 'retry%'") == 0
    page.goto("/deliveries")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("r")
    expect(page.get_by_role("status")).to_contain_text("1 delivery is due now.")
    due = f"select count(*) from public.webhook_deliveries where next_attempt_at <= now() and id = '{rows[1]}'"
    assert count(site, due) == 1


def test_filters_are_chips_in_the_address(visit: Visit) -> None:
    """Each is one chip; removing it widens the list; the search box makes one of what is typed."""
    page, site = visit.page, visit.site
    endpoint = waiting(site, 3)
    site.system.db.execute(
        "update public.webhook_deliveries set status = 'failed', response_status = 503, attempts = 1"
        " where payload #>> '{data,n}' = '2'"
    )
    page.goto("/deliveries")
    row = site.system.db.execute(
        "select id, request_id from public.webhook_deliveries where status = 'failed'"
    ).fetchone()
    assert row is not None
    for typed, url, rows in [
        ("503", r"\?response_status=503", 1),
        ("data.n=3", r"\?payload_path=data.n&payload_value=3", 1),
        ("failed", r"\?status=failed", 1),
        ("user.joined_community", r"\?event_type=user.joined_community", 3),
        (str(row["request_id"]), r"\?request_id=", 1),
    ]:
        page.goto("/deliveries")
        page.get_by_role("searchbox").fill(typed)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(url))
        expect(page.locator("tbody tr")).to_have_count(rows)
        expect(page.locator(".chip")).to_have_count(1)
    page.get_by_role("searchbox").fill(str(row["id"]))
    page.keyboard.press("Enter")
    expect(page.locator("#delivery")).to_have_attribute("data-id", str(row["id"]))

    page.goto("/deliveries?range=1h")
    page.get_by_text("Status", exact=True).first.click()
    page.get_by_role("link", name="failed").click()
    expect(page).to_have_url(re.compile(r"deliveries\?(range=1h&status=failed|status=failed&range=1h)$"))
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Endpoint").select_option("receiver")
    page.get_by_label("Status code").fill("503")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".chip")).to_have_count(3)
    expect(page.locator("tbody tr")).to_have_count(1)
    assert f"webhook_config_id={endpoint}" in page.url
    # what the list had is kept while one is open
    page.locator("tbody .made a").click()
    expect(page).to_have_url(re.compile(f"{row['id']}\\?.*response_status=503.*range=1h"))
    page.go_back()
    for left in (2, 1, 0):
        page.get_by_role("link", name="Remove the filter").first.click()
        expect(page.locator(".chip")).to_have_count(left)
    expect(page.locator("tbody tr")).to_have_count(3)


@pytest.mark.parametrize(
    "address",
    ["?event=x", "?status=odd", "?response_status=nan", "?response_status=inf", "?response_status=9", "?range=2h",
     "?created_from=soon", "?request_id=1", "?webhook_config_id=x", "?before_id=x", "?created_from=9999-12-31T23:59"],
)  # fmt: skip
def test_what_is_not_a_filter(visit: Visit, address: str) -> None:
    """Lists nothing, and says why: never everything, and never an error 500."""
    page = visit.page
    waiting(visit.site, 2)
    response: Response | None = page.goto(f"/deliveries{address}")
    assert response is not None
    assert response.status == 200
    if "9999" not in address:
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(0)


def test_many_are_skipped_or_retried(visit: Visit) -> None:
    """What is checked replaces the pages' line; skipped ones fail, name the person, and can be retried."""
    page, site = visit.page, visit.site
    waiting(site, 4)
    page.goto("/deliveries?status=pending")
    expect(page.get_by_role("button", name="Skip selected")).to_be_hidden()
    rows = ids(page)
    for row in rows[:2]:
        page.locator(f"#pick-{row}").check()
    expect(page.locator("#chosen")).to_contain_text("2 selected")
    page.get_by_role("button", name="Skip selected").click()
    expect(page.get_by_role("status")).to_have_text("2 deliveries were skipped and failed.")
    expect(page).to_have_url(re.compile("status=pending"))
    expect(page.locator("tbody tr")).to_have_count(2)
    page.goto(f"/deliveries/{rows[0]}?tab=timeline")
    expect(page.locator("#panel .status")).to_have_text("failed")
    expect(page.locator("#panel .attempts")).to_contain_text(f"skipped by {ADMIN.email}")
    expect(page.locator(".timeline li").last).to_contain_text(f"Skipped by {ADMIN.email}")
    page.goto("/deliveries?status=failed")
    page.get_by_label("Select all on this page").check()
    expect(page.locator("#chosen")).to_contain_text("2 selected")
    page.get_by_role("button", name="Skip selected").click()
    expect(page.get_by_role("status")).to_contain_text("2 were not changed: only pending ones can be skipped")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Retry selected").click()
    expect(page.get_by_role("status")).to_contain_text("2 deliveries are due now.")


def test_attempts_over_time(visit: Visit) -> None:
    """A bar for each attempt and one for each wait before it; each leads to what was received, with its headers."""
    page, system = visit.page, visit.site.system
    replies = [Reply(500, b'{"error": {"code": 12345678901234567890, "why": "<b>"}}'), Reply(503, b"busy")]
    with Receiver(answer=lambda _: replies.pop(0) if replies else Reply()) as receiver:
        system.endpoint(receiver.url)
        system.db.execute("update public.webhook_configurations set retry_schedule = '{1,1}'")
        system.worker()
        system.dispatch()
        system.wait_for_status("delivered", 1)
    page.goto("/deliveries")
    page.locator("tbody .made a").click()
    expect(page.locator("#panel .attempts li")).to_have_count(3)
    assert page.locator("#panel rect.failed").count() == 2
    assert page.locator("#panel rect.delivered").count() == 1
    boxes = [bar.bounding_box() for bar in page.locator("#panel li rect:not(.wait)").all()]
    waits = [bar.bounding_box() for bar in page.locator("#panel li rect.wait").all()][-2:]
    places = [(box["x"], box["x"] + box["width"]) for box in boxes if box]
    assert places == sorted(places)
    # a wait reaches from the attempt before it to its own
    for n, wait in enumerate(waits):
        assert wait is not None
        assert abs(wait["x"] - places[n][1]) < 8
        assert abs(wait["x"] + wait["width"] - places[n + 1][0]) < 3
        assert wait["width"] > 40
    page.locator("#attempt-1").click()
    expect(page.locator(".tab")).to_contain_text("Response to attempt 1")
    expect(page.locator(".tab .json .number")).to_have_text("12345678901234567890")
    expect(page.locator(".tab .json .string").first).to_have_text('"<b>"')
    page.locator("#attempt-2").click()
    expect(page.locator("#response")).to_have_text("busy")
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator(".timeline")).to_contain_text("Attempt 3 delivered")


def test_json_is_colored_and_folds(visit: Visit) -> None:
    """Every kind of value has its color, every digit is kept, and an object folds."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload) select id, 'x.y', %s::jsonb"
        " from public.webhook_configurations",
        ('{"a": {"deep": [1.10, 9007199254740993]}, "b": null, "c": true, "d": "</script>"}',),
    )
    page.goto("/deliveries")
    page.locator("tbody .made a").click()
    shown = page.locator("#panel .json")
    expect(shown.locator(".number")).to_have_text(["1.10", "9007199254740993"])
    expect(shown.locator(".null")).to_have_text("null")
    expect(shown.locator(".boolean")).to_have_text("true")
    colors = {
        shown.locator(kind).first.evaluate("(e) => getComputedStyle(e).color")
        for kind in (".key", ".string", ".number", ".boolean", ".null")
    }
    assert len(colors) == 5
    shown.locator("summary", has_text='"a"').click()
    expect(shown.locator(".number").first).to_be_hidden()
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"), parse_float=str)
    assert copied["a"]["deep"] == ["1.10", 9007199254740993]
    page.get_by_role("button", name="Copy the delivery id").click()
    expect(page.get_by_role("button", name="Copy the delivery id")).to_have_text("Copied")
    assert page.url.endswith(page.evaluate("navigator.clipboard.readText()"))


def test_live_mode_does_not_jump(visit: Visit) -> None:
    """New rows come by themselves; while someone reads, they wait behind a button, and nothing moves."""
    page, system = visit.page, visit.site.system
    waiting(visit.site, 40)
    page.set_viewport_size({**WIDE})
    page.goto("/deliveries?live=1")
    page.mouse.move(5, 5)
    system.dispatch()
    expect(page.locator("tbody tr")).to_have_count(41)
    # reading: scrolled down
    scroller = page.locator(".scroller")
    scroller.evaluate("(e) => { e.scrollTop = 100 }")
    row = page.locator("tbody tr").nth(10)
    before = row.bounding_box()
    system.dispatch(2)
    button = page.get_by_role("button", name="2 new deliveries")
    expect(button).to_be_visible()
    assert row.bounding_box() == before
    # what changes is shown in its place
    system.db.execute("update public.webhook_deliveries set status = 'delivered', attempts = 1")
    expect(row.locator(".status")).to_have_text("delivered")
    assert row.bounding_box() == before
    button.click()
    expect(page.locator("tbody tr")).to_have_count(43)
    # and with the keyboard in the list
    page.locator("tbody .made a").nth(2).focus()
    focused = page.evaluate("document.activeElement.id")
    system.dispatch()
    expect(page.get_by_role("button", name="1 new delivery")).to_be_visible()
    assert page.evaluate("document.activeElement.id") == focused


def test_without_javascript(browser: Browser, site: Site) -> None:
    """The list, a delivery as a page, filters, the histogram, tabs and a retry are links and forms."""
    waiting(site, 3)
    visit = Visit(browser, site, java_script_enabled=False, viewport={**WIDE})
    page = visit.sign_in()
    page.goto("/deliveries")
    first = page.locator("tbody .made a").first
    opened = first.get_attribute("href")
    first.click()
    expect(page).to_have_url(f"{site.url}{opened}")
    expect(page.locator("#panel .json")).to_be_visible()
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator(".timeline")).to_contain_text("Dispatched as user.joined_community")
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("status")).to_contain_text("due now")
    page.get_by_role("link", name="Close the delivery").click()
    page.locator("tbody input").nth(1).check()
    page.get_by_role("button", name="Skip selected").click()
    expect(page.get_by_role("status")).to_have_text("1 delivery was skipped and failed.")
    page.get_by_text("Status", exact=True).first.click()
    page.get_by_role("link", name="failed").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    visit.context.close()
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("reply", "kind", "words"), [(200, "done", "Delivered in"), (500, "error", "Failed: HTTP 500")]
)
def test_the_message_says_how_it_went(visit: Visit, reply: int, kind: str, words: str) -> None:
    """No "will be sent in a moment" stays over a test that failed, nor "Retry now" over one that was delivered."""
    page, system = visit.page, visit.site.system
    with Receiver(answer=lambda _: Reply(reply)) as receiver:
        endpoint = system.endpoint(receiver.url, max_attempts=1)
        page.goto(f"/endpoints/{endpoint}")
        page.get_by_role("button", name="Send test event").click()
        expect(page.locator("#test-state")).to_contain_text("The test waits for a worker.")
        page.get_by_role("link", name="Open the delivery").click()
        page.get_by_role("button", name="Retry now").click()
        expect(page.get_by_role("status")).to_have_text("The delivery is due now and will be sent in a moment.")
        expect(page.locator("#flash .sent")).to_be_visible()
        expect(page.get_by_role("button", name="Retry now")).to_be_visible()
        system.worker()
        expect(page.locator(f"#flash .{kind}")).to_contain_text(words)
        expect(page.locator("#flash p")).to_have_count(1)
        expect(page.locator("#panel .facts .status")).to_have_text("delivered" if reply == 200 else "failed")
        expect(page.get_by_role("button", name="Send again" if reply == 200 else "Retry now")).to_be_visible()


def test_a_page_that_is_not_current_says_so(visit: Visit) -> None:
    """While its data cannot be loaded; and no longer once it is."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch()
    addresses: list[str] = ["/", "/deliveries?live=1", f"/deliveries/{system.rows()[0]['id']}"]
    for address in addresses:
        page.goto(address)
        notice = page.locator("#stale")
        expect(notice).to_be_hidden()
        page.route(re.compile("figures|rows|state|series"), lambda route: route.fulfill(status=503))
        expect(notice).to_contain_text("This page is not current")
        assert notice.get_attribute("role") == "alert"
        page.unroute_all()
        page.route(re.compile("figures|rows|state|series"), lambda route: route.abort())
        expect(notice).to_be_visible()
        page.unroute_all()
        expect(notice).to_be_hidden()
    # Chromium reports each failure
    assert [text for text in visit.complaints if "Failed to load" not in text and "htmx" not in text.lower()
            and "Response Status" not in text] == []  # fmt: skip
    visit.complaints.clear()


def test_what_renews_itself_leaves_the_focus(visit: Visit) -> None:
    """On the overview and in a panel, the focused element stays the same one, and what is open stays open."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch()

    def renewed(part: str) -> Any:
        return page.expect_response(lambda response: part in response.url and response.ok)

    for address, focused, part in (
        ("/", "[data-figure='Failed'] >> xpath=.. >> a", "/figures"),
        (f"/deliveries/{system.rows()[0]['id']}", "#as-curl summary", "/state"),
    ):
        page.goto(address)
        element = page.locator(focused).first
        element.focus()
        if "curl" in focused:
            page.keyboard.press("Enter")
        page.evaluate("window.focused = document.activeElement")
        assert page.evaluate("document.activeElement !== document.body")
        for _ in range(2):
            with renewed(part):
                pass
        page.wait_for_timeout(200)
        assert page.evaluate("document.activeElement === window.focused && window.focused.isConnected"), address
        if "curl" in focused:
            expect(page.locator("#curl")).to_be_visible()


def test_times_are_local_with_utc_at_hand(browser: Browser, site: Site) -> None:
    """In the browser's time zone; the title has UTC."""
    waiting(site, 1)
    site.system.db.execute("update public.webhook_deliveries set created_at = '2026-01-29T22:15:07Z'")
    visit = Visit(browser, site, timezone_id="Asia/Tokyo", locale="de-DE")
    page = visit.sign_in()
    page.goto("/deliveries")
    time = page.locator("tbody .made time")
    expect(time).to_have_text(re.compile("30 Jan.* 07:15:07"))
    expect(time).to_have_attribute("title", re.compile("29 Jan.* 22:15:07 UTC"))
    visit.context.close()
    assert visit.complaints == []
