"""The dashboard in a real Chromium: each page, each action, and nothing that an outsider writes runs as script."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect
from standardwebhooks import Webhook

from devstack.browser import chromium, program
from devstack.node import install
from devstack.receiver import Receiver, Reply
from devstack.sample import fill
from supabase_webhooks.gateway.dashboard.admission import WRONG
from tests.conftest import quiet
from tests.e2e.dashboard.conftest import ADMIN, USER, Site
from tests.e2e.watched import Watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from devstack.admins import Account

#: Milliseconds. Pages renew themselves every 2 to 5 s, and the machine may be busy.
expect.set_options(timeout=30_000)

PHONE = {"width": 390, "height": 844}

#: Runs if it is ever taken for HTML, and breaks out of an attribute or a script's text first.
XSS = '"\'></script><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>{{7*7}}${7*7}'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for this module; one that the machine lacks is skipped at home, fails in CI."""
    if program() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set CHROMIUM to its path)")
    with chromium() as browser:
        yield browser


def submit_sign_in(page: Page, account: Account = ADMIN) -> None:
    """Fill in the form of the sign-in page, and send it."""
    page.get_by_label("E-mail").fill(account.email)
    page.get_by_label("Password").fill(account.password)
    page.get_by_role("button", name="Sign in").click()


class Visit(Watched):
    """A page, signed in, with all that the browser complained about."""

    def __init__(self, browser: Browser, site: Site, **options: Any) -> None:
        super().__init__(browser, site.url, **options)
        self.site = site

    def sign_in(self, account: Account = ADMIN) -> Page:
        """Fill in the form."""
        self.page.goto("/sign-in")
        submit_sign_in(self.page, account)
        return self.page


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Visit]:
    """A signed-in admin's page; the test fails when the browser complained, be it of the Content-Security-Policy."""
    visit = Visit(browser, site)
    visit.sign_in()
    expect(visit.page).to_have_url(f"{site.url}/")
    yield visit
    visit.context.close()
    assert visit.complaints == []


def figure(page: Page, name: str) -> int:
    """Return a figure of the overview."""
    text = page.locator(f"[data-figure='{name}'] .value").inner_text()
    return int(re.sub(r"[^0-9]", "", text.split(".")[0]))


def count(site: Site, sql: str) -> int:
    """Return a count made in SQL."""
    row = site.system.db.execute(sql.encode()).fetchone()
    assert row is not None
    return int(next(iter(row.values())) or 0)


def every_page(site: Site) -> list[str]:
    """Return the address of each page, with an endpoint, whose URL has a warning, and a delivery of each status."""
    site.system.db.execute(
        "update public.webhook_circuits set url_checked_at = now(), url_warning ="
        " 'The certificate of hook.example.com:443 is not accepted (certificate has expired): renew it.'"
    )
    rows = site.system.db.execute(
        "select distinct on (status) id from public.webhook_deliveries order by status, attempts desc"
    ).fetchall()
    endpoint = site.system.db.execute("select id from public.webhook_configurations order by name limit 1").fetchone()
    assert endpoint is not None
    site.system.db.execute(
        "select public.revoke_webhook_api_token((public.create_webhook_api_token('old', '{read}') ->> 'id')::uuid)"
    )
    site.system.db.execute("select public.create_webhook_api_token(%s, '{read,manage,dispatch}')", (XSS[:100],))
    token = site.system.db.execute("select id from webhooks.api_tokens where revoked_at is null limit 1").fetchone()
    assert token is not None
    return [
        "/", "/endpoints", "/endpoints/new", f"/endpoints/{endpoint['id']}", f"/endpoints/{endpoint['id']}/edit",
        f"/endpoints/{endpoint['id']}/delete",
        "/deliveries", "/deliveries?status=failed", "/deliveries?live=1", "/deliveries?status=odd",
        *[f"/deliveries/{row['id']}?tab={tab}" for row in rows for tab in ("request", "response", "timeline")],
        "/replay", "/replay?status=failed", "/events", "/runs", "/trigger-errors", "/tokens",
        f"/tokens/{token['id']}/revoke", f"/endpoints/{endpoint['id']}?span=7d", "/events/attach",
    ]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
