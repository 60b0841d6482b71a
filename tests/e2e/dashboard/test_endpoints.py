"""Endpoints in a real Chromium: health, forms that lose nothing, questions before what hurts, and pages of many."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from devstack.node import install
from devstack.receiver import Receiver, Reply
from supabase_webhooks.gateway.dashboard.snippets import snippets
from tests.cli.conftest import run
from tests.conftest import quiet
from tests.e2e.dashboard.conftest import ADMIN, token
from tests.e2e.dashboard.test_api import api
from tests.e2e.dashboard.test_browser import Visit, browser, submit_sign_in, visit

if TYPE_CHECKING:
    import httpx
    from playwright.sync_api import Browser, Page

    from tests.e2e.dashboard.conftest import Site

__all__ = ["api", "browser", "visit"]

PHONE = {"width": 390, "height": 844}


def webhooks(*arguments: str, site: Site) -> Any:
    """Run a command, in a thread of its own: the browser has this one's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run, *arguments, variables=site.system.settings()).result()


def without_4xx(visit: Visit) -> None:
    """Forget what Chromium says of responses with a status of 4xx; fail on anything else."""
    assert [text for text in visit.complaints if "status of 4" not in text] == []
    visit.complaints.clear()


def test_an_endpoint_that_rejects_everything(visit: Visit, api: httpx.Client) -> None:
    """Every delivery fails with 401: list, page, API and command line call it failing, and none says closed."""
    page, system = visit.page, visit.site.system
    system.worker()
    with Receiver(answer=lambda _: Reply(401)) as receiver:
        endpoint = system.endpoint(receiver.url, max_attempts=1)
        system.dispatch(3)
        system.wait_for_status("failed", 3)
        page.goto("/endpoints")
        row = page.locator("tbody tr")
        expect(row.locator(".status")).to_have_text("Failing")
        expect(row).to_contain_text("401")
        expect(row).to_contain_text("0 %")
        expect(row).not_to_contain_text("closed")
        expect(row.get_by_role("img", name="0 delivered, 3 failed")).to_be_visible()
        assert row.locator(".spark .bad").count() == 1
        green = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--good-soft')")
        assert green not in row.locator(".status").evaluate("(e) => getComputedStyle(e).backgroundColor")
        page.goto(f"/endpoints/{endpoint}")
        expect(page.get_by_text("This endpoint has failed since")).to_contain_text("401")
        expect(page.locator("section", has_text="Health").locator(".status")).to_have_text("Failing")
        health = api.get(f"/endpoints/{endpoint}").json()["health"]
        assert (health["status"], health["attempts"], health["success_percent"]) == ("failing", 3, 0)
        (listed,) = webhooks("endpoints", "list", "--json", site=visit.site).json
        assert listed["health"]["status"] == "failing"
        assert "failing" in webhooks("endpoints", "list", site=visit.site).out


@pytest.mark.parametrize(
    ("change", "word", "action"),
    [
        ("update public.webhook_configurations set is_active = false", "Paused", "Resume"),
        (
            "update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = '410'",
            "Disabled",
            "Enable",
        ),
    ],
)
def test_who_stopped_it(visit: Visit, change: str, word: str, action: str) -> None:
    """A person's pause and the system's decision have their own words, and one click ends either."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/")
    system.db.execute(change.encode())
    page.goto("/endpoints")
    expect(page.locator("tbody .status")).to_have_text(word)
    page.goto(f"/endpoints/{endpoint}")
    page.get_by_role("button", name=action).click()
    expect(page.locator("section", has_text="Health").locator(".status")).to_have_text("Healthy")


def to_delivery(page: Page, name: str = "my endpoint", url: str = "https://example.com/hook") -> None:
    """Fill in the first step of a new endpoint, and go to the one about retries, limits and headers."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Delivery").click()


def fill_in(page: Page) -> None:
    """Fill in the steps of a new endpoint, with headers, up to the last but one."""
    page.get_by_label("Name", exact=True).fill("my endpoint")
    page.get_by_label("URL").fill("https://example.com/hook")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("all (*)").uncheck()
    page.get_by_label("user.joined_community").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Extra headers").fill('{"X-Team": "events",\n "Authorization": "Bearer geheim"}')
    page.get_by_label("Max concurrency").fill("7")


