"""`make demo TENANTS=1`: a shop in which two customers manage their own webhooks, in the embedded portal."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from rich.table import Table

from devstack.admins import make_admin
from devstack.browser import chromium
from devstack.demo import ADMIN, DIRECTORY, console, say
from devstack.errors import StackError
from devstack.processes import exit_on_sigterm
from devstack.receiver import Received, Receiver
from devstack.services import Serve
from devstack.shop import CUSTOMERS, Customer, Pages, build_pages, make_customers
from devstack.stack import DATABASE, Stack
from supabase_webhooks.webhooks.signing import generate_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Locator, Page

Look = Mapping[str, Any]

#: The same shop twice.
PAGES = {"React": "/", "plain HTML": "/plain.html"}


def main() -> int:
    """Run the demo; return 0 when each customer received its own event, verified, and saw no other's."""
    parser = argparse.ArgumentParser(
        prog="make demo TENANTS=1", description="Run a shop whose customers have webhooks of their own."
    )
    parser.add_argument(
        "--once", action="store_true", help="use it as both customers in Chromium, and exit: 1 if an event went astray"
    )
    arguments = parser.parse_args()
    exit_on_sigterm()
    try:
        with ExitStack() as stack:
            return run(stack, once=arguments.once)
    except StackError as exc:
        console.print(f"[red]demo:[/] {exc}", markup=True)
        return 1
    except KeyboardInterrupt:
        return 0


def run(resources: ExitStack, *, once: bool) -> int:
    """Start everything; act as both customers, or stay until Ctrl-C."""
    # a folder of its own: the other demo's database has the platform's tables
    directory = DIRECTORY / "customers"
    stack = resources.enter_context(Stack(directory, say=say, disposable=True))
    make_admin(stack.supabase, ADMIN)
    make_customers(stack.supabase, stack.postgres.dsn(DATABASE))
    receivers = [resources.enter_context(Receiver(on_request=arrived(customer))) for customer in CUSTOMERS]
    settings = {**stack.environment(), **stack.listening(), "WEBHOOKS_DISPATCH_TOKEN": generate_secret()}
    serve = Serve({**settings, "REDIS_URL": ""}, log=directory / "serve.log")
    resources.callback(serve.stop)
    say("starting the gateway and a worker")
    serve.start()
    say("building the example of examples/customers")
    build_pages(stack.supabase, directory.absolute() / "pages")
    pages = resources.enter_context(Pages(directory / "pages"))
    if once:
        return act(pages.url, receivers)
    console.print(
        "\nThe shop's customers, and their receivers on this machine. For these, the demo has set\n"
        "private_networks to true and schemes to {https,http} in webhook_tenant_limits.\n"
    )
    for customer, receiver in zip(CUSTOMERS, receivers, strict=True):
        console.print(f"{customer.name:<10}sign in as {customer.owner.email}, password {customer.owner.password}")
        console.print(f"          endpoint to create: {receiver.url}/")
    console.print(f"\nShop      {pages.url}/ (React), {pages.url}/plain.html")
    console.print(f"Dashboard {serve.url}/\n          sign in as {ADMIN.email}, password {ADMIN.password}")
    console.print(f"Studio    {stack.supabase.url}/\n          publishable key {stack.supabase.keys.publishable}")
    console.print(f"Postgres  {stack.postgres.dsn(DATABASE)}")
    console.print("\nCreate an endpoint in the shop, place an order, and see it arrive here. Ctrl-C ends it")
    while True:
        stack.check()
        serve.check()
        time.sleep(1)


def arrived(customer: Customer) -> Callable[[Received], None]:
    """Return what prints a customer's request as it arrives."""

    def show(request: Received) -> None:
        console.print(
            f"  {customer.name:<8} received {request.payload['event']}, {request.payload['data']}", markup=False
        )

    return show


def act(url: str, receivers: list[Receiver]) -> int:
    """Be each customer in a browser of its own: create an endpoint, order, look. Print a table; 0: all is right."""
    table = Table("customer", "page", "received", "signature", "sees")
    right = True
    secrets = {}
    with chromium() as browser:
        for (name, path), customer, receiver in zip(PAGES.items(), CUSTOMERS, receivers, strict=True):
            say(f"{customer.name} signs in to the shop ({name}) and creates an endpoint")
            secrets[customer] = create(browser, url + path, customer, receiver.url)
        for (name, path), customer in zip(PAGES.items(), CUSTOMERS, strict=True):
            say(f"{customer.name} places an order ({name})")
            order(browser, url + path, customer)
        for receiver in receivers:
            receiver.wait_for(1)
        time.sleep(1)  # for what should not come
        for (name, path), customer, receiver in zip(PAGES.items(), CUSTOMERS, receivers, strict=True):
            seen = deliveries(browser, url + path, customer)
            received = [request.payload["data"]["item"] for request in receiver.received]
            verified = all(request.verified(secrets[customer]) for request in receiver.received)
            right = right and received == [tea(customer)] and verified and seen == "1 delivery, its own"
            table.add_row(customer.name, name, ", ".join(received), "verified" if verified else "WRONG", seen)
    console.print(table)
    return 0 if right else 1


def tea(customer: Customer) -> str:
    """Return what a customer orders."""
    return f"Tea for {customer.name}"


def enter(browser: Browser, url: str, customer: Customer, look: Look | None = None) -> tuple[Page, Locator]:
    """Open the shop in a browser without anything of others, and sign in; return the page and its portal.

    `look` is what the browser pretends to be: Playwright's options of a context.
    """
    page = browser.new_context(**look or {}).new_page()
    page.goto(url)
    page.get_by_label("E-mail").fill(customer.owner.email)
    page.get_by_label("Password").fill(customer.owner.password)
    page.get_by_role("button", name="Sign in").click()
    portal = page.locator("webhooks-portal")
    portal.get_by_role("heading", name="Endpoints").wait_for()
    return page, portal


def create(browser: Browser, url: str, customer: Customer, receiver: str, name: str = "CRM") -> str:
    """Create an endpoint in the portal; return the secret that it shows."""
    page, portal = enter(browser, url, customer)
    portal.get_by_role("button", name="New endpoint").click()
    portal.get_by_label("Name", exact=True).fill(f"{customer.name} {name}")
    portal.get_by_label("URL").fill(f"{receiver}/")
    portal.get_by_role("button", name="Save").click()
    secret = portal.locator(".secret code").inner_text()
    page.context.close()
    return secret


def order(browser: Browser, url: str, customer: Customer) -> None:
    """Place an order, which is an event of the customer's organization."""
    page, _ = enter(browser, url, customer)
    page.get_by_label("Item").fill(tea(customer))
    page.get_by_role("button", name="Order").click()
    page.get_by_text("is ordered.").wait_for()
    page.context.close()


def deliveries(browser: Browser, url: str, customer: Customer) -> str:
    """Say what the customer's list of deliveries shows."""
    page, portal = enter(browser, url, customer)
    portal.get_by_role("navigation").get_by_role("button", name="Deliveries").click()
    portal.get_by_role("table", name="Deliveries").get_by_text("Delivered").first.wait_for()
    rows = portal.locator("tbody tr").all_inner_texts()
    foreign = [row for row in rows if any(other.name in row for other in CUSTOMERS if other != customer)]
    page.context.close()
    if foreign:
        return f"{len(foreign)} of another"
    return "1 delivery, its own" if len(rows) == 1 else f"{len(rows)} deliveries"


if __name__ == "__main__":
    sys.exit(main())