def test_every_page_is_accessible(browser: Browser, site: Site, options: dict[str, Any]) -> None:
    """Axe finds nothing, the browser complains of nothing, and at 390 px nothing is wider than the page."""
    fill(site.system.dsn, 60)
    visit = Visit(browser, site, **options)
    page = visit.page
    axe = (install(say=quiet) / "node_modules" / "axe-core" / "axe.min.js").read_text()
    addresses = every_page(site)
    page.goto("/sign-in")
    for address in ["/sign-in", *addresses]:
        if address == addresses[0]:
            visit.sign_in()
        page.goto(address)
        if address == "/":
            page.wait_for_selector("#chart[data-drawn] canvas")
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        page.evaluate(axe)
        found = page.evaluate("axe.run().then((r) => r.violations)")
        assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found] == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address} is too wide"
    visit.context.close()
    # the page with an unknown status returns 200 with an error message
    assert visit.complaints == []


def test_every_figure_on_the_overview_is_a_count(visit: Visit) -> None:
    """What the cards say equals what SQL counts; and the chart's table adds up to the same."""
    site = visit.site
    fill(site.system.dsn, 300)
    visit.page.goto("/")
    hour = "from public.webhook_deliveries where created_at > now() - interval '1 hour'"
    tried = "from public.webhook_attempts where started_at > now() - interval '1 hour'"
    circuits = (
        "select count(*) from public.webhook_circuits h join public.webhook_configurations c"
        " on c.id = h.webhook_config_id where c.is_active and h.state ="
    )
    for name, sql in {
        "Total deliveries": f"select count(*) {hour}",
        "Successful": f"select count(*) {hour} and status = 'delivered'",
        "Failed": f"select count(*) {hour} and status = 'failed'",
        "Pending": f"select count(*) {hour} and status in ('pending', 'processing')",
        "Open": f"{circuits} 'open'",
        "Half-open": f"{circuits} 'half_open'",
        "Closed": f"{circuits} 'closed'",
        "Latency (p95)": f"select duration_ms {tried} order by 1 offset"
        f" (select ceil(0.95 * count(*))::integer - 1 {tried}) limit 1",
        "Max latency": f"select max(duration_ms) {tried}",
    }.items():
        assert figure(visit.page, name) == count(site, sql), name
    total = figure(visit.page, "Total deliveries")
    share = visit.page.locator("[data-figure='Successful'] .share").inner_text()
    assert share == f"({round(100 * figure(visit.page, 'Successful') / total)}%)"
    visit.page.wait_for_selector("#chart[data-drawn] canvas")
    visit.page.get_by_text("The same as a table").click()
    cells = visit.page.locator("#chart-table tbody tr").evaluate_all(
        "(rows) => rows.map((r) => [1, 2, 3].map((i) => Number(r.cells[i].textContent)))"
    )
    assert len(cells) == 60
    # the first of 60 buckets by the clock begins less than an hour ago
    since = "date_trunc('minute', now()) - interval '59 minutes'"
    drawn = count(site, f"select count(*) from public.webhook_deliveries where created_at >= {since}")
    assert abs(sum(map(sum, cells)) - drawn) <= 10, "a minute may end between the two"
    visit.page.get_by_role("button", name="24 hours").click()
    visit.page.wait_for_selector("#chart[data-drawn='24h']")
    expect(visit.page.locator("#chart-table tbody tr")).to_have_count(96)


def test_the_overview_renews_itself(visit: Visit) -> None:
    """An event that is dispatched while one looks shows up, without a reload."""
    visit.site.system.endpoint("http://127.0.0.1:9/")
    visit.page.goto("/")
    visit.page.evaluate("window.same = true")
    assert figure(visit.page, "Total deliveries") == 0
    visit.site.system.dispatch(3)
    expect(visit.page.locator("[data-figure='Total deliveries'] .value")).to_have_text("3")
    assert visit.page.evaluate("window.same") is True


def test_sign_in_refused(browser: Browser, site: Site) -> None:
    """With one message for a wrong password and for a user who is not an admin; then the requested page comes."""
    visit = Visit(browser, site)
    page = visit.page
    page.goto("/runs")
    expect(page).to_have_url(f"{site.url}/sign-in?next=%2Fruns")
    for account in (USER, ADMIN._replace(password="a wrong one")):
        visit.sign_in(account)
        expect(page.get_by_role("alert")).to_have_text(WRONG)
    page.goto("/runs")
    page.get_by_label("E-mail").fill(ADMIN.email)
    page.get_by_label("Password").fill(ADMIN.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}/runs")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{site.url}/sign-in")
    visit.context.close()
    # Chromium reports the responses with status 400
    assert all("status of 40" in text for text in visit.complaints), visit.complaints