def test_a_new_endpoint_in_steps(visit: Visit) -> None:
    """Where to, which events, how, and a look at all of it; one goes back and forth, and nothing is lost."""
    page, system = visit.page, visit.site.system
    page.goto("/endpoints/new")
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Destination")
    page.get_by_label("Amazon SQS").check()
    expect(page.locator(".guide:visible")).to_contain_text("sqs:SendMessage")
    page.get_by_label("Credentials profile").fill("left over")
    page.get_by_label("n8n").check()
    expect(page.get_by_label("Credentials profile")).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("orders <b>")
    page.get_by_label("URL").fill("https://n8n.example.com/webhook-test/orders")
    page.keyboard.press("Enter")
    expect(page.locator("#url-problem")).to_contain_text("Copy its production URL.")
    page.get_by_label("URL").fill("https://n8n.example.com/webhook/orders")
    page.keyboard.press("Enter")

    expect(page.locator(".steps [aria-current=step]")).to_have_text("Events")
    expect(page.get_by_label("all (*)")).to_be_checked()
    page.get_by_label("Filter events").fill("joined")
    page.keyboard.press("Enter")
    expect(page.locator(".family .checks label:visible")).to_have_text(
        ["user.joined_community", "user.joined_platform"]
    )
    page.get_by_label("user.joined_community").check()
    expect(page.get_by_label("all (*)")).not_to_be_checked()
    assert page.get_by_label("user.*").evaluate("(box) => box.indeterminate")
    page.get_by_label("Filter events").fill("")
    page.get_by_label("discussion.*").check()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("orders <b>")
    expect(page.get_by_label("n8n")).to_be_checked()
    page.get_by_role("button", name="Review").click()

    review = page.locator(".review")
    expect(review).to_contain_text("https://n8n.example.com/webhook/orders")
    expect(review).to_contain_text("discussion.*, user.joined_community")
    expect(review).to_contain_text("ten attempts over three days")
    expect(review).not_to_contain_text("left over")
    page.get_by_role("button", name="Back").click()
    page.get_by_label("Attempts, with waits").check()
    page.get_by_label("Attempts", exact=True).fill("7")
    page.get_by_label("Extra headers").fill('{"Authorization": "geheim"}')
    page.get_by_role("button", name="Continue").click()
    expect(review).to_contain_text("seven attempts over two minutes")
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0
    # what was filled in is in the form only
    expect(page).to_have_url(f"{visit.site.url}/endpoints")
    assert "geheim" not in page.locator("main").inner_text()
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#secret")).to_be_visible()
    (row,) = system.db.execute(
        "select c.name, c.url, c.events, c.max_attempts, c.retry_schedule, c.credentials_profile, s.headers"
        " from public.webhook_configurations as c join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id"
    ).fetchall()
    assert row == {
        "name": "orders <b>", "url": "https://n8n.example.com/webhook/orders", "max_attempts": 7,
        "retry_schedule": None, "events": ["discussion.*", "user.joined_community"], "credentials_profile": None,
        "headers": {"Authorization": "geheim"},
    }  # fmt: skip
    without_4xx(visit)


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
def test_each_step_is_accessible(browser: Browser, site: Site, options: dict[str, Any]) -> None:
    """Also with errors, for whichever protocol: axe finds nothing, and nothing is wider than the page."""
    visit = Visit(browser, site, **options)
    page = visit.sign_in()
    axe = (install(say=quiet) / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def check() -> None:
        page.evaluate(axe)
        found = page.evaluate("axe.run().then((r) => r.violations)")
        assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found] == []
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")

    page.goto("/endpoints/new")
    for card in page.locator(".choice-card input").all():
        card.check()
        expect(page.locator(".guide:visible")).to_have_count(1)
        check()
    page.get_by_label("HTTPS").check()
    page.get_by_label("Name", exact=True).fill("x" * 200)
    page.get_by_label("URL").fill("wrong" * 100)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#url-problem")).to_be_visible()
    check()
    page.get_by_label("URL").fill("https://example.com/" + "y" * 1900)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("all (*)").uncheck()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#events-problem")).to_be_visible()
    check()
    page.get_by_label("all (*)").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Extra headers").fill("[1]")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#headers-problem")).to_be_visible()
    check()
    page.get_by_label("Extra headers").fill("")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".review")).to_contain_text("all (*)")
    check()
    without_4xx(visit)
    visit.context.close()


def test_a_protocol_of_your_own(visit: Visit) -> None:
    """Of what neither the page nor the workers' package knows, the database decides which URL is right."""
    page, system = visit.page, visit.site.system
    page.goto("/endpoints/new")
    page.get_by_label("Other").check()
    page.get_by_label("Name", exact=True).fill("stream")
    page.get_by_label("URL").fill("redisstream://localhost:6379/events")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#url-problem")).to_contain_text("is not supported")
    system.db.execute(
        "insert into webhooks.url_schemes (scheme, pattern, example) values"
        " ('redisstream', '^redisstream://', 'redisstream://localhost:6379/events')"
    )
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#secret")).to_be_visible()
    without_4xx(visit)


