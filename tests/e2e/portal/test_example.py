"""The example of examples/customers, in React and plain, in a real Chromium by both of its customers."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from devstack.admins import Account, make_account
from devstack.demo_customers import PAGES, create, enter, order, tea
from devstack.node import install
from devstack.receiver import Receiver
from devstack.shop import CUSTOMERS, Pages, build_pages, make_customers
from tests.conftest import ROOT, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page, Response, Route

    from tests.e2e.conftest import System

STRANGER = Account("stranger@example.com", "a member of nothing")


@pytest.fixture
def shop(system: System, tmp_path: Path) -> Iterator[str]:
    """The shop's address, with its customers."""
    make_customers(system.supabase, system.dsn)
    make_account(system.supabase, STRANGER)
    build_pages(system.supabase, tmp_path / "pages")
    with Pages(tmp_path / "pages") as pages:
        yield pages.url


def keep(said: list[str], response: Response) -> None:
    """Keep what Supabase's REST API returned."""
    if "/rest/v1/" in response.url and response.request.method != "OPTIONS":
        said.append(response.text())


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_two_customers(browser: Browser, system: System, shop: str, path: str) -> None:
    """Each creates an endpoint in the embedded portal and orders; each receives its own; neither sees the other's."""
    system.serve()
    with Receiver() as first, Receiver() as second:
        both = list(zip(CUSTOMERS, (first, second), strict=True))
        secrets = [create(browser, shop + path, customer, receiver.url) for customer, receiver in both]
        for customer in CUSTOMERS:
            order(browser, shop + path, customer)
        system.wait_for_status("delivered", 2)
        for (customer, receiver), secret in zip(both, secrets, strict=True):
            (request,) = receiver.received
            assert request.payload["data"]["item"] == tea(customer)
            assert request.verified(secret)
    for customer, other in (CUSTOMERS, CUSTOMERS[::-1]):
        page, portal = enter(browser, shop + path, customer)
        said: list[str] = []
        page.on("response", functools.partial(keep, said))
        for section in ("Deliveries", "Event types", "Endpoints"):
            portal.get_by_role("navigation").get_by_role("button", name=section).click()
            expect(portal.get_by_role("heading", level=2, name=section)).to_be_focused()
        portal.get_by_role("button", name=f"{customer.name} CRM").click()
        expect(portal.locator("header .badge")).to_have_text("Healthy")
        everything = "\n".join([*said, page.locator("body").inner_text()])
        assert customer.name in everything
        assert other.name not in everything
        assert other.organization not in everything
        page.context.close()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_signing_out_and_a_stranger(browser: Browser, shop: str, path: str) -> None:
    """After a sign-out the next user sees nothing of the one before; one of no organization is told so."""
    page, portal = enter(browser, shop + path, CUSTOMERS[0])
    expect(page.get_by_label("E-mail").filter(visible=True)).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    expect(portal.filter(visible=True)).to_have_count(0)
    expect(page.get_by_label("E-mail")).to_have_value("")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill("wrong")
    page.get_by_label("E-mail").fill(STRANGER.email)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("Invalid login credentials")
    page.get_by_label("Password").fill(STRANGER.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status").filter(visible=True)).to_contain_text("You are a member of no organization.")
    expect(page.locator("body")).not_to_contain_text(CUSTOMERS[0].name)
    expect(page.get_by_role("button", name="Order")).to_be_disabled()
    expect(portal.filter(visible=True)).to_have_count(0)
    page.context.close()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_a_slow_list_of_organizations(browser: Browser, shop: str, path: str) -> None:
    """One that arrives after its user has signed out is not shown to the next."""
    page, portal = enter(browser, shop + path, CUSTOMERS[0])
    held: list[Route] = []
    holds = [True]

    def hold(route: Route) -> None:
        if holds and route.request.method == "GET":
            held.append(route)
        else:
            route.continue_()

    page.route("**/rest/v1/organizations*", hold)
    with page.expect_request("**/rest/v1/organizations*"):
        page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    holds.clear()
    page.get_by_label("E-mail").fill(CUSTOMERS[1].owner.email)
    page.get_by_label("Password").fill(CUSTOMERS[1].owner.password)
    page.get_by_role("button", name="Sign in").click()
    expect(portal.get_by_role("heading", name="Endpoints")).to_be_visible()
    assert held
    for route in held:
        with page.expect_response("**/rest/v1/organizations*"):
            route.fulfill(json=[{"id": CUSTOMERS[0].organization, "name": CUSTOMERS[0].name}])
    page.evaluate("new Promise((done) => setTimeout(done, 50))")
    expect(page.get_by_label("Organization")).to_contain_text(CUSTOMERS[1].name)
    expect(page.locator("body")).not_to_contain_text(CUSTOMERS[0].name)
    page.context.close()


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES.keys())
def test_its_pages_are_accessible(browser: Browser, shop: str, path: str) -> None:
    """Axe finds nothing before and after the sign-in, light and dark, and at 375 px nothing is wider than the page."""
    axe = (install(say=quiet) / "node_modules" / "axe-core" / "axe.min.js").read_text()
    page, portal = enter(browser, shop + path, CUSTOMERS[0])

    def look(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # a color on its way is neither
            page.evaluate(axe)
            found = page.evaluate("axe.run().then((r) => r.violations)")
            assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found] == [], scheme
        page.set_viewport_size({"width": 375, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    look(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("E-mail")).to_be_visible()
    expect(portal.filter(visible=True)).to_have_count(0)
    look(page)
    page.context.close()


def test_the_demo(tmp_path: Path) -> None:
    """`make demo TENANTS=1 ONCE=1` acts as both customers, says so, and fits 80 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "devstack.demo_customers", "--once"],
        cwd=ROOT,
        env={**os.environ, "DEVSTACK_DIRECTORY": str(tmp_path), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("│")]
    for customer, line in zip(CUSTOMERS, table, strict=True):
        assert re.search(f"{customer.name} .* {tea(customer)} .* verified .* 1 delivery, its own", line), line
    assert max(map(len, table)) <= 80


def test_the_page_shows_the_example() -> None:
    """What docs/customers.md has a reader copy for React is the example's own file, which the build type-checks."""
    page = (ROOT / "docs" / "customers.md").read_text()
    (shown,) = re.findall(r"```tsx\n(.*?)\n```", page, re.DOTALL)
    assert shown == (ROOT / "examples" / "customers" / "src" / "portal.tsx").read_text().rstrip()