def test_the_life_of_an_endpoint(visit: Visit) -> None:
    """Made, tested, edited, rotated, disabled and enabled by clicks; its secret is shown once, and verifies."""
    page = visit.page
    visit.site.system.worker()
    with Receiver() as receiver:
        page.goto("/endpoints")
        page.get_by_role("link", name="New endpoint").click()
        page.get_by_label("Name", exact=True).fill("n8n")
        page.get_by_label("URL").fill(receiver.url)
        page.get_by_role("button", name="Delivery").click()
        page.get_by_label("Extra headers").fill('{"X-Team": "geheim"}')
        page.get_by_role("button", name="Create endpoint").click()
        secret = page.locator("#secret").inner_text()
        page.get_by_role("link", name="View endpoint").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("n8n")
        assert secret not in page.content()
        assert "geheim" not in page.content()
        address = page.url

        # a test goes out, and its response appears without a reload
        page.get_by_role("button", name="Send test event").click()
        expect(page.locator("#test-state")).to_contain_text("HTTP 200")
        (request,) = receiver.wait_for(1)
        assert request.verified(secret)
        assert request.headers["x-team"] == "geheim"

        page.goto(address)
        page.get_by_role("link", name="Edit").click()
        page.get_by_label("Name", exact=True).fill("N8N")
        page.get_by_label("all (*)").uncheck()
        page.get_by_label("user.joined_community").check()
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("N8N")
        expect(page.get_by_text("X-Team")).to_be_visible()

        page.get_by_text("Rotate secret…").click()
        page.get_by_role("button", name="Rotate secret", exact=True).click()
        new = page.locator("#secret").inner_text()
        assert new != secret
        # sending the form again makes no third secret
        page.reload()
        expect(page.locator("#secret")).to_have_count(0)
        visit.site.system.dispatch()
        request = receiver.wait_for(2)[-1]
        # during the overlap both verify; what holds one signature, for old receivers, keeps the old secret's
        assert request.verified(secret)
        assert Webhook(new).verify(request.body, request.headers)

    page.goto(address)
    page.get_by_text("Pause…").click()
    page.get_by_role("button", name="Pause endpoint").click()
    expect(page.get_by_text("Its deliveries are held until you resume it.").first).to_be_visible()
    expect(page.get_by_role("button", name="Send test event")).to_be_disabled()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Send test event")).to_be_enabled()


def test_what_is_wrong_with_an_endpoint_is_said_beside_the_form(visit: Visit) -> None:
    """And what was filled in is still there."""
    page = visit.page
    page.goto("/endpoints/new")
    page.get_by_label("Name", exact=True).fill("bad one")
    page.get_by_label("URL").fill("ftp://example.com")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not a URL for HTTPS")
    expect(page.get_by_label("Name", exact=True)).to_have_value("bad one")
    assert [text for text in visit.complaints if "400" not in text] == []
    visit.complaints.clear()


def test_retries_and_expiry_of_an_endpoint(visit: Visit) -> None:
    """Standard unless chosen otherwise; the page says each in words, and the form shows what is set."""
    page = visit.page
    page.goto("/endpoints/new")
    page.get_by_label("Name", exact=True).fill("n8n")
    page.get_by_label("URL").fill("https://example.com/hook")
    page.get_by_role("button", name="Delivery").click()
    expect(page.get_by_label("Standard: ten attempts over three days")).to_be_checked()
    page.get_by_role("button", name="Create endpoint").click()
    with page.expect_event("load"):
        page.get_by_role("link", name="View endpoint").click()
    address, settings = page.url, page.locator("section", has_text="Settings")
    expect(settings).to_contain_text("ten attempts over three days")
    expect(settings).to_contain_text("after 5 s, 5 min, 30 min, 2 h")

    def edit(retry: str, field: str = "", value: str = "") -> None:
        page.goto(f"{address}/edit")
        page.get_by_label(retry).check()
        if field:
            page.get_by_label(field, exact=True).fill(value)
        page.get_by_role("button", name="Save").click()

    edit("Quick")
    expect(settings).to_contain_text("three attempts over six seconds")
    edit("Attempts, with waits", "Attempts", "7")
    expect(settings).to_contain_text("seven attempts over two minutes")
    seconds = "Seconds to wait after each attempt"
    edit("Custom", seconds, "soon")
    expect(page.get_by_role("alert")).to_contain_text("use standard, quick, or seconds such as 5, 300, 1800")
    expect(page.get_by_label("Custom")).to_be_checked()
    expect(page.get_by_label(seconds, exact=True)).to_have_value("soon")
    visit.complaints.clear()  # the 400 of the form
    edit("Custom", seconds, "5, 300 7200")
    expect(settings).to_contain_text("four attempts over two hours")
    page.goto(f"{address}/edit")
    expect(page.get_by_label("Custom")).to_be_checked()
    expect(page.get_by_label(seconds, exact=True)).to_have_value("5, 300, 7200")
    page.get_by_label("Expires after").fill("36 hours")
    page.get_by_role("button", name="Save").click()
    expect(settings).to_contain_text("36 hours")
    page.goto(f"{address}/edit")
    expect(page.get_by_label("Expires after")).to_have_value("36 hours")