@pytest.mark.parametrize(
    ("protocol", "url", "problem"),
    [
        ("HTTPS", "sqs://my-queue?region=us-east-1", "This is not a URL for HTTPS."),
        ("HTTPS", "ftp://example.com", "This is not a URL for HTTPS."),
        ("HTTPS", "https://", "The URL has no host"),
        ("Amazon SQS", "https://sqs.us-east-1.amazonaws.com/123456789012/q", "This is not a URL for Amazon SQS."),
        ("Amazon SQS", "sqs://my-queue", "The URL has no region"),
        ("Google Pub/Sub", "pubsub://my-project", "topic"),
        ("Kafka", "kafka://broker:9092", "topic"),
    ],
)
def test_a_url_of_another_protocol(visit: Visit, protocol: str, url: str, problem: str) -> None:
    """It is said at its field before anything else is asked; an example shows what is meant."""
    page = visit.page
    page.goto("/endpoints/new")
    page.get_by_label(protocol, exact=False).check()
    page.get_by_label("Name", exact=True).fill("x")
    page.get_by_label("URL").fill(url)
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#url-problem")).to_contain_text(problem)
    expect(page.locator("#url-problem")).to_contain_text("xample: ")
    expect(page.get_by_label("URL")).to_have_value(url)
    without_4xx(visit)


def test_steps_without_javascript(browser: Browser, site: Site) -> None:
    """The same, by plain forms."""
    visit = Visit(browser, site, java_script_enabled=False)
    page = visit.sign_in()
    page.goto("/endpoints/new")
    page.get_by_label("Name", exact=True).fill("plain")
    page.get_by_label("URL").fill("https://example.com/hook")
    for step in ("Events", "Delivery", "Review"):
        page.get_by_role("button", name="Continue").click()
        expect(page.locator(".steps [aria-current=step]")).to_have_text(step)
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#secret")).to_be_visible()
    visit.context.close()


def test_a_rejected_form_keeps_everything(visit: Visit) -> None:
    """Each error is at its field, also the database's; headers, events and numbers are as they were filled in."""
    page = visit.page
    page.goto("/endpoints/new")
    page.get_by_label("Name", exact=True).fill("my endpoint")
    page.get_by_label("URL").fill("ftp://example.com")
    page.get_by_role("button", name="Review").click()
    expect(page.locator("#url-problem")).to_contain_text("not a URL for HTTPS")
    page.get_by_role("alert").get_by_role("link", name="Url").click()
    expect(page).to_have_url(re.compile("#url$"))
    page.get_by_label("URL").fill("https://example.com/hook")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("all (*)").uncheck()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#events-problem")).to_have_text("Select at least one event.")
    expect(page.get_by_label("all (*)")).not_to_be_checked()
    page.get_by_label("user.joined_community").check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Max concurrency").fill("7")
    page.get_by_label("Expires after").fill("soon")
    page.evaluate("document.querySelector('form.card').noValidate = true")
    page.get_by_label("Timeout seconds").fill("1000")
    page.get_by_label("Extra headers").fill('{"X-Team": "events",')
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#timeout_seconds-problem")).to_have_text("Timeout seconds must be from 0.1 to 120 seconds.")
    expect(page.get_by_label("Timeout seconds")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Timeout seconds")).to_have_value("1000")
    expect(page.locator("#headers-problem")).to_contain_text("must be a JSON object")
    expect(page.get_by_label("Extra headers")).to_have_value('{"X-Team": "events",')
    expect(page.get_by_role("alert").locator("li")).to_have_count(2)
    page.get_by_label("Timeout seconds").fill("")
    page.get_by_label("Extra headers").fill('{"X-Team": "events",\n "Host": "geheim"}')
    # what only the database knows is said at the end, in the step that asks for it
    page.get_by_label("Expires after").fill("")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Review")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Delivery")
    expect(page.locator("#headers-problem")).to_contain_text("Host")
    page.get_by_label("Extra headers").fill("{}")
    page.get_by_label("Expires after").fill("soon")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#expires_after-problem")).to_contain_text("interval")
    page.get_by_label("Expires after").fill("2 days")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#secret")).to_be_visible()
    (row,) = visit.site.system.db.execute("select name, events, max_concurrency from public.webhook_configurations")
    assert row == {"name": "my endpoint", "events": ["user.joined_community"], "max_concurrency": 7}
    without_4xx(visit)


