"""API tokens on the dashboard, without scripts: created and shown once, listed, revoked after a confirmation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from tests.e2e.dashboard.conftest import ADMIN, token

if TYPE_CHECKING:
    from tests.e2e.dashboard.conftest import Site

TOKEN = re.compile(r"whk_[0-9a-f]{64}")


def form(client: httpx.Client, **fields: str | list[str]) -> dict[str, str | list[str]]:
    """Return the fields of the page's form."""
    text = client.get("/tokens").text
    key = re.search(r'name="key" value="([^"]+)"', text)
    assert key
    return {"_csrf_token": token(client, "/tokens"), "key": key[1], "name": "ci", "expires_after": "30 days", **fields}


def test_the_life_of_a_token(site: Site) -> None:
    """It opens what its scopes say from the page that shows it until the click that revokes it."""
    client = site.admin()
    assert "There are no API tokens yet." in client.get("/tokens").text
    fields = form(client, scopes=["read", "dispatch"])
    page = client.post("/tokens", data=fields)
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-store")
    (shown,) = TOKEN.findall(page.text)
    headers = {"Authorization": f"Bearer {shown}"}
    stats = f"{site.url}/api/v1/stats"
    assert httpx.get(stats, headers=headers, trust_env=False).status_code == 200

    # reloading the page sends the form again
    again = client.post("/tokens", data=fields)
    assert not TOKEN.search(again.text)
    assert "already processed" in again.text
    listed = client.get("/tokens").text
    assert (listed.count(f"{shown[:12]}…"), shown in listed) == (1, False)
    for text in ("read, dispatch", f"by {ADMIN.email}", "active"):
        assert text in listed

    (path,) = set(re.findall(r'href="(/tokens/[^"]+/revoke)"', listed))
    confirmation = client.get(path).text
    assert "Revoke ci?" in confirmation
    assert httpx.get(stats, headers=headers, trust_env=False).status_code == 200, "a question alone revokes nothing"
    assert client.post(path, data={"_csrf_token": token(client, path)}).status_code == 303
    assert "ci was revoked." in client.get("/tokens").text
    assert httpx.get(stats, headers=headers, trust_env=False).status_code == 401
    rows = site.system.db.execute("select action, actor from public.webhook_admin_actions order by acted_at").fetchall()
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("create_token", ADMIN.email),
        ("revoke_token", ADMIN.email),
    ]


def test_what_is_wrong_is_said_and_kept(site: Site) -> None:
    """In the form, with what was filled in; nothing is created."""
    client = site.admin()
    for fields, error in (
        ({}, "needs scopes"),
        ({"scopes": ["admin"]}, "needs scopes"),
        ({"scopes": ["read"], "name": ""}, "needs a name"),
        ({"scopes": ["read"], "name": "x" * 101}, "needs a name"),
        ({"scopes": ["read"], "expires_after": "1000 years"}, "Expires after must be one of"),
    ):
        response = client.post("/tokens", data=form(client, **fields))
        assert (response.status_code, error in response.text) == (400, True), fields
        assert f'value="{fields.get("name", "ci")}"' in response.text
        assert ('value="read" checked' in response.text) is ("read" in fields.get("scopes", []))
    assert "There are no API tokens yet." in client.get("/tokens").text
    nowhere = "/tokens/00000000-0000-0000-0000-000000000000/revoke"
    assert client.get(nowhere).status_code == 404
    assert client.post(nowhere, data={"_csrf_token": token(client, "/tokens")}).status_code == 404


def test_a_page_for_admins_only(site: Site) -> None:
    """Neither a visitor nor an API token of any scope gets there: a token creates no token."""
    scopes = "{read,manage,dispatch}"
    row = site.system.db.execute("select public.create_webhook_api_token('all', %s) as made", (scopes,)).fetchone()
    assert row is not None
    headers = {"Authorization": f"Bearer {row['made']['token']}"}
    path = f"/tokens/{row['made']['id']}/revoke"
    for given in ({}, headers):
        visitor = site.visitor()
        for address in ("/tokens", path):
            response = visitor.get(address, headers=given)
            assert (response.status_code, response.headers["location"].startswith("/sign-in")) == (303, True)
        for address in ("/tokens", path):
            fields = {"_csrf_token": token(visitor), "name": "x", "scopes": "manage"}
            assert visitor.post(address, data=fields, headers=given).headers["location"].startswith("/sign-in")
    rows = site.system.db.execute("select revoked_at from webhooks.api_tokens").fetchall()
    assert rows == [{"revoked_at": None}]
