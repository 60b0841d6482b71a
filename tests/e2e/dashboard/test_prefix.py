"""Behind a proxy that serves the gateway under a path prefix: links, forms, files, redirects and cookies stay there."""

from __future__ import annotations

import http.client
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from devstack.sample import fill
from supabase_webhooks.gateway.prefix import stripped
from tests.e2e.dashboard.conftest import ADMIN, SESSION_SECRET, Site
from tests.e2e.dashboard.test_browser import browser

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Response

__all__ = ["browser"]

PREFIX = "/tools/webhooks"


class PrefixProxy:
    """A reverse proxy, as nginx's `location /tools/webhooks/ { proxy_pass ...; }`: what is not below it is not found.

    `strip`: whether the application sees the path without the prefix.
    """

    def __init__(self, port: int, *, strip: bool) -> None:
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(port, strip=strip))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where the gateway is, for a browser."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{PREFIX}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self, port: int, *, strip: bool) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.asked.append(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if not self.path.startswith(f"{PREFIX}/"):
                    self.send_error(404, "not the gateway's")
                    return
                path = self.path.removeprefix(PREFIX) if strip else self.path
                upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                upstream.request(self.command, path, body=body or None, headers=dict(self.headers.items()))
                response = upstream.getresponse()
                content = response.read()
                self.send_response(response.status)
                for name, value in response.getheaders():
                    if name.lower() not in {"transfer-encoding", "connection", "date", "server"}:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                upstream.close()

            do_POST = do_GET  # noqa: N815 - the base class calls it so

            def log_message(self, *_: object) -> None: ...

        return Handler


@pytest.fixture(params=[True, False], ids=["stripped", "kept"])
def proxy(site: Site, request: pytest.FixtureRequest) -> Iterator[PrefixProxy]:
    """A gateway that knows its prefix, behind a proxy."""
    gateway = site.system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET, WEBHOOKS_ROOT_PATH=PREFIX)
    with PrefixProxy(gateway.port, strip=request.param) as proxy:
        yield proxy