def test_defaults_are_shown(visit: Visit) -> None:
    """What holds for a field that is left empty."""
    page = visit.page
    page.goto("/endpoints/new")
    to_delivery(page)
    for name, default in {
        "Timeout seconds": "15", "Rate limit per second": "no limit", "Circuit failure threshold": "5",
        "Circuit reset seconds": "300",
    }.items():  # fmt: skip
        field = page.get_by_label(name)
        expect(field).to_have_attribute("placeholder", default)
        assert f"empty: {default}" in (field.locator("xpath=..").text_content() or "")


def test_what_hurts_asks_first(visit: Visit) -> None:
    """Pausing, rotating, ending an overlap and deleting take a second click, without scripts too."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/")
    page.goto(f"/endpoints/{endpoint}")
    for asking, button in {"Pause…": "Pause endpoint", "Rotate secret…": "Rotate secret"}.items():
        expect(page.get_by_role("button", name=button, exact=True)).to_be_hidden()
        page.get_by_text(asking).click()
        expect(page.get_by_role("button", name=button, exact=True)).to_be_visible()
        page.get_by_text(asking).click()
    (row,) = system.db.execute("select is_active from public.webhook_configurations").fetchall()
    assert row["is_active"]
    page.get_by_text("Pause…").click()
    page.get_by_role("button", name="Pause endpoint").click()
    expect(page.get_by_role("status")).to_have_text("Paused: its deliveries are held until you resume it.")
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delete")


@pytest.mark.parametrize("viewport", [{"width": 1440, "height": 900}, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", ["x" * 200, "a name " * 28, "https://example.com/" + "y" * 180])
def test_a_long_name(browser: Browser, site: Site, viewport: dict[str, int], name: str) -> None:
    """It breaks; the other columns stay on the screen, and no number is torn."""
    site.system.endpoint("https://example.com/" + "z" * 300, name=name[:200])
    site.system.endpoint("http://127.0.0.1:9/", name="short")
    visit = Visit(browser, site, viewport=viewport)
    page = visit.sign_in()
    page.goto("/endpoints")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for row in page.locator("tbody tr").all():
        box = row.locator(".status").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= viewport["width"]
        assert box["height"] < 40
    link = page.get_by_role("link", name=name[:200].strip(), exact=True)
    for address in (link.get_attribute("href"), f"{link.get_attribute('href')}/edit"):
        page.goto(address or "")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    visit.context.close()
    assert visit.complaints == []


def test_a_session_that_ends_while_someone_writes(visit: Visit) -> None:
    """The sign-in says so, and leads back to the form with all that was filled in; only then it is saved."""
    page, system = visit.page, visit.site.system
    page.goto("/endpoints/new")
    fill_in(page)
    visit.context.clear_cookies()
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended, so nothing was saved.")
    assert "geheim" not in page.locator("body").inner_text()
    # a wrong password loses nothing either
    for password in ("a wrong one", ADMIN.password):
        submit_sign_in(page, ADMIN._replace(password=password))
    expect(page.get_by_role("heading", level=1)).to_have_text("You are signed in again")
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0
    page.get_by_role("button", name="Continue with what you filled in").click()
    expect(page.locator(".steps [aria-current=step]")).to_have_text("Delivery")
    expect(page.get_by_label("Extra headers")).to_have_value('{"X-Team": "events",\n "Authorization": "Bearer geheim"}')
    expect(page.get_by_label("Max concurrency")).to_have_value("7")
    page.get_by_role("button", name="Events").click()
    expect(page.get_by_label("user.joined_community")).to_be_checked()
    expect(page.get_by_label("all (*)")).not_to_be_checked()
    page.get_by_role("button", name="Destination").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("my endpoint")
    assert system.db.execute("select from public.webhook_configurations").rowcount == 0
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("#secret")).to_be_visible()
    without_4xx(visit)


def test_a_form_of_an_earlier_sign_in(visit: Visit) -> None:
    """Signed out and in again in another tab: the form's input is offered again, and saved only on a second click."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/", name="before")
    page.goto(f"/endpoints/{endpoint}/edit")
    page.get_by_label("Name", exact=True).fill("after")
    other = visit.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Sign out").click()
    submit_sign_in(other)
    expect(other).to_have_url(f"{visit.site.url}/")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The form has expired")
    page.get_by_role("button", name="Continue with what you filled in").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("after")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("after")
    without_4xx(visit)


