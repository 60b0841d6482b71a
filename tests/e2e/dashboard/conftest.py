"""A running dashboard, an admin, and a way to sign in without a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.admins import Account, make_account, make_admin
from tests.e2e.people import make_people

if TYPE_CHECKING:
    from tests.e2e.conftest import System

SESSION_SECRET = "a session secret of the tests, long enough"
ADMIN = Account("admin@example.com", "a long password")
USER = Account("user@example.com", "another long password")


class Site:
    """A gateway with a dashboard, an admin's account and a user's."""

    def __init__(self, system: System) -> None:
        self.system = system

        def make() -> None:
            make_admin(system.supabase, ADMIN)
            make_account(system.supabase, USER)

        make_people(system, "site", make)
        self.url = system.standing_gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET).url

    def visitor(self) -> httpx.Client:
        """Return a client with cookies, as a browser without scripts is one."""
        client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self.system.exit.callback(client.close)
        return client

    def admin(self) -> httpx.Client:
        """Return a signed-in admin's client."""
        client = self.visitor()
        assert sign_in(client, ADMIN).status_code == 303
        return client


def token(client: httpx.Client, path: str = "/sign-in") -> str:
    """Return the CSRF token of a page's form."""
    found = re.search(r'name="_csrf_token" value="(\w+)"', client.get(path).text)
    assert found, "the page has no form"
    return found[1]


def sign_in(client: httpx.Client, account: Account, after: str = "/") -> httpx.Response:
    """Send the sign-in form."""
    fields = {"_csrf_token": token(client), "next": after, **account._asdict()}
    return client.post("/sign-in", data=fields)


@pytest.fixture
def site(system: System) -> Site:
    """The dashboard."""
    return Site(system)
