"""The portal as a customer of the example's shop sees it, from a real Chromium, into docs/screenshots."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.demo_customers import Look, create, enter, order
from devstack.processes import free_port
from devstack.receiver import Receiver
from devstack.services import Serve
from devstack.shop import CUSTOMERS, Pages, build_pages, make_customers
from devstack.stack import DATABASE, Stack
from supabase_webhooks.webhooks.signing import generate_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser, Locator, Page

DIRECTORY = Path(".devstack/screenshots/customers")

#: Names of files: the customer's endpoints, and a delivery.
NAMES = ("portal", "portal-delivery")

#: Times that the shop's customer orders.
ORDERS = 3


def shoot_portal(browser: Browser, looks: Mapping[str, Look], target: Path) -> None:
    """Be a customer with two endpoints, one of which fails; save the endpoints and a delivery in each look."""
    customer = CUSTOMERS[0]
    with ExitStack() as resources:
        stack = resources.enter_context(Stack(DIRECTORY, disposable=True))
        make_customers(stack.supabase, stack.postgres.dsn(DATABASE))
        receiver = resources.enter_context(Receiver())
        settings = {**stack.environment(), **stack.listening(), "WEBHOOKS_DISPATCH_TOKEN": generate_secret()}
        serve = Serve({**settings, "REDIS_URL": ""}, log=DIRECTORY / "serve.log")
        resources.callback(serve.stop)
        serve.start()
        build_pages(stack.supabase, DIRECTORY.absolute() / "pages")
        pages = resources.enter_context(Pages(DIRECTORY / "pages"))
        for name, url in {"CRM": receiver.url, "bookkeeping": f"http://127.0.0.1:{free_port()}"}.items():
            create(browser, f"{pages.url}/", customer, url, name)
        for _ in range(ORDERS):
            order(browser, f"{pages.url}/", customer)
        receiver.wait_for(ORDERS)
        for look, options in looks.items():
            page, portal = enter(browser, f"{pages.url}/", customer, options)
            save(page, portal, target / f"portal{look}.png")
            portal.get_by_role("navigation").get_by_role("button", name="Deliveries").click()
            portal.get_by_role("table", name="Deliveries").get_by_text("Delivered").first.wait_for()
            portal.get_by_role("table", name="Deliveries").get_by_role("button").first.click()
            portal.get_by_role("heading", name="Attempts").wait_for()
            save(page, portal, target / f"portal-delivery{look}.png")
            page.context.close()


def save(page: Page, portal: Locator, file: Path) -> None:
    """Save the portal in its page."""
    portal.scroll_into_view_if_needed()
    page.screenshot(path=file, full_page=True)
    print(file)