@pytest.mark.parametrize(
    "kept",
    ["", "x", "[]", '{"path": "/sign-out", "fields": []}', '{"path": "//evil.example", "fields": [["a", "b"]]}',
     '{"path": "/endpoints", "fields": [["a"]]}', '{"path": "/endpoints", "fields": [[1, 2]]}', "\ud800"],
)  # fmt: skip
def test_input_that_no_form_of_ours_had(site: Site, kept: str) -> None:
    """The sign-in leads where it would without it."""
    client = site.visitor()
    fields = {"_csrf_token": token(client), "kept": kept.encode("utf-8", "replace").decode(), **ADMIN._asdict()}
    response = client.post("/sign-in", data=fields)
    assert (response.status_code, response.headers["location"]) == (303, "/")


def test_input_is_text(site: Site) -> None:
    """What comes back from a form is escaped."""
    client = site.visitor()
    hostile = "\"'><script>alert(1)</script>"
    response = client.post("/endpoints", data={"name": hostile, "_csrf_token": "x"})
    assert response.status_code == 401
    assert hostile not in response.text
    assert "&lt;script&gt;" in response.text


def test_two_people_edit_one_endpoint(visit: Visit) -> None:
    """The second sees what the first changed and keeps their own input; nothing is overwritten without a click."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/", name="before", headers='{"X-Old": "1"}')
    first = visit.context.new_page()
    for one in (first, page):
        one.goto(f"/endpoints/{endpoint}/edit")
    first.get_by_label("URL").fill("http://127.0.0.1:9/first")
    first.get_by_label("Quick").check()
    first.get_by_role("button", name="Save").click()
    expect(first.get_by_role("status")).to_have_text("Saved.")
    page.get_by_label("Name", exact=True).fill("by the second")
    page.get_by_role("button", name="Save").click()
    told = page.get_by_role("alert")
    expect(told).to_contain_text(f"{ADMIN.email} changed this endpoint")
    expect(told.locator("li")).to_have_count(2)
    expect(page.locator("#url-theirs")).to_have_text("Now: http://127.0.0.1:9/first")
    expect(page.get_by_label("Name", exact=True)).to_have_value("by the second")
    (row,) = system.db.execute("select name, url from public.webhook_configurations").fetchall()
    assert row == {"name": "before", "url": "http://127.0.0.1:9/first"}
    # the second decides: theirs as it was shown, or the first's
    page.get_by_label("URL").fill("http://127.0.0.1:9/first")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("by the second")
    (row,) = system.db.execute("select name, url from public.webhook_configurations").fetchall()
    assert row == {"name": "by the second", "url": "http://127.0.0.1:9/first"}
    without_4xx(visit)


def test_what_the_system_changes_meanwhile_is_no_conflict(visit: Visit) -> None:
    """An endpoint that is disabled while someone edits it: the form saves, and it stays disabled."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/", name="before")
    page.goto(f"/endpoints/{endpoint}/edit")
    system.db.execute(
        "update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = 'gone'"
    )
    page.get_by_label("Name", exact=True).fill("after")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("after")
    expect(page.locator("section", has_text="Health").locator(".status")).to_have_text("Disabled")


def test_the_api_rejects_a_change_of_what_has_changed(site: Site, api: httpx.Client) -> None:
    """409 with a hint, when the change says what it is based on."""
    endpoint = site.system.endpoint("http://127.0.0.1:9/", name="before")
    read = api.get(f"/endpoints/{endpoint}").json()
    assert api.patch(f"/endpoints/{endpoint}", json={"name": "a", "updated_at": read["updated_at"]}).status_code == 200
    response = api.patch(f"/endpoints/{endpoint}", json={"name": "b", "updated_at": read["updated_at"]})
    assert (response.status_code, "has changed since you read it" in response.json()["detail"]) == (409, True)
    assert api.get(f"/endpoints/{endpoint}").json()["name"] == "a"