def test_every_page_under_a_prefix(browser: Browser, site: Site, proxy: PrefixProxy) -> None:
    """Nothing that the browser asks for is outside the prefix, and nothing fails; forms and their redirects work."""
    fill(site.system.dsn, 30)
    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    failed: list[tuple[int, str]] = []

    def note(response: Response) -> None:
        if response.status >= 400:
            failed.append((response.status, response.url))

    page.on("response", note)
    page.goto(f"{proxy.url}/deliveries")
    expect(page).to_have_url(f"{proxy.url}/sign-in?next=%2Fdeliveries")
    page.get_by_label("E-mail").fill(ADMIN.email)
    page.get_by_label("Password").fill(ADMIN.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{proxy.url}/deliveries")

    # every link of every page that one click leads to
    todo, seen = [f"{proxy.url}/"], set[str]()
    while todo and len(seen) < 30:
        address = todo.pop(0)
        if address in seen:
            continue
        seen.add(address)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        links: list[str] = page.evaluate(
            "[...document.querySelectorAll('a[href], form, [formaction]')]"
            ".map((e) => e.href?.baseVal ?? e.href ?? e.formAction ?? e.action)"
            ".map((a) => new URL(a, location).href).filter((a) => a.startsWith(location.origin))"
        )
        outside = [link for link in links if not urlsplit(link).path.startswith(f"{PREFIX}/")]
        assert outside == [], address
        pages: list[str] = page.evaluate(
            "[...document.querySelectorAll('main a[href]:not(svg a), nav a[href]')].map((a) => a.href.split('#')[0])"
        )
        todo += [link for link in pages if "/schema" not in link]
    assert {urlsplit(address).path.removeprefix(PREFIX) for address in seen} > {
        "/", "/endpoints", "/deliveries", "/events", "/runs", "/trigger-errors",
    }  # fmt: skip

    page.goto(f"{proxy.url}/endpoints/new")
    page.get_by_label("Name", exact=True).fill("behind a prefix")
    page.get_by_label("URL").fill("https://example.com/hook")
    page.get_by_role("button", name="Create endpoint").click()
    page.get_by_role("link", name="View endpoint").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    cookies = [one for one in context.cookies() if one["name"].startswith("webhooks_session")]
    assert {one["path"] for one in cookies} == {PREFIX}
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{proxy.url}/sign-in")
    context.close()
    assert failed == []
    assert [path for path in proxy.asked if not path.startswith(f"{PREFIX}/") and path != "/favicon.ico"] == []


def test_the_list_under_a_prefix(browser: Browser, site: Site, proxy: PrefixProxy) -> None:
    """The search box, a selection that is skipped, a retry, live mode and the API reference stay below it."""
    fill(site.system.dsn, 10)
    context = browser.new_context()
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(f"{proxy.url}/sign-in")
    page.get_by_label("E-mail").fill(ADMIN.email)
    page.get_by_label("Password").fill(ADMIN.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{proxy.url}/")
    page.goto(f"{proxy.url}/deliveries")
    page.get_by_role("searchbox").fill("pending")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{proxy.url}/deliveries?status=pending")
    page.locator("tbody .pick input").first.check()
    page.get_by_role("button", name="Skip selected").click()
    expect(page.get_by_role("status")).to_have_text("1 delivery was skipped and failed.")
    expect(page).to_have_url(f"{proxy.url}/deliveries?status=pending")
    delivery = page.locator("tbody tr").first.get_attribute("data-id") or ""
    page.get_by_role("searchbox").fill(delivery)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{proxy.url}/deliveries/{delivery}")
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("status")).to_contain_text("due now")
    with page.expect_response(lambda response: response.url.startswith(f"{proxy.url}/deliveries/rows") and response.ok):
        page.goto(f"{proxy.url}/deliveries?live=1")
    page.goto(f"{proxy.url}/")
    page.wait_for_selector("#chart[data-drawn] canvas")
    page.locator("#chart-deliveries .u-over").click()
    expect(page).to_have_url(re.compile(f"^{re.escape(proxy.url)}/deliveries\\?created_from="))
    page.goto(f"{proxy.url}/schema")
    expect(page.locator(".opblock").first).to_be_visible()
    assert page.locator(".servers option").first.get_attribute("value") == PREFIX
    context.close()
    assert [path for path in proxy.asked if not path.startswith(f"{PREFIX}/") and path != "/favicon.ico"] == []


def test_what_programs_call_under_a_prefix(proxy: PrefixProxy) -> None:
    """Probes, API and files; a part that the page asks for leads to the sign-in below the prefix."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        assert client.get(f"{proxy.url}/healthz").status_code == 200
        assert client.get(f"{proxy.url}/api/v1/endpoints").status_code == 401
        assert client.get(f"{proxy.url}/static/dashboard.css").status_code == 200
        part = client.get(f"{proxy.url}/overview/figures", headers={"HX-Request": "true"})
        assert part.headers["hx-redirect"] == f"{PREFIX}/sign-in"
        secure = client.get(f"{proxy.url}/sign-in", headers={"X-Forwarded-Proto": "https"})
        (cookie,) = secure.headers.get_list("set-cookie")
        # __Host- needs the path /
        assert cookie.startswith("__Secure-webhooks_session=")
        assert f"path={PREFIX}" in cookie.lower().replace("; ", ";").split(";")


def test_no_header_sets_the_prefix(site: Site) -> None:
    """A visitor cannot make a page link, redirect or set cookies elsewhere."""
    for name in ("X-Forwarded-Prefix", "X-Script-Name", "X-Forwarded-Path", "X-Original-URI"):
        response = httpx.get(f"{site.url}/deliveries", headers={name: "//evil.example"}, trust_env=False)
        assert response.headers["location"] == "/sign-in?next=%2Fdeliveries"
        form = httpx.get(f"{site.url}/sign-in", headers={name: "/evil"}, trust_env=False)
        assert "evil" not in form.text
        assert "evil" not in str(form.headers)


@pytest.mark.parametrize(
    ("path", "root", "configured", "wanted"),
    [
        ("/endpoints", "", "", "/endpoints"),
        ("/endpoints", "", "/a", "/endpoints"),
        ("/a/endpoints", "", "/a", "/endpoints"),
        ("/a", "", "/a", "/"),
        ("/ab/endpoints", "", "/a", "/ab/endpoints"),
        # as uvicorn --root-path makes it, and other servers
        ("/a/endpoints", "/a", "", "/endpoints"),
        ("/endpoints", "/a", "", "/endpoints"),
        ("/endpoints", "/a/", "", "/endpoints"),
        ("/a/a/endpoints", "/a", "/a", "/a/endpoints"),
    ],
)
def test_the_path_begins_after_the_prefix(path: str, root: str, configured: str, wanted: str) -> None:
    """Whether or not the proxy strips it; a setting comes before the server's root_path."""
    scope: Any = {"type": "http", "path": path, "root_path": root}
    found = stripped(scope, configured)
    assert (found["path"], found["root_path"]) == (wanted, configured or root.rstrip("/"))