def test_the_life_of_an_api_token(visit: Visit) -> None:
    """Created, copied and revoked by clicks; axe finds nothing on the page that shows it."""
    page = visit.page
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/")
    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("Name").fill("ci")
    page.get_by_label("Read:").check()
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Token created")
    page.evaluate((install(say=quiet) / "node_modules" / "axe-core" / "axe.min.js").read_text())
    assert page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))") == []
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    token = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"whk_[0-9a-f]{64}", token)
    get = f"{visit.site.url}/api/v1/stats"
    assert httpx.get(get, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code == 200
    page.reload()
    expect(page.locator("#token")).to_have_count(0)
    page.get_by_role("link", name="View tokens").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text(token[:12])
    page.get_by_role("link", name="Revoke ci").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("status")).to_contain_text("ci was revoked.")
    expect(page.locator("tbody .status")).to_have_text("revoked")
    assert httpx.get(get, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code == 401


def test_what_waits_says_why_and_is_retried(visit: Visit) -> None:
    """Lists and pages say "next attempt in 2 h"; a selection or an endpoint's are retried by a click."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/")
    system.dispatch(4)
    system.db.execute(
        "update public.webhook_deliveries set next_attempt_at = now() + interval '125 minutes', attempts = 1"
    )
    page.goto("/deliveries?status=pending")
    expect(page.locator("tbody .waits")).to_have_text(["next attempt in 2 h"] * 4)
    for box in page.locator("tbody .pick input").all()[:2]:
        box.check()
    page.get_by_role("button", name="Retry selected").click()
    expect(page.get_by_role("status")).to_contain_text("2 deliveries are due now.")
    expect(page).to_have_url(re.compile("status=pending"))
    expect(page.locator("tbody .waits", has_text="next attempt in 2 h")).to_have_count(2)

    page.locator("tbody tr", has_text="next attempt in 2 h").first.locator(".made a").click()
    expect(page.locator("dl.facts")).to_contain_text("next attempt in 2 h")
    page.goto(f"/endpoints/{endpoint}")
    page.get_by_role("button", name="Retry waiting deliveries now").click()
    expect(page.get_by_role("status")).to_contain_text("2 deliveries are due now.")
    assert count(visit.site, "select count(*) from public.webhook_deliveries where next_attempt_at > now()") == 0

    # behind an open circuit, and at a paused endpoint, it says so, however long it is due
    system.db.execute("update public.webhook_deliveries set next_attempt_at = now() - interval '38 seconds'")
    system.db.execute("update public.webhook_circuits set state = 'open', open_until = now() + interval '4.9 minutes'")
    page.goto("/deliveries")
    circuit = "next attempt in 5 min: the endpoint is failing, and its circuit is open"
    expect(page.locator("tbody .waits")).to_have_text([circuit] * 4)
    page.goto(f"/endpoints/{endpoint}")
    page.get_by_text("Pause…").click()
    page.get_by_role("button", name="Pause endpoint").click()
    page.goto("/deliveries")
    expect(page.locator("tbody .waits")).to_have_text(["waiting: the endpoint is paused"] * 4)
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Retry selected").click()
    expect(page.get_by_role("status")).to_contain_text("4 were not changed: their endpoint is inactive")


def test_the_end_of_an_overlap(visit: Visit) -> None:
    """During an overlap the page says which header keeps the old secret, and ends it by a click."""
    page = visit.page
    endpoint = visit.site.system.endpoint("http://127.0.0.1:9/")
    page.goto(f"/endpoints/{endpoint}")
    expect(page.get_by_role("button", name="End the overlap now")).to_have_count(0)
    page.get_by_text("Rotate secret…").click()
    page.get_by_role("button", name="Rotate secret", exact=True).click()
    expect(page.get_by_text("X-Webhook-Signature keeps the old secret")).to_be_visible()
    page.get_by_role("link", name="View endpoint").click()
    expect(page.get_by_role("region", name="Secret")).to_contain_text("keeps the old secret")
    page.get_by_text("End the overlap…").click()
    page.get_by_role("button", name="End the overlap now").click()
    expect(page.get_by_role("status")).to_contain_text("The overlap has ended")
    expect(page.get_by_role("button", name="End the overlap now")).to_have_count(0)
    assert count(visit.site, "select count(*) from webhooks.previous_secrets") == 0


def test_retry_and_copy_as_curl(visit: Visit) -> None:
    """A failed delivery is retried by a click; the copied command sends the very same bytes."""
    responses = [Reply(500, b"<h1>broken</h1>", {"X-Request-Id": "<b>7</b>", "Set-Cookie": "sid=pssst"})]
    page = visit.page
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    with Receiver(answer=lambda _: responses.pop(0) if responses else Reply()) as receiver:
        visit.site.system.endpoint(receiver.url + "/hook?a=[1]&b='x'")
        visit.site.system.db.execute("update public.webhook_configurations set max_attempts = 1")
        visit.site.system.worker()
        visit.site.system.dispatch(1, {**json.loads('{"community_id": "1", "community_city": "Zürich"}'),
                                       "community_name": "it's $HOME `id` \\ \"quoted\" 🎉"})  # fmt: skip
        visit.site.system.wait_for_status("failed", 1)
        page.goto("/deliveries")
        page.locator("tbody .made a").click()
        page.get_by_role("link", name="Response", exact=True).click()
        expect(page.locator("#response")).to_have_text("<h1>broken</h1>")
        shown = page.locator(".tab dl.headers div")
        expect(shown.filter(has_text="x-request-id").locator("dd")).to_have_text("<b>7</b>")
        expect(shown.filter(has_text="set-cookie").locator("dd")).to_have_text("hidden")
        assert "pssst" not in page.content()
        page.get_by_role("button", name="Retry now").click()
        expect(page.locator(".facts .status")).to_have_text("delivered")
        page.get_by_role("link", name="Timeline").click()
        expect(page.locator(".timeline")).to_contain_text(f"Retried by {ADMIN.email}")
        page.get_by_role("link", name="Request", exact=True).click()
        page.get_by_role("button", name="Copy as curl").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        command = page.evaluate("navigator.clipboard.readText()")
        subprocess.run(["bash", "-c", command], check=True, capture_output=True)
        first, again, by_curl = receiver.wait_for(3)
    assert first.body == again.body == by_curl.body
    assert by_curl.headers["webhook-id"] == first.headers["webhook-id"]
    assert by_curl.path == first.path


def test_search_pages_and_live_tail(visit: Visit) -> None:
    """A payload field finds its one row; pages hold each row once; a new row comes by itself."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
        " select id, 'user.joined_community', jsonb_build_object('data', jsonb_build_object('community_id', 'c' || n))"
        " from public.webhook_configurations, generate_series(1, 120) n"
    )
    page.goto("/deliveries")
    seen: set[str] = set()
    for rows in (50, 50, 20):
        expect(page.locator("tbody tr")).to_have_count(rows)
        seen |= set(page.locator("tbody .made a").evaluate_all("(links) => links.map((a) => a.href)"))
        if rows == 50:
            page.get_by_role("link", name="Older").click()
    assert len(seen) == 120
    page.goto("/deliveries")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Payload field").fill("data.community_id")
    page.get_by_label("Its value").fill("c77")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody .made a").click()
    expect(page.get_by_role("heading", name="Payload")).to_be_visible()
    expect(page.locator("#panel .json")).to_contain_text("c77")

    page.goto("/deliveries")
    page.get_by_role("link", name="Live", exact=True).click()
    system.db.execute("select public.send_test_webhook(id) from public.webhook_configurations")
    expect(page.locator("tbody .event").first).to_have_text("webhook.test")
    page.get_by_role("link", name="Stop live mode").click()
    expect(page.get_by_role("link", name="Live", exact=True)).to_be_visible()


