"""Tries to sign in, counted over all gateways: a stranger has few, and keeps no one else out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.admins import Account
from devstack.receiver import Reply
from supabase_webhooks.gateway.tries import account, customer
from tests.e2e.dashboard.conftest import ADMIN, SESSION_SECRET, USER, Site, sign_in
from tests.e2e.proxy import NO_KEY, TOO_MANY, Proxy

if TYPE_CHECKING:
    from tests.e2e.conftest import System

WRONG = Account(ADMIN.email, "a wrong password")


def visitor(site: Site, url: str, address: str) -> httpx.Client:
    """Return a client that comes from an address, by way of a proxy."""
    client = httpx.Client(base_url=url, headers={"X-Forwarded-For": address}, trust_env=False, timeout=60)
    site.system.exit.callback(client.close)
    return client


def test_a_stranger_guesses(site: Site) -> None:
    """Ten tries, by two gateways and however the address is written; the admin and other accounts come in."""
    urls = [site.url, site.system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET).url]
    strangers = [visitor(site, url, "198.51.100.7") for url in urls]
    spellings = [
        ADMIN.email,
        "Admin@example.com",
        " ADMIN@EXAMPLE.COM",
        "adm\N{LATIN SMALL LETTER I WITH ACUTE}n@example.com",
        ADMIN.email,
    ]
    statuses = [sign_in(strangers[n % 2], Account(spellings[n % 5], "a wrong password")).status_code for n in range(12)]
    assert statuses == [400] * 10 + [429] * 2
    for stranger in strangers:
        response = sign_in(stranger, ADMIN)
        assert response.status_code == 429, "the right password now makes no difference"
        assert "Too many attempts from your address. Try again in 15 minutes." in response.text
    assert sign_in(strangers[0], USER).status_code == 400, "another account"
    assert sign_in(visitor(site, site.url, "198.51.100.8"), ADMIN).status_code == 303, "the admin, from elsewhere"
    # neither the address nor the account is kept
    rows = site.system.db.execute("select t::text as row from webhooks.sign_in_tries as t").fetchall()
    assert rows
    assert not any("198.51" in row["row"] or "example" in row["row"] for row in rows)


def test_who_mistypes_and_signs_in_starts_anew(site: Site) -> None:
    """The count is of tries since the last sign-in; an account that is not an admin's never gets there."""
    client = visitor(site, site.url, "198.51.100.7")
    for _ in range(3):
        assert [sign_in(client, WRONG).status_code for _ in range(8)] == [400] * 8
        assert sign_in(client, ADMIN).status_code == 303
        client.cookies.clear()
    assert [sign_in(client, USER).status_code for _ in range(11)] == [400] * 10 + [429]


def test_an_address_that_only_the_client_names(system: System) -> None:
    """X-Forwarded-For counts where the proxy is trusted; else the tries are those of the connection's own address."""
    system.variables = {"FORWARDED_ALLOW_IPS": "10.0.0.1"}
    site = Site(system)
    statuses = [
        sign_in(visitor(site, site.url, f"198.51.100.{n}"), Account("a@example.com", "x")).status_code
        for n in range(11)
    ]
    assert statuses == [400] * 10 + [429]


CAPTCHA = Reply(400, b'{"code":400,"error_code":"captcha_failed","msg":"captcha protection: request disallowed"}')


@pytest.mark.parametrize(
    ("reply", "status", "text"),
    [
        (CAPTCHA, 400, "requires a CAPTCHA"),
        (TOO_MANY, 429, "Try again in a few minutes"),
        (NO_KEY, 503, "does not accept SUPABASE_ANON_KEY"),
        (Reply(502), 503, "Nothing is lost"),
    ],
)
def test_what_is_not_the_visitors_fault(system: System, reply: Reply, status: int, text: str) -> None:
    """Supabase Auth's own checks and limits, a wrong key, no response: none is a wrong password."""
    with Proxy(system.supabase.url) as proxy:
        system.variables = {"SUPABASE_URL": proxy.url}
        site = Site(system)
        proxy.refuse("/auth/v1/token", reply, 60)
        response = sign_in(site.visitor(), ADMIN)
        assert (response.status_code, text in response.text) == (status, True), response.text
        assert "is wrong" not in response.text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("198.51.100.7", "198.51.100.8", False),
        ("unknown", "unknown", True),
        ("", "198.51.100.7", False),
    ],
)
def test_whose_an_address_is(one: str, other: str, same: bool) -> None:
    """Of IPv6 a customer has a network, and may change the rest at will."""
    assert (customer(one) == customer(other)) is same


@pytest.mark.parametrize(
    "spelling",
    [
        "ADMIN@example.com",
        " admin@example.com\n",
        "adm\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}n@example.com",
        "\N{FULLWIDTH LATIN SMALL LETTER A}dmin@example.com",
        "admin@e\N{MODIFIER LETTER SMALL X}ample.com",
    ],
)
def test_spellings_of_an_account(spelling: str) -> None:
    """What Supabase Auth might take for the same account counts as the same."""
    assert account(spelling) == account(ADMIN.email)
