"""A shop with two customers, each with people, and a page that has nothing but the portal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from devstack.admins import Account, make_account
from devstack.node import install
from devstack.portal import build
from devstack.shop import Pages
from tests.conftest import quiet
from tests.e2e.dashboard.test_browser import browser
from tests.e2e.people import make_people
from tests.e2e.watched import Watched

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.e2e.conftest import System

__all__ = ["browser"]

ANNA = Account("anna@example.com", "a password of Anna")  # owner of customer a
ARNO = Account("arno@example.com", "a password of Arno")  # reads for customer a
BELA = Account("bela@example.com", "a password of Bela")  # owner of customer b
STRANGER = Account("stranger@example.com", "a password of a stranger")

SCHEMA = """
    create table public.memberships (
        user_id uuid, organization_id text, role text, primary key (user_id, organization_id));
    alter table public.memberships enable row level security;
    create or replace function public.webhook_tenants(permission text) returns setof text
    language sql stable security definer set search_path = '' as $$
        select m.organization_id
        from public.memberships as m
        where m.user_id = auth.uid() and (permission = 'read' or m.role = 'owner')
    $$;
    select public.webhook_define_event('order.paid', 'An order was paid.',
        '{"type": "object", "required": ["order_id"], "properties": {
            "order_id": {"type": "string", "description": "The order."},
            "items": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}}}}',
        '{"order_id": "o_1"}', audience => 'customers');
    select public.webhook_define_event('order.refunded', 'An order was refunded.',
        '{"type": "object", "properties": {}}', '{}', audience => 'customers');
    -- the receivers of the tests are on this machine
    update public.webhook_tenant_limits set schemes = '{https,http}', private_networks = true where tenant_id = '';
"""

HTML = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy"
    content="default-src 'none'; script-src 'self'; connect-src *; style-src 'self'; img-src data:">
<link rel="icon" href="data:,"><title>Shop</title><link rel="stylesheet" href="shop.css">
<script src="supabase.js"></script><script type="module" src="portal/index.js"></script>
<main><h1>Shop</h1><webhooks-portal></webhooks-portal></main></html>"""


class Shop:
    """The app of the tests, as its developers would set it up."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        system.db.execute(SCHEMA)

        def make() -> None:
            for account in (ANNA, ARNO, BELA, STRANGER):
                make_account(system.supabase, account)

        make_people(system, "shop", make)
        for account, tenant, role in ((ANNA, "a", "owner"), (ARNO, "a", "member"), (BELA, "b", "owner")):
            system.db.execute(
                "insert into public.memberships select id, %s, %s from auth.users where email = %s",
                (tenant, role, account.email),
            )
        (folder / "index.html").write_text(HTML)
        (folder / "shop.css").write_text(
            "body { margin: 16px; font: 16px sans-serif; background: Canvas; color: CanvasText }"
            ":root { color-scheme: light dark }"
        )
        packages = install(say=quiet) / "node_modules" / "@supabase" / "supabase-js" / "dist" / "umd"
        (folder / "supabase.js").write_bytes((packages / "supabase.js").read_bytes())
        (folder / "portal").symlink_to(build())
        self.url = system.exit.enter_context(Pages(folder)).url

    def dispatch(self, tenant: str, data: Any, event: str = "order.paid") -> None:
        """Dispatch a customer's event, as the app's server does."""
        self.system.db.execute(
            "select public.dispatch_webhook(%s, %s, tenant_id => %s)", (event, json.dumps(data), tenant)
        )

    def endpoint(self, tenant: str, url: str, **columns: Any) -> str:
        """Make a customer's endpoint; return its id."""
        return self.system.endpoint(url, tenant_id=tenant, **columns)


class Visit(Watched):
    """A page of the shop, by a signed-in person, with all that the browser complained about."""

    def __init__(self, browser: Browser, shop: Shop, account: Account, tenant: str, **options: Any) -> None:
        super().__init__(browser, shop.url, **options)
        self.shop = shop
        self.page.goto("/")
        supabase = shop.system.supabase
        self.page.evaluate(
            """async ([url, key, account, tenant]) => {
                window.client = supabase.createClient(url, key)
                const { error } = await client.auth.signInWithPassword(account)
                if (error) throw error
                await customElements.whenDefined("webhooks-portal")
                Object.assign(document.querySelector("webhooks-portal"), { client, tenant })
            }""",
            [supabase.url, supabase.keys.publishable, account._asdict(), tenant],
        )
        self.portal = self.page.locator("webhooks-portal")

    def open(self, name: str) -> None:
        """Go to a section."""
        self.portal.get_by_role("navigation").get_by_role("button", name=name).click()
        expect(self.portal.get_by_role("heading", level=2, name=name)).to_be_focused()

    def close(self) -> None:
        """End the visit; nothing may have gone wrong in the browser."""
        self.context.close()
        assert self.complaints == []


@pytest.fixture
def shop(system: System, tmp_path: Path) -> Shop:
    """The shop, and its page."""
    folder = tmp_path / "page"
    folder.mkdir()
    return Shop(system, folder)
