"""`make screenshots`: the dashboard with sample data, and the portal, from a real Chromium, into docs/screenshots."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from devstack.admins import Account, make_admin
from devstack.browser import chromium
from devstack.errors import StackError
from devstack.portal_screenshots import shoot_portal
from devstack.postgres import Postgres
from devstack.processes import exit_on_sigterm
from devstack.sample import fill
from devstack.services import Gateway
from devstack.stack import DATABASE, Stack

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from devstack.demo_customers import Look

DIRECTORY = Path(".devstack/screenshots")
TARGET = Path(__file__).parent.parent / "docs" / "screenshots"
ADMIN = Account("ana@example.com", "a password for screenshots")

#: Pixels of height that are kept of a long page.
MOST = 1300

#: file name -> address; a name in parentheses is one of `FOUND`
PAGES = {
    "sign-in": "/sign-in",
    "overview": "/",
    "deliveries": "/deliveries",
    "delivery": "/deliveries/(delivery)?tab=response",
    "endpoints": "/endpoints",
    "endpoint": "/endpoints/(endpoint)",
    "endpoint-new": "/endpoints/new",
    "endpoint-delete": "/endpoints/(endpoint)/delete",
    "events": "/events#user.joined_community",
    "attach": "/events/attach?table=public.orders",
    "attach-sql": "/events/attach?table=public.orders&operation=insert&event=order.placed&column=id&column=customer_id"
    "&column=total&column=currency&actor=customer_id",
    "replay": "/replay?status=failed",
    "runs": "/runs",
    "trigger-errors": "/trigger-errors",
    "tokens": "/tokens",
}

#: what is appended to a file's name -> what the browser pretends to be
LOOKS: dict[str, Look] = {
    "": {"viewport": {"width": 1440, "height": 900}},
    "-dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "-phone": {"viewport": {"width": 390, "height": 844}},
}

FOUND = {
    "(endpoint)": "select id from public.webhook_configurations where name = 'Partner portal'",
    "(delivery)": "select id from public.webhook_deliveries where status = 'failed' order by created_at desc limit 1",
}


#: what the sample data has none of: a table of the app, an event that its trigger could not emit, and tokens
MORE = """
    create table public.orders (
        id uuid primary key default gen_random_uuid(), customer_id uuid not null, event_id uuid, payment_id text,
        total numeric(9, 2) not null, currency text not null default 'EUR', state text not null default 'open',
        note text, placed_at timestamptz not null default now(), shipped_at timestamptz
    );
    insert into public.webhook_trigger_errors (source, event_type, operation, events, code, message, data, occurred_at)
    values ('public.orders', 'user.registered_event', 'insert', 1, '22023',
            'the data of user.registered_event do not match its schema: "payment_id" must be string',
            '[{"data": {"event_id": "7d1f", "payment_id": 4711}}]', now() - interval '12 minutes');
    select public.create_webhook_api_token('ci', '{read}', '90 days'),
           public.create_webhook_api_token('n8n', '{read,manage}', null),
           public.create_webhook_api_token('shop backend', '{dispatch}', '1 year');
"""


def main() -> int:
    """Take them all; return 0, or 1 with the reason."""
    exit_on_sigterm()
    with ExitStack() as resources:
        try:
            Postgres(DIRECTORY / "postgres").erase()
            stack = resources.enter_context(Stack(DIRECTORY))
            dsn = stack.postgres.dsn(DATABASE)
            fill(dsn)
            with psycopg.connect(dsn) as connection:
                connection.execute(MORE)
            make_admin(stack.supabase, ADMIN)
            gateway = Gateway(stack.environment(), log=DIRECTORY / "gateway.log")
            resources.callback(gateway.stop)
            gateway.start()
            browser = resources.enter_context(chromium())
            TARGET.mkdir(parents=True, exist_ok=True)
            for look, options in LOOKS.items():
                context = browser.new_context(**options)
                page = context.new_page()
                for name, address in PAGES.items():
                    shoot(page, gateway.url + _address(address, dsn), TARGET / f"{name}{look}.png")
                    if name == "sign-in":
                        sign_in(page, gateway.url)
                context.close()
            shoot_portal(browser, LOOKS, TARGET)
            smaller(sorted(TARGET.glob("*.png")))
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


def shoot(page: Page, address: str, file: Path) -> None:
    """Save one page: all of it, unless it is long."""
    size = page.viewport_size
    assert size is not None  # noqa: S101 - every context has one
    page.goto(address)
    if page.locator("#chart").count():
        page.wait_for_selector("#chart[data-drawn] canvas")
    page.evaluate("location.hash && (document.getElementById(location.hash.slice(1)).open = true)")
    page.evaluate("document.fonts.ready.then(() => undefined)")
    page.set_viewport_size({**size, "height": min(MOST, int(page.evaluate("document.documentElement.scrollHeight")))})
    page.screenshot(path=file)
    page.set_viewport_size(size)
    print(file)


def smaller(files: list[Path]) -> None:
    """Reduce the files' colors to 256, which no one sees and makes them a third of the size, if pngquant is there."""
    if program := shutil.which("pngquant"):
        subprocess.run([program, "--force", "--ext", ".png", "--skip-if-larger", "--", *files], check=False)


def _address(address: str, dsn: str) -> str:
    """Return an address with an id in the place of its name in parentheses."""
    for name, sql in FOUND.items():
        if name in address:
            with psycopg.connect(dsn) as connection:
                ((found,),) = connection.execute(sql.encode()).fetchall()
            return address.replace(name, str(found))
    return address


if __name__ == "__main__":
    sys.exit(main())
