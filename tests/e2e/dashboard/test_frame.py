"""Around the pages: HEAD, addresses that do not exist, the design's weight, and where each file comes from."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

import supabase_webhooks.gateway
from supabase_webhooks.gateway.dashboard.page import TEMPLATES
from tests.e2e.dashboard.conftest import token

if TYPE_CHECKING:
    from tests.e2e.dashboard.conftest import Site

STATIC = Path(supabase_webhooks.gateway.__file__).parent / "static"


def test_head_is_get_without_a_body(site: Site) -> None:
    """For probes, pages, files, and what does not exist; and not for what only takes a POST."""
    client = site.admin()
    for path in (
        "/healthz",
        "/",
        "/deliveries",
        "/sign-in",
        "/static/dashboard.css",
        "/api/v1/stats",
        "/nothing",
        "/schema",
    ):
        head, get = client.head(path), client.get(path)
        assert (head.status_code, head.content) == (get.status_code, b""), path
        assert head.headers["content-type"] == get.headers["content-type"], path
    assert client.head("/healthz").status_code == 200
    assert client.head("/sign-out").status_code == 405


@pytest.mark.parametrize("path", ["/nothing", "/deliveries/x", "/static/none.css", "/endpoints/1/2/3", "/sign-out"])
def test_unknown_addresses(site: Site, path: str) -> None:
    """A browser gets a page that leads on, a program JSON."""
    client = site.visitor()
    page = client.get(path, headers={"Accept": "text/html,application/xhtml+xml"})
    assert page.status_code in {404, 405}
    assert page.headers["content-type"].startswith("text/html")
    assert '<a href="/">' in page.text
    program = client.get(path, headers={"Accept": "application/json"})
    assert program.json()["status_code"] == page.status_code


def test_an_endpoint_that_does_not_exist(site: Site) -> None:
    """The page names it; "There is no page" would blame the address."""
    client, nowhere = site.admin(), str(UUID(int=0))
    page = client.get(f"/endpoints/{nowhere}", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert f"Endpoint {nowhere} does not exist" in page.text


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e999", "NaN"])
def test_what_is_not_a_number(site: Site, value: str) -> None:
    """In a field for a number it is the form's error, not the server's."""
    client = site.admin()
    fields = {"_csrf_token": token(client, "/endpoints/new"), "name": "a", "url": "https://example.com", "events": "*"}
    response = client.post("/endpoints", data={**fields, "retry": "standard", "rate_limit_per_second": value})
    assert response.status_code == 400
    assert "must be a number" in response.text


def test_the_pages_are_light() -> None:
    """The scripts and styles of all pages together, as they are: under 200 KB. The API reference is not one of them."""
    pages = [file.read_text() for file in TEMPLATES.glob("*.html") if file.name != "reference.html"]
    names = {name for page in pages for name in re.findall(r'"/static/([^"]+\.(?:js|css))"', page)}
    assert names >= {"dashboard.js", "dashboard.css", "tokens.css", "chart.js"}
    assert sum((STATIC / name).stat().st_size for name in names) < 200_000
    for file in STATIC.rglob("*.woff2"):
        assert (file.parent / "LICENSE").read_text().find("SIL Open Font License") > 0
