"""`make screenshots`: the dashboard's pages with sample data, from a real Chromium, into docs/screenshots."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from devstack.admins import Account, make_admin
from devstack.browser import chromium
from devstack.errors import StackError
from devstack.postgres import Postgres
from devstack.processes import exit_on_sigterm
from devstack.sample import fill
from devstack.services import Gateway
from devstack.stack import DATABASE, Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

DIRECTORY = Path(".devstack/screenshots")
TARGET = Path(__file__).parent.parent / "docs" / "screenshots"
ADMIN = Account("ana@example.com", "a password for screenshots")

#: Pixels of height that are kept of a long page.
MOST = 1300

#: file name -> address, and what the browser pretends to be
SHOTS: dict[str, tuple[str, dict[str, Any]]] = {
    "overview": ("/", {}),
    "overview-dark": ("/", {"color_scheme": "dark"}),
    "overview-phone": ("/", {"viewport": {"width": 390, "height": 844}}),
    "endpoints": ("/endpoints", {}),
    "endpoint": ("(endpoint)", {}),
    "endpoint-new": ("/endpoints/new", {}),
    "deliveries": ("/deliveries?status=failed", {}),
    "deliveries-phone": ("/deliveries", {"viewport": {"width": 390, "height": 844}}),
    "delivery": ("(delivery)", {}),
    "delivery-dark": ("(delivery)", {"color_scheme": "dark"}),
    "events": ("/events#user.joined_community", {}),
    "runs": ("/runs", {}),
    "replay": ("/replay?status=failed", {}),
    "sign-in": ("(sign-in)", {}),
}


def main() -> int:
    """Take them all; return 0, or 1 with the reason."""
    exit_on_sigterm()
    with ExitStack() as resources:
        try:
            Postgres(DIRECTORY / "postgres").erase()
            stack = resources.enter_context(Stack(DIRECTORY))
            dsn = stack.postgres.dsn(DATABASE)
            fill(dsn)
            make_admin(stack.supabase, ADMIN)
            gateway = Gateway(stack.environment(), log=DIRECTORY / "gateway.log")
            resources.callback(gateway.stop)
            gateway.start()
            browser = resources.enter_context(chromium())
            TARGET.mkdir(parents=True, exist_ok=True)
            for name, (address, options) in SHOTS.items():
                context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
                page = context.new_page()
                if address != "(sign-in)":
                    sign_in(page, gateway.url)
                shoot(page, gateway.url, _address(address, dsn), TARGET / f"{name}.png")
                context.close()
        except StackError as exc:
            print(f"screenshots: {exc}", file=sys.stderr)
            return 1
    return 0


def sign_in(page: Page, url: str) -> None:
    """Sign the admin in."""
    page.goto(f"{url}/sign-in")
    page.fill("[name=email]", ADMIN.email)
    page.fill("[name=password]", ADMIN.password)
    page.click("main button")
    page.wait_for_url(f"{url}/")


def shoot(page: Page, url: str, address: str, file: Path) -> None:
    """Save one page, whole."""
    page.goto(url + address)
    if page.locator("#chart").count():
        page.wait_for_selector("#chart[data-drawn] canvas")
    page.evaluate("location.hash && (document.getElementById(location.hash.slice(1)).open = true)")
    height = min(MOST, int(page.evaluate("document.documentElement.scrollHeight")))
    width = int(page.evaluate("innerWidth"))
    page.set_viewport_size({"width": width, "height": height})
    page.screenshot(path=file)
    print(file)


def _address(address: str, dsn: str) -> str:
    tables = {
        "(endpoint)": ("endpoints", "select id from public.webhook_configurations where name = 'Partner portal'"),
        "(delivery)": (
            "deliveries",
            "select id from public.webhook_deliveries where status = 'failed' order by created_at desc limit 1",
        ),
    }
    if address == "(sign-in)":
        return "/sign-in"
    if address not in tables:
        return address
    folder, sql = tables[address]
    with psycopg.connect(dsn) as connection:
        ((found,),) = connection.execute(sql.encode()).fetchall()
    return f"/{folder}/{found}"


if __name__ == "__main__":
    sys.exit(main())
