"""Who can sign in: Supabase's users whom the database calls admins, and no one by a forged form or cookie."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.admins import Account
from supabase_webhooks.gateway.session import session_backend
from supabase_webhooks.webhooks.settings import Settings
from tests.e2e.conftest import TOKEN
from tests.e2e.dashboard.conftest import ADMIN, SESSION_SECRET, USER, sign_in, token

if TYPE_CHECKING:
    from tests.e2e.conftest import System
    from tests.e2e.dashboard.conftest import Site

PAGES = ["/", "/endpoints", "/endpoints/new", "/deliveries", "/events", "/runs", "/trigger-errors", "/replay"]


def test_nobody_sees_a_page_without_signing_in(site: Site) -> None:
    """Each leads to the sign-in, and back after it; a part of a page tells the page to go there."""
    visitor = site.visitor()
    for path in (*PAGES, "/overview/figures", "/overview/series", "/deliveries/rows"):
        reply = visitor.get(path)
        assert (reply.status_code, reply.headers["location"].split("?")[0]) == (303, "/sign-in"), path
        assert visitor.get(path, headers={"HX-Request": "true"}).headers["hx-redirect"] == "/sign-in", path


def test_an_admin_signs_in_and_out(site: Site) -> None:
    """Cookies are HttpOnly and Lax; every page responds; after signing out none does."""
    client = site.visitor()
    reply = sign_in(client, ADMIN, after="/deliveries?status=failed")
    assert reply.headers["location"] == "/deliveries?status=failed"
    cookies = reply.headers.get_list("set-cookie")
    assert any(cookie.startswith("webhooks_session=") for cookie in cookies)
    for cookie in cookies:
        assert "httponly" in cookie.lower()
        assert "samesite=lax" in cookie.lower()
        assert "secure" not in cookie.lower(), "plain http in this test"
    for path in PAGES:
        page = client.get(path)
        assert page.status_code == 200, page.text
        assert page.headers["cache-control"] == "no-store"
    client.post("/sign-out", data={"_csrf_token": token(client, "/")})
    assert client.get("/").status_code == 303


@pytest.mark.parametrize(
    "account",
    [
        Account(ADMIN.email, "a wrong password"),
        Account("nobody@example.com", "a wrong password"),
        Account("", "a wrong password"),
        Account(ADMIN.email, ""),
        USER,
    ],
)
def test_who_is_rejected(site: Site, account: Account) -> None:
    """Whatever is wrong, a user who is not an admin included: the same response, and no session."""
    client = site.visitor()
    response = sign_in(client, account)
    assert response.status_code == 400
    assert "The e-mail address or password is wrong, or the account is not a webhook admin." in response.text
    assert "tokens" not in kept(client)
    assert account.password not in response.text or not account.password
    assert client.get("/").status_code == 303


def test_a_sign_in_leads_to_no_other_site(site: Site) -> None:
    """Whatever the link said."""
    for after in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
        assert sign_in(site.visitor(), ADMIN, after=after).headers["location"] == "/", after


def test_no_form_without_its_token(site: Site) -> None:
    """CSRF: a post with the cookies alone, or another visitor's token, changes nothing."""
    client = site.admin()
    foreign = token(site.visitor())
    for path in ("/sign-in", "/sign-out", "/endpoints", "/events/dispatch", "/replay"):
        for fields in ({}, {"_csrf_token": foreign}, {"_csrf_token": "x" * 128}):
            assert client.post(path, data=fields).status_code == 403, path
        assert client.post(path, json={}).status_code == 403, path
    assert client.get("/").status_code == 200, "still signed in"


def test_the_old_functions_need_no_form_token(site: Site) -> None:
    """Bearer routes are called by servers, which have no cookies."""
    reply = httpx.post(
        f"{site.url}/functions/v1/webhook-dispatcher", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False
    )
    assert reply.status_code == 202