def test_many_endpoints(visit: Visit, api: httpx.Client) -> None:
    """Of 2,508 endpoints the pages, the API and the command line show each once, and say when there are more."""
    page, system = visit.page, visit.site.system
    names = [f"endpoint {n:04}" for n in range(2500)] + ["twin"] * 4 + ["Ä", "ß", "z,z(", 'quo"ted']
    system.db.execute(
        "insert into public.webhook_configurations (name, url, events)"
        " select name, 'http://127.0.0.1:9/', '{*}' from unnest(%s::text[]) as name",
        (names,),
    )
    listed = webhooks("endpoints", "list", "--json", site=visit.site)
    assert sorted(one["name"] for one in listed.json) == sorted(names)
    assert len({one["id"] for one in listed.json}) == len(names)
    shown = webhooks("endpoints", "list", site=visit.site).out
    assert all(name in shown for name in names)
    found: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        response = api.get("/endpoints", params={"limit": 500, **cursor}).json()
        found += response["items"]
        if response["next_cursor"] is None:
            break
        cursor = {"cursor": response["next_cursor"]}
    assert len({one["id"] for one in found}) == len(names)

    page.goto("/endpoints")
    seen = set(page.locator("tbody th a").evaluate_all("(links) => links.map((a) => a.href)"))
    assert len(seen) == 50
    expect(page.get_by_text("More endpoints follow.")).to_be_visible()
    with page.expect_event("load"):
        page.get_by_role("link", name="Next page").click()
    seen |= set(page.locator("tbody th a").evaluate_all("(links) => links.map((a) => a.href)"))
    assert len(seen) == 100
    search, button = page.get_by_label("Search in names and URLs"), page.get_by_role("button", name="Search")
    for text, number in (("POINT 249", 10), ("twin", 4), ('o"t', 1), ("z,z(", 1), ("%", 0), ("127.0.0.1:9", 50)):
        search.fill(text)
        button.click()
        expect(page.locator("tbody th a")).to_have_count(number)
        expect(search).to_have_value(text)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("tbody th a")).to_have_count(50)
    expect(search).to_have_value("127.0.0.1:9")
    search.fill("nowhere")
    button.click()
    page.get_by_role("link", name="Show all endpoints").click()
    expect(page.locator("tbody th a")).to_have_count(50)
    page.goto("/replay")
    expect(page.locator("select[name=webhook_config_id] option")).to_have_count(len(names) + 1)


def test_trigger_errors_by_pages(visit: Visit) -> None:
    """More than a page of them: each is on one."""
    page, system = visit.page, visit.site.system
    system.db.execute(
        "insert into public.webhook_trigger_errors (occurred_at, source, event_type, operation, events, code, message)"
        " select now() - n * interval '1 second', 'public.t', 'x.y', 'insert', 1, '22023', 'error ' || n"
        " from generate_series(1, 130) as n"
    )
    page.goto("/trigger-errors")
    expect(page.locator("tbody tr")).to_have_count(100)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(30)
    expect(page.get_by_role("link", name="Older")).to_have_count(0)


def test_a_test_of_any_event(visit: Visit, api: httpx.Client) -> None:
    """The example goes to this endpoint alone, and its response appears in place, and in the chart."""
    page, system = visit.page, visit.site.system
    system.worker()
    system.endpoint("http://127.0.0.1:9/", name="another")
    with Receiver(answer=lambda _: Reply(422, b"no such community")) as receiver:
        endpoint = system.endpoint(receiver.url, events="{user.joined_platform}", max_attempts=1)
        page.goto(f"/endpoints/{endpoint}")
        page.get_by_label("Event", exact=True).select_option("user.joined_community")
        page.get_by_role("button", name="Send test event").click()
        expect(page.locator("#test-state")).to_contain_text("HTTP 422")
        expect(page.locator("#test-state")).to_contain_text("no such community")
        expect(page.get_by_label("Event", exact=True)).to_have_value("user.joined_community")
        (request,) = receiver.wait_for(1)
        assert request.payload["event"] == "user.joined_community"
        assert request.payload["data"]["community_name"]
        assert len(system.rows()) == 1
        page.reload()
        expect(page.get_by_role("img", name="Attempts by hour: 0 delivered, 1 failed, 1 at most")).to_be_visible()
        page.get_by_role("link", name="30 days").click()
        expect(page.get_by_role("img", name="Attempts by day: 0 delivered, 1 failed, 1 at most")).to_be_visible()
        page.get_by_text("The same as a table").click()
        expect(page.locator("#volume-title ~ details, .card:has(#volume-title) tbody tr").last).to_contain_text("1")
    made = api.post(f"/endpoints/{endpoint}/test", params={"event_type": "user.joined_community"})
    assert made.status_code == 202
    unknown = api.post(f"/endpoints/{endpoint}/test", params={"event_type": "user.unknown"})
    assert (unknown.status_code, "has no example to send" in unknown.json()["detail"]) == (400, True)


