"""Deleting an endpoint by API, dashboard and command line: its history stays, or goes with it, as chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from supabase_webhooks.webhooks.cli.tables import shortest
from tests.cli.conftest import run
from tests.e2e.conftest import TOKEN
from tests.e2e.dashboard.conftest import token
from tests.e2e.dashboard.test_api import api

if TYPE_CHECKING:
    from tests.e2e.conftest import System
    from tests.e2e.dashboard.conftest import Site

__all__ = ["api"]

KEPT = "the endpoint was deleted"


def with_history(system: System, name: str, *, more: int = 0) -> str:
    """Make an endpoint with a delivered delivery and a pending one; return its id."""
    endpoint = system.endpoint("https://example.com/hook", name=name)
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)"
        " select %s, 'user.joined_community', '{}', status"
        " from unnest(array_fill('pending'::text, array[%s]) || '{delivered,pending}') as status",
        (endpoint, more),
    )
    return endpoint


def history(system: System, endpoint: str) -> list[tuple[str, str | None]]:
    """Return the status and error of an endpoint's deliveries."""
    return [(row["status"], row["error_message"]) for row in system.rows() if str(row["webhook_config_id"]) == endpoint]


def listed(api: httpx.Client) -> list[str]:
    """Return the names of all endpoints."""
    return [one["name"] for one in api.get("/endpoints").json()["items"]]


def test_by_the_api(site: Site, api: httpx.Client) -> None:
    """With history kept it is readable and cannot be retried; what is kept can be deleted later."""
    system = site.system
    kept, gone, other = (with_history(system, name) for name in ("kept", "gone", "other"))
    assert api.delete(f"/endpoints/{kept}").json() == {"id": kept, "deliveries": 1, "more": False}
    assert api.delete(f"/endpoints/{gone}", params={"history": "delete"}).json()["deliveries"] == 2
    assert listed(api) == ["other"]
    assert sorted(history(system, kept)) == [("delivered", None), ("failed", KEPT)]
    assert history(system, gone) == []
    assert len(history(system, other)) == 2
    for endpoint in (kept, gone):
        assert api.get(f"/endpoints/{endpoint}").status_code == 404

    found = api.get("/deliveries", params={"endpoint": kept, "webhook_config_id": kept}).json()["items"]
    mine = [one for one in found if one["webhook_config_id"] == kept]
    assert [(one["endpoint"], one["endpoint_deleted"]) for one in mine] == [("kept", True)] * 2
    shown = api.get(f"/deliveries/{mine[0]['id']}").json()
    assert shown["endpoint"]["deleted_at"]
    retried = api.post(f"/deliveries/{mine[0]['id']}/retry")
    assert (retried.status_code, 'webhook endpoint "kept" was deleted' in retried.json()["detail"]) == (400, True)

    assert api.delete(f"/endpoints/{kept}?history=delete").json()["deliveries"] == 2
    assert history(system, kept) == []
    assert api.delete(f"/endpoints/{kept}").status_code == 404
    assert api.delete(f"/endpoints/{other}", params={"history": "perhaps"}).status_code == 400
    details = system.db.execute(
        "select details from public.webhook_admin_actions where action = 'delete_endpoint' order by acted_at"
    ).fetchall()
    assert [row["details"] for row in details] == [{"keep_history": keep} for keep in (True, False, False)]


def test_who_may_delete(site: Site) -> None:
    """Admins and servers; the cron's token is not a server's here, and a token is required."""
    endpoint = with_history(site.system, "receiver")
    url = f"{site.url}/api/v1/endpoints/{endpoint}"
    for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}, {"Authorization": "Bearer no one"}):
        assert httpx.delete(url, headers=headers, trust_env=False).status_code in {401, 403}
    assert len(history(site.system, endpoint)) == 2
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "DELETE"}
    assert "DELETE" in httpx.options(url, headers=preflight, trust_env=False).headers["access-control-allow-methods"]
    headers = {"Authorization": f"Bearer {site.system.supabase.keys.secret}"}
    assert httpx.delete(url, headers=headers, trust_env=False, timeout=30).status_code == 200


