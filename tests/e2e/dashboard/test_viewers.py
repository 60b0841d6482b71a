"""Viewers: staff who look at the dashboard and change nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from litestar.handlers import HTTPRouteHandler

from devstack.admins import Account, make_account, set_app_metadata
from devstack.admins import sign_in as token_of
from supabase_webhooks.gateway.dashboard import PAGES
from tests.e2e.conftest import JOINED
from tests.e2e.dashboard.conftest import Site, sign_in, token

if TYPE_CHECKING:
    import httpx

    from tests.e2e.conftest import System

VIEWER = Account("viewer@example.com", "a viewer's long password")

#: What only someone who sees payloads sees: of the event, and of the response.
PAYLOAD, RESPONSE = "a comment of someone", "a response of someone"


def assign(system: System, **roles: str | bool | None) -> None:
    """Change the viewer's app_metadata."""
    make_account(system.supabase, VIEWER)
    set_app_metadata(system.supabase, token_of(system.supabase, VIEWER)["user"]["id"], **roles)


def viewer(site: Site, *, payloads: bool | None = None) -> httpx.Client:
    """Return a signed-in viewer's client."""
    assign(site.system, webhooks_role="viewer", webhooks_payloads=payloads)
    client = site.visitor()
    assert sign_in(client, VIEWER).status_code == 303
    return client


def delivered(site: Site) -> tuple[str, str]:
    """Return an endpoint, and a delivery to it that failed once and waits."""
    db = site.system.db
    endpoint = str(site.system.endpoint("https://example.com/hook"))
    site.system.dispatch(data={**JOINED, "said": PAYLOAD})
    (row,) = db.execute("select id::text from public.webhook_deliveries").fetchall()
    db.execute(
        "update public.webhook_deliveries set attempts = 1, response_status = 500, response_body = %s,"
        " error_message = 'HTTP 500', last_attempt_at = now() where id = %s",
        (RESPONSE, row["id"]),
    )
    db.execute(
        "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered, response_status,"
        " response_headers, response_excerpt, error) values (%s, 1, now(), 5, false, 500, %s, %s, 'HTTP 500')",
        (row["id"], '{"x-note": "a header"}', RESPONSE),
    )
    return endpoint, row["id"]


def links(text: str) -> set[str]:
    """Return the addresses that a page leads to, without files and the API's reference."""
    found = {link.partition("#")[0].replace("&amp;", "&") for link in re.findall(r'(?:href|hx-get)="(/[^"]*)"', text)}
    return {link for link in found if link and not link.startswith(("/static", "/schema"))}


@pytest.mark.parametrize("payloads", [None, True])
def test_a_viewer_looks_around(site: Site, payloads: bool | None) -> None:
    """No page leads to one that is denied, none has a form that changes something, and payloads are as allowed."""
    endpoint, delivery = delivered(site)
    client = viewer(site, payloads=payloads)
    seen: dict[str, str] = {}
    todo = {"/", f"/deliveries/{delivery}?tab=response", f"/endpoints/{endpoint}"}
    while todo:
        address = todo.pop()
        response = client.get(address)
        assert response.status_code == 200, address
        seen[address] = response.text
        # of the list's many filters, those of a first page are enough
        todo |= {link for link in links(response.text) - seen.keys() if not address.startswith("/deliveries?")}
    assert {"/", "/deliveries", "/endpoints", f"/endpoints/{endpoint}"} <= seen.keys()
    for address, text in seen.items():
        posted = set(re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', text))
        # the selection stays, for copying ids, without the buttons that change something
        assert posted <= {"/sign-out", "/deliveries/retry"}, address
        assert "Retry" not in text, address
        assert "Skip selected" not in text, address
    shown = "".join(seen.values())
    assert ("(viewer)" in shown, "HTTP 500" in shown) == (True, True)
    assert (PAYLOAD in shown, RESPONSE in shown, "a header" in shown) == (bool(payloads),) * 3
    assert ("sees no payloads" in shown) is not payloads


def test_a_viewer_changes_nothing(site: Site) -> None:
    """Each form of an admin's is rejected, with its reason; so is what only admins look at."""
    endpoint, delivery = delivered(site)
    client = viewer(site)
    hidden = {"_csrf_token": token(client, "/"), "active": "false", "history": "delete", "delivery_ids": delivery}
    posts = {
        path
        for one in PAGES
        if isinstance(one, HTTPRouteHandler) and "POST" in one.http_methods
        for path in one.paths
        if not path.startswith("/sign-")
    }
    assert len(posts) > 10
    before = site.system.db.execute("select to_jsonb(d) as d from public.webhook_deliveries as d").fetchall()
    for path in sorted(posts):
        filled = re.sub(r"\{delivery_id[^}]*\}", delivery, re.sub(r"\{endpoint_id[^}]*\}", endpoint, path))
        response = client.post(re.sub(r"\{[^}]*\}", endpoint, filled), data=hidden)
        assert (response.status_code, "Viewers can look" in response.text) == (403, True), path
    assert site.system.db.execute("select to_jsonb(d) as d from public.webhook_deliveries as d").fetchall() == before
    for path in ("/events", "/tokens", "/trigger-errors", f"/endpoints/{endpoint}/edit"):
        assert client.get(path).status_code == 403, path


def test_a_role_that_changes(site: Site) -> None:
    """Someone demoted sees nothing from the next page on; someone promoted is an admin after a sign-in."""
    client = viewer(site)
    assign(site.system, webhooks_role=None)
    assert client.get("/deliveries").status_code == 403
    assert sign_in(site.visitor(), VIEWER).status_code == 400
    assign(site.system, webhooks_role="admin")
    assert client.post("/sign-out", data={"_csrf_token": token(client, "/")}).status_code == 303
    assert sign_in(client, VIEWER).status_code == 303
    assert client.get("/tokens").status_code == 200