def test_code_to_verify_is_at_hand(visit: Visit) -> None:
    """Six languages, one at a time, each as it is run in test_snippets.py; without the secret."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/")
    page.goto(f"/endpoints/{endpoint}")
    for language, (name, code) in snippets().items():
        page.get_by_text(name, exact=True).click()
        expect(page.locator(f"#verify-{language}")).to_be_visible()
        assert page.locator(f"#verify-{language}").text_content() == code
        expect(page.locator("details[name=verify][open]")).to_have_count(1)
    assert system.secret not in page.content()


def test_an_event_that_is_rejected_keeps_its_data(visit: Visit) -> None:
    """The error is at the field, and the edited JSON is still there."""
    page, system = visit.page, visit.site.system
    system.endpoint("http://127.0.0.1:9/")
    page.goto("/events")
    card = page.locator("details.event", has_text="user.joined_community").first
    for data, problem in {
        '{"community_id": 1,\n  "mine": true}': '"community_id" must be string',
        '{"community_id": 1,': "must be a JSON object",
        "\n\n[]": "must be a JSON object",
    }.items():
        if card.get_attribute("open") is None:
            card.locator("summary").first.click()
        card.get_by_role("textbox").fill(data)
        card.get_by_role("button", name="Dispatch a test").click()
        expect(card.get_by_role("alert")).to_contain_text(problem)
        expect(card.get_by_role("textbox")).to_have_value(data)
        expect(card.get_by_role("textbox")).to_have_attribute("aria-invalid", "true")
        expect(page.locator("details.event[open]")).to_have_count(1)
    without_4xx(visit)


def test_the_catalog(visit: Visit) -> None:
    """Fields as a table, who subscribes with a link, and the volume of the last 24 hours."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("http://127.0.0.1:9/", name="n8n")
    system.db.execute(
        "insert into webhooks.delivery_rollups (hour, webhook_config_id, event_type, attempts, failed_attempts)"
        " values (date_trunc('hour', now(), 'UTC'), %s, 'user.joined_community', 1234, 5)",
        (endpoint,),
    )
    page.goto("/events")
    card = page.locator("details.event", has_text="user.joined_community").first
    expect(card.locator("summary").first).to_contain_text("1,234 attempts in 24 hours, 5 failed")
    card.locator("summary").first.click()
    expect(card.locator(".fields tbody tr")).to_have_count(3)
    expect(card.locator(".fields")).to_contain_text("community_city")
    button = card.get_by_role("button", name="Dispatch a test").bounding_box()
    assert button is not None
    assert button["height"] < 50
    card.get_by_role("link", name="n8n").click()
    expect(page).to_have_url(f"{visit.site.url}/endpoints/{endpoint}")


def test_a_search_in_the_catalog(visit: Visit) -> None:
    """By name or description; a type as TypeScript, as `webhooks types` prints it."""
    page = visit.page
    page.goto("/events")
    everything = page.locator("details.event").count()
    page.get_by_label("Search in names and descriptions").fill("JOINED_comm")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("details.event")).to_have_count(1)
    page.locator("details.event summary").first.click()
    page.get_by_text("TypeScript").click()
    shown = page.locator("pre", has_text="export type").inner_text()
    assert shown.strip() in webhooks("types", "typescript", site=visit.site).out
    page.get_by_label("Search in names and descriptions").fill("no such thing")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No event has")).to_be_visible()
    page.get_by_role("link", name="Show all events").click()
    expect(page.locator("details.event")).to_have_count(everything)