def test_replay_counts_before_it_acts(visit: Visit) -> None:
    """The count is SQL's; nothing happens before the second click."""
    fill(visit.site.system.dsn, 300)
    failed = "select count(*) from public.webhook_deliveries where status = 'failed'"
    wanted = count(visit.site, failed)
    page = visit.page
    page.goto("/replay")
    expect(page.get_by_text("Each keeps its webhook-id")).to_be_visible()
    page.get_by_role("button", name="Count").click()
    expect(page.locator("#matching")).to_have_text(str(wanted))
    assert count(visit.site, failed) == wanted
    page.get_by_role("link", name="Show them").click()
    expect(page).to_have_url(re.compile(r"/deliveries\?status=failed$"))
    page.go_back()
    page.get_by_role("button", name=f"Replay {wanted}").click()
    expect(page.get_by_role("status")).to_contain_text(f"{wanted} deliveries are due again.")
    assert count(visit.site, failed) == 0


def test_a_test_event_from_the_catalog(visit: Visit) -> None:
    """Dispatched with the example's data; what is wrong with edited data is said."""
    page = visit.page
    visit.site.system.endpoint("http://127.0.0.1:9/")
    page.goto("/events")
    card = page.locator("details.event", has_text="user.joined_community")
    card.locator("> summary").click()
    expect(card).to_contain_text("Goes to 1: receiver.")
    card.get_by_role("button", name="Dispatch a test").click()
    expect(page.get_by_role("status")).to_contain_text("Dispatched: 1 delivery.")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.goto("/events")
    card.locator("> summary").click()
    card.get_by_role("textbox").fill('{"community_id": 1}')
    card.get_by_role("button", name="Dispatch a test").click()
    expect(page.get_by_role("alert")).to_contain_text('"community_id" must be string')
    # Chromium reports the response with status 400
    assert [text for text in visit.complaints if "400" not in text] == []
    visit.complaints.clear()


