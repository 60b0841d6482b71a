"""The API reference at /schema in a real Chromium: nothing comes from elsewhere, and the policy allows all of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.browser import chromium, program
from devstack.services import Gateway
from supabase_webhooks.gateway.security import CONTENT_SECURITY_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", params=["", "/webhooks"], ids=["root", "prefix"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Where the gateway is on its host."""
    return str(request.param)


@pytest.fixture(scope="module")
def gateway(prefix: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway alone: the reference needs no Supabase."""
    settings = {
        "SUPABASE_URL": "http://127.0.0.1:9",
        "SUPABASE_SERVICE_ROLE_KEY": "key",
        "REDIS_URL": "",
        "WEBHOOKS_ALLOW_HTTP": "true",
        "WEBHOOKS_ROOT_PATH": prefix,
    }
    gateway = Gateway(settings, log=tmp_path_factory.mktemp("reference") / "gateway.log")
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


def test_the_reference_is_our_own(gateway: Gateway, prefix: str) -> None:
    """Every operation opens and one is run: no request leaves the origin, and the browser complains of nothing."""
    if program() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set CHROMIUM to its path)")
    requests: list[str] = []
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))

        # When a reader opens each operation, signs in, and tries one
        page.goto(f"{gateway.url}{prefix}/schema")
        page.get_by_text("Webhook gateway").first.wait_for()
        closed = page.locator(".opblock:not(.is-open) .opblock-summary-control")
        operations = closed.count()
        for control in closed.all():
            control.click(trial=True)
        # all at once: the page renders every open one again for each click
        closed.evaluate_all("controls => controls.forEach(control => control.click())")
        page.get_by_role("button", name="Authorize").first.click()
        page.locator(".auth-container input").fill("a-token")
        page.locator(".auth-container").get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close", exact=True).click()
        alive = page.locator(".opblock").filter(has=page.locator("[data-path='/healthz']"))
        alive.get_by_role("button", name="Try it out").click()
        alive.get_by_role("button", name="Execute").click()
        alive.locator(".live-responses-table").get_by_text('"ok"').first.wait_for()

        # Then it shows them all, and everything came from the gateway
        paths = httpx.get(f"{gateway.url}/schema/openapi.json", trust_env=False).json()["paths"]
        assert operations == sum(len(path) for path in paths.values())
        assert page.locator(".opblock.is-open .opblock-body").count() == operations
    elsewhere = [url for url in requests if not url.startswith((f"{gateway.url}{prefix}/", "data:"))]
    assert elsewhere == []
    assert f"{gateway.url}{prefix}/healthz" in requests
    assert complaints == []


@pytest.mark.parametrize("path", ["", "/", "/openapi.json", "/swagger", "/redoc", "/elements", "/rapidoc", "/scalar"])
def test_the_policy_is_everywhere(gateway: Gateway, prefix: str, path: str) -> None:
    """The same one as the dashboard's; no renderer of the framework's is left that a CDN serves."""
    response = httpx.get(f"{gateway.url}{prefix}/schema{path}", trust_env=False)
    assert response.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert path == "/openapi.json" or "https://" not in response.text
    assert (response.status_code == 200) == (path in {"", "/", "/openapi.json"})
