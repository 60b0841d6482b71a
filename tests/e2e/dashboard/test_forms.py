"""Forms: from our own pages, of this session, by cookies that no one else can set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.dashboard.conftest import ADMIN, sign_in, token
from tests.e2e.dashboard.test_sign_in import kept

if TYPE_CHECKING:
    from tests.e2e.conftest import System
    from tests.e2e.dashboard.conftest import Site

FORMS = [
    "/sign-in", "/sign-in/code", "/sign-in/link", "/sign-in/provider", "/sign-in/methods", "/sign-out",
    "/endpoints", "/events/dispatch", "/replay", "/trigger-errors/retry",
    "/tokens",
]  # fmt: skip

#: What a browser says of a form that is not ours: of another site, a neighbor of our host, a sandboxed frame.
FOREIGN = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "something new"},
    # browsers before 2023, and each one on plain http
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "null"},
    {"Origin": "["},
    {"Origin": ""},
]


def test_a_form_of_another_site(site: Site) -> None:
    """Rejected with a page that says so, though the token is right: nothing changes."""
    client = site.admin()
    right = token(client, "/")
    for path in FORMS:
        for headers in FOREIGN:
            response = client.post(path, data={"_csrf_token": right}, headers=headers)
            assert (response.status_code, "from another site" in response.text) == (403, True), (path, headers)
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200, "a link leads here"
    assert "Host header" in response.text
    for headers in ({"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": site.url}, {}):
        response = client.post("/trigger-errors/retry", data={"_csrf_token": right}, headers=headers)
        assert response.status_code == 303, headers


def test_a_token_is_its_sessions(site: Site) -> None:
    """Another at each sign-in and sign-out; of one before, or of someone else, it is worth nothing."""
    client, other = site.visitor(), site.admin()
    seen = [token(client)]
    sign_in(client, ADMIN)
    seen.append(token(client, "/"))
    assert token(client, "/endpoints/new") == seen[-1], "all pages of one session have the same"
    stranger = token(other, "/")
    for foreign in (seen[0], stranger, "", "x", seen[-1][:-1], seen[-1] + "x", "ü"):
        response = client.post("/sign-out", data={"_csrf_token": foreign})
        assert (response.status_code, "The form has expired" in response.text) == (403, True), foreign
    assert client.post("/sign-out", data={"_csrf_token": seen[-1]}).status_code == 303
    assert not kept(client)
    seen.append(token(client))
    sign_in(client, ADMIN)
    seen.append(token(client, "/"))
    assert len({*seen, stranger}) == 5
    assert client.post("/sign-out", data={"_csrf_token": seen[1]}).status_code == 403


def test_cookies_on_https(site: Site) -> None:
    """Behind a proxy that ends TLS: __Host-, Secure and for all paths; one set over plain http does not count there."""
    https = {"X-Forwarded-Proto": "https"}
    client = site.admin()
    assert client.get("/").status_code == 200
    assert client.get("/", headers=https).status_code == 303, "set by someone on the network path"
    # as httpx sends no Secure cookie to http, this one carries its cookies itself
    form = httpx.get(f"{site.url}/sign-in", headers=https, trust_env=False)
    (cookie,) = form.headers.get_list("set-cookie")
    assert cookie.startswith("__Host-webhooks_session=")
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"secure", "httponly", "path=/", "samesite=lax"} <= attributes
    assert not any(part.startswith("domain") for part in attributes)
    found = form.text.split('name="_csrf_token" value="')[1].split('"')[0]
    response = httpx.post(
        f"{site.url}/sign-in", data={"_csrf_token": found, **ADMIN._asdict()}, trust_env=False,
        headers={**https, "Cookie": cookie.split(";")[0], "Origin": site.url.replace("http:", "https:")},
    )  # fmt: skip
    assert response.status_code == 303, response.text
    cookies = response.headers.get_list("set-cookie")
    assert all(one.startswith("__Host-webhooks_session") and "; secure" in one.lower() for one in cookies)
    sent = "; ".join(one.split(";")[0] for one in cookies)
    assert httpx.get(f"{site.url}/", headers={**https, "Cookie": sent}, trust_env=False).status_code == 200
    assert httpx.get(f"{site.url}/", headers={"Cookie": sent}, trust_env=False).status_code == 303


@pytest.mark.parametrize("trusted", ["127.0.0.1", "10.0.0.0/8"])
def test_headers_of_a_proxy_that_is_not_trusted(system: System, trusted: str) -> None:
    """FORWARDED_ALLOW_IPS names the proxies whose word counts."""
    gateway = system.gateway(WEBHOOKS_SESSION_SECRET="x" * 32, FORWARDED_ALLOW_IPS=trusted)
    form = httpx.get(f"{gateway.url}/sign-in", headers={"X-Forwarded-Proto": "https"}, trust_env=False)
    (cookie,) = form.headers.get_list("set-cookie")
    believed = trusted == "127.0.0.1"
    assert cookie.startswith("__Host-") is believed
    assert ("strict-transport-security" in form.headers) is believed