def test_nothing_that_an_outsider_writes_runs(visit: Visit) -> None:
    """Event data, responses, errors, names and URLs of endpoints, and the names of callers are text, everywhere."""
    system, page = visit.site.system, visit.page
    endpoint = system.endpoint("https://example.com/hook?x=<script>window.pwned=1</script>".replace(" ", ""))
    system.db.execute(
        "update public.webhook_configurations set name = %s, disabled_reason = %s, disabled_at = now()", (XSS, XSS)
    )
    data = {"community_id": XSS, "community_name": XSS, "community_city": XSS, XSS: XSS}
    system.dispatch(1, data)
    system.db.execute(
        "update public.webhook_deliveries set status = 'failed', attempts = 1, response_body = %s, error_message = %s,"
        " event_type = %s",
        (XSS, XSS, XSS),
    )
    system.db.execute(
        "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered,"
        " response_headers, response_excerpt, error)"
        " select id, 1, now(), 5, false, jsonb_build_object(%s::text, %s::text), %s, %s from public.webhook_deliveries",
        (XSS, XSS, XSS, XSS),
    )
    system.db.execute("insert into public.webhook_dispatcher_runs (source, error) values (%s, %s)", (XSS, XSS))
    system.db.execute(
        "update public.webhook_event_types set description = %s,"
        " example = example || jsonb_build_object('x', %s::text)",
        (XSS, XSS),
    )
    shown = 0
    hostile = [
        "/deliveries?event_type=%22%3E%3Cimg%20src=x%20onerror=window.pwned=1%3E",
        "/sign-in?next=%22%3E%3Cimg%3E",
    ]
    for address in (*every_page(visit.site), *hostile, f"/endpoints/{endpoint}"):
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert page.evaluate("window.pwned") is None, address
        assert page.locator("img, script:not([src])").count() == 0, address
        shown += XSS in page.evaluate("document.body.textContent")
    assert shown >= 6, "the payloads were on the pages"
    # and an action that repeats them
    page.goto(f"/endpoints/{endpoint}/edit")
    page.get_by_label("Name", exact=True).fill(XSS + "2")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(XSS + "2")
    assert page.evaluate("window.pwned") is None


def test_the_keyboard_is_enough(visit: Visit) -> None:
    """The first stop skips to the content; the sections follow, each with a visible focus."""
    page = visit.page
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.goto("/")
    for name in ("Skip to the content", "Webhooks", "Overview", "Deliveries"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent.trim()") == name
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{visit.site.url}/deliveries")