def test_an_expired_token_is_refreshed(site: Site) -> None:
    """The page comes as if nothing had been; a refresh token that Supabase rejects ends the session."""
    client = site.admin()
    stored = session(client)
    forge(client, {**stored, "expires_at": time.time() - 1})
    assert client.get("/").status_code == 200
    renewed = session(client)
    assert renewed["expires_at"] > time.time()
    assert renewed["email"] == ADMIN.email
    forge(client, {**stored, "expires_at": time.time() - 1, "refresh_token": "no longer good"})
    assert client.get("/").status_code == 303


def test_a_forged_or_foreign_cookie_is_nobody(site: Site) -> None:
    """A changed byte, or the key of another gateway, and the session is empty."""
    client = site.admin()
    good = client.cookies["webhooks_session"]
    for value in (good[:40] + ("A" if good[40] != "A" else "B") + good[41:], "null", "x" * 100):
        client.cookies.set("webhooks_session", value, domain="127.0.0.1")
        assert client.get("/").status_code == 303


def test_an_admin_who_is_one_no_longer(site: Site) -> None:
    """The database decides at each page, not the cookie."""
    client = site.admin()
    site.system.db.execute(
        "create or replace function public.is_webhook_admin() returns boolean language sql stable"
        " set search_path = '' as 'select false'"
    )
    reply = client.get("/")
    assert (reply.status_code, "only webhook admins can do this" in reply.text) == (403, True)


def test_headers_that_browsers_obey(site: Site) -> None:
    """On pages, errors, API and files alike; HSTS on https."""
    client = site.visitor()
    for path in ("/", "/sign-in", "/static/dashboard.js", "/healthz", "/nowhere", "/functions/v1/webhook-health"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
        assert "strict-transport-security" not in headers
    reply = client.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    assert "max-age" in reply.headers["strict-transport-security"]


def test_no_secret_in_any_page(site: Site) -> None:
    """Neither the service key, nor an endpoint's secret or headers, nor the admin's own tokens."""
    client = site.admin()
    system = site.system
    endpoint = system.endpoint("https://example.com/hook")
    system.db.execute('update public.webhook_configurations set headers = \'{"X-Key": "geheim-1"}\'')
    system.dispatch()
    stored = session(client)
    delivery = system.rows()[0]["id"]
    for path in (*PAGES, f"/endpoints/{endpoint}", f"/endpoints/{endpoint}/edit", f"/deliveries/{delivery}"):
        page = client.get(path)
        assert page.status_code == 200, path
        for secret in (
            system.supabase.keys.secret, system.secret, "geheim-1", stored["access_token"], stored["refresh_token"],
            SESSION_SECRET,
        ):  # fmt: skip
            assert secret not in page.text, path
    logs = system.log()
    assert logs
    for secret in (ADMIN.password, stored["access_token"], stored["refresh_token"], system.supabase.keys.secret):
        assert secret not in logs


def test_without_a_secret_it_says_how_to_switch_it_on(system: System) -> None:
    """A page instead of an error; the gateway's other routes work."""
    with httpx.Client(base_url=system.gateway().url, trust_env=False) as client:
        reply = client.get("/")
        assert (reply.status_code, "WEBHOOKS_SESSION_SECRET" in reply.text) == (503, True)
        assert client.get("/static/dashboard.css").status_code == 200
        assert client.get("/sign-in").status_code == 404
        assert client.get("/readyz").status_code == 200


#: The gateway's own.
BACKEND = session_backend(
    Settings(supabase_url="http://x", service_key="k", redis_url="redis://x", session_secret=SESSION_SECRET)
)


def kept(client: httpx.Client) -> dict[str, Any]:
    """Return what is in a client's cookie."""
    parts = {name: value for name, value in client.cookies.items() if name.startswith("webhooks_session")}
    data = [value.encode() for _, value in sorted(parts.items())]
    return BACKEND.load_data(data)


def session(client: httpx.Client) -> dict[str, object]:
    """Return the tokens in a client's cookie."""
    return dict(kept(client)["tokens"])


def forge(client: httpx.Client, tokens: dict[str, object], **more: Any) -> None:
    """Give a client a session with these tokens."""
    (data,) = BACKEND.dump_data({"tokens": tokens, **more})
    client.cookies.clear()
    client.cookies.set("webhooks_session", data.decode(), domain="127.0.0.1")