def test_one_with_many_deliveries(site: Site, api: httpx.Client) -> None:
    """More than one batch, in one request."""
    endpoint = with_history(site.system, "busy", more=12_000)
    done = api.delete(f"/endpoints/{endpoint}", params={"history": "delete"}, timeout=60)
    deliveries = done.json()["deliveries"]
    while done.status_code == 202:
        # a slow machine does it in several
        assert done.json()["more"]
        done = api.delete(f"/endpoints/{endpoint}", params={"history": "delete"}, timeout=60)
        deliveries += done.json()["deliveries"]
    assert (done.status_code, deliveries, history(site.system, endpoint)) == (200, 12_002, [])


@pytest.mark.parametrize("chosen", ["keep", "delete"])
def test_by_the_dashboard(site: Site, chosen: str) -> None:
    """It asks first, on a page that works without scripts; then the delivery's page links to no endpoint."""
    system = site.system
    endpoint = with_history(system, "<b>n8n</b>")
    admin = site.admin()
    assert f'href="/endpoints/{endpoint}/delete"' in admin.get(f"/endpoints/{endpoint}").text
    asked = admin.get(f"/endpoints/{endpoint}/delete").text
    assert "Delete &lt;b&gt;n8n&lt;/b&gt;?" in asked
    assert len(history(system, endpoint)) == 2, "asking does nothing"
    form = {"_csrf_token": token(admin, f"/endpoints/{endpoint}/delete"), "history": chosen}
    assert admin.post(f"/endpoints/{endpoint}/delete", data={"history": chosen}).status_code == 403
    response = admin.post(f"/endpoints/{endpoint}/delete", data=form)
    assert (response.status_code, response.headers["Location"]) == (303, "/endpoints")
    page = admin.get("/endpoints").text
    assert "&lt;b&gt;n8n&lt;/b&gt; was deleted." in page
    assert ("Its history remains under Deliveries." in page) is (chosen == "keep")
    rows = [row for row in system.rows() if str(row["webhook_config_id"]) == endpoint]
    assert len(rows) == (2 if chosen == "keep" else 0)
    assert admin.get(f"/endpoints/{endpoint}").status_code == 404
    for row in rows:
        shown = admin.get(f"/deliveries/{row['id']}").text
        assert "deleted" in shown
        assert f"/endpoints/{endpoint}" not in shown
    assert f'href="/endpoints/{endpoint}"' not in admin.get("/deliveries").text


def test_by_the_command_line(site: Site) -> None:
    """By name or id, after a question; a name that two have, or none, is told."""
    system = site.system
    variables = system.settings()

    def delete(*arguments: str, given: str = "") -> Any:
        return run("endpoints", "delete", *arguments, variables=variables, given=given)

    named, by_id = with_history(system, "n8n"), with_history(system, "CRM")
    twins = [with_history(system, "twin") for _ in range(2)]
    refused = delete("n8n")
    assert refused.code == 2
    assert "Delete endpoint n8n" in refused.err
    assert "nothing was changed" in refused.err
    assert len(history(system, named)) == 2

    done = delete("n8n", "--yes")
    assert done.code == 0, done.err
    assert "Endpoint n8n was deleted; 1 delivery was unfinished, and marked as failed." in done.err
    assert sorted(history(system, named)) == [("delivered", None), ("failed", KEPT)]
    assert delete("n8n", "--yes").code == 2, "the name is free again"
    assert "no endpoint has the name 'n8n'" in delete("n8n", "--yes").err

    assert delete(by_id, "--with-history", "--json", given="y\n").json == {"id": by_id, "deliveries": 2}
    assert history(system, by_id) == []
    ambiguous = delete("twin", "--yes")
    assert ambiguous.code == 2
    message = " ".join(ambiguous.err.replace("│", " ").split())
    assert "'twin' means several endpoints; give more of the id" in message
    # each by what tells it from the other
    assert all(one[: shortest(twins)] in message for one in twins)
    assert delete(by_id, "--yes").code == 1
    assert delete(named, "--with-history", "--yes").code == 0
    assert history(system, named) == []