def test_what_a_receiver_responds_with(visit: Visit) -> None:
    """The newest deliveries by status code, what has no response too; each leads to its deliveries."""
    page, system = visit.page, visit.site.system
    endpoint = system.endpoint("https://example.com/", name="n8n")
    system.db.execute(
        "insert into public.webhook_deliveries"
        " (webhook_config_id, event_type, payload, status, attempts, response_status, finished_at)"
        " select %s, 'a.b', '{}', case when code = 200 then 'delivered' else 'failed' end, 1, code, now()"
        " from unnest('{200,200,200,503,503,null}'::integer[]) as code",
        (endpoint,),
    )
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload) values (%s, 'a.b', '{}')",
        (endpoint,),
    )
    page.goto(f"/endpoints/{endpoint}")
    rows = page.locator(".responses tr")
    assert [row.split() for row in rows.all_inner_texts()] == [
        ["200", "3", "50", "%"], ["503", "2", "33.3", "%"], ["no", "response", "1", "16.7", "%"],
    ]  # fmt: skip
    rows.get_by_role("link", name="503").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    # a queue accepts without a status code
    system.db.execute("update public.webhook_deliveries set response_status = null where response_status = 200")
    system.db.execute(
        "insert into webhooks.delivery_rollups"
        " (hour, webhook_config_id, event_type, attempts, failed_attempts, durations)"
        " values (date_trunc('hour', now(), 'UTC'), %s, 'a.b', 8, 2, '{8}'),"
        " (date_trunc('hour', now(), 'UTC'), %s, 'a.c', 40, 0, '{40}')",
        (endpoint, endpoint),
    )
    page.goto(f"/endpoints/{endpoint}")
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["accepted", "503", "no"]
    events = page.locator(".shares", has_text="Attempts by event").locator("tbody tr")
    assert [row.split() for row in events.all_inner_texts()] == [["a.c", "40", "0", "%"], ["a.b", "8", "25", "%"]]
    events.nth(1).get_by_role("link").click()
    expect(page.locator("tbody tr")).to_have_count(7)
    page.goto("/endpoints")
    expect(page.locator(".kind")).to_have_text(["HTTPS"])
    page.set_viewport_size({"width": 390, "height": 844})
    row, name, status = (page.locator(of).bounding_box() for of in ("tbody tr", "tbody th a", "tbody .status"))
    assert row
    assert name
    assert status
    assert row["height"] < 120
    assert abs(name["y"] + name["height"] / 2 - status["y"] - status["height"] / 2) < 4


def test_attach_a_table(visit: Visit) -> None:
    """The SQL that the page writes does what it says, whatever the names are; the page itself changes nothing."""
    page, system = visit.page, visit.site.system
    system.db.execute(
        'create table public."odd ""table\'s \\ name" (id uuid primary key default gen_random_uuid(),'
        " \"total 'x' \\\" numeric(9, 2) not null default 1, secret text)"
    )
    system.db.execute('revoke all on public."odd ""table\'s \\ name" from authenticated')
    page.goto("/events")
    with page.expect_event("load"):
        page.get_by_role("link", name="Attach a table").click()
    (name,) = [one for one in page.locator("select[name=table] option").all_text_contents() if "odd" in one]
    # a project's default privileges may have granted it
    system.db.execute(f"revoke all on {name} from authenticated".encode())
    page.locator("select[name=table]").select_option(name)
    page.get_by_role("button", name="Choose its columns").click()
    page.locator("input[name=event]").fill("Not a name")
    page.get_by_role("button", name="Write the SQL").click()
    expect(page.get_by_role("alert")).to_contain_text("order.paid")
    page.locator("input[name=event]").fill("order.paid")
    with page.expect_event("load"):
        page.get_by_role("button", name="Write the SQL").click()
    expect(page.get_by_role("alert")).to_contain_text("Select at least one column.")
    for column in page.locator("input[name=column]").all()[:2]:
        column.check()
    page.get_by_role("button", name="Write the SQL").click()
    sql = page.locator("#sql").text_content() or ""
    # what was chosen folds, and is still there to be changed
    expect(page.locator("input[name=event]")).to_be_hidden()
    page.locator("details.choices > summary").click()
    expect(page.locator("input[name=event]")).to_have_value("order.paid")
    expect(page.locator("input[name=column]:checked")).to_have_count(2)
    expect(page.locator("pre", has_text='"order.paid"')).to_contain_text("9.99")
    expect(page.get_by_text("You cannot read this table")).to_be_visible()
    # with a grant, its rows are shown as they would be sent
    system.db.execute(f"grant select on {name} to authenticated".encode())
    page.reload()
    expect(page.get_by_text("The table has no rows, or none that you can read.")).to_be_visible()
    system.db.execute(f"insert into {name} (\"total 'x' \\\") values (1234.50), (2)".encode())
    page.reload()
    expect(page.get_by_text("From the last rows of the table that you can read.")).to_be_visible()
    expect(page.locator("pre", has_text='"order.paid"')).to_have_count(2)
    expect(page.locator("pre", has_text="1234.5")).to_have_count(1)
    system.db.execute(f"delete from {name}".encode())
    assert system.db.execute("select from public.webhook_triggers").rowcount == 0
    for setting in ("on", "off"):
        system.db.execute(f"set standard_conforming_strings = {setting}".encode())
        row = system.db.execute(sql.encode()).fetchone()
        assert row == {"webhook_attach": "attached" if setting == "on" else "kept"}
    system.db.execute("set standard_conforming_strings = on")
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(f"insert into {name} default values".encode())
    (delivery,) = system.rows()
    assert set(delivery["payload"]["data"]) == {"id", "total 'x' \\"}
