"""Who is an admin, over REST and at the gateway: no user makes themselves one, and a former one is out at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.admins import Account, make_account, make_admin, set_app_metadata, sign_in
from tests.cli.conftest import run
from tests.e2e.dashboard.conftest import SESSION_SECRET
from tests.e2e.dashboard.conftest import sign_in as sign_in_at

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import System

EVE = Account("eve@example.com", "eve's long password")
ADA = Account("ada@example.com", "ada's long password")


def rest(system: System, token: str) -> httpx.Client:
    """Return a client of the REST API, as a browser with a sign-in has one."""
    headers = {"apikey": system.supabase.keys.publishable, "Authorization": f"Bearer {token}"}
    client = httpx.Client(base_url=f"{system.supabase.url}/rest/v1", headers=headers, trust_env=False, timeout=30)
    system.exit.callback(client.close)
    return client


def doors(system: System, gateway: str, token: str) -> dict[str, int]:
    """Return the status code of each way in, with a user's token."""
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=gateway, headers=bearer, trust_env=False, timeout=30) as client:
        at_gateway = {path: client.get(path).status_code for path in ("/api/v1/endpoints", "/api/v1/stats",
                                                                      "/functions/v1/webhook-health")}  # fmt: skip
    database = rest(system, token)
    response = database.post("/rpc/list_webhook_endpoints", json={})
    seen = database.get("/webhook_configurations", params={"select": "id"})
    assert bool(seen.is_success and seen.json()) is response.is_success, "tables and functions agree"
    return at_gateway | {"rpc": response.status_code}


#: How an admin's sign-in ends.
def _sign_out(system: System, signed_in: dict[str, Any]) -> None:
    headers = {"apikey": system.supabase.keys.publishable, "Authorization": f"Bearer {signed_in['access_token']}"}
    httpx.post(
        f"{system.supabase.url}/auth/v1/logout?scope=global", headers=headers, trust_env=False
    ).raise_for_status()


def _demote(system: System, signed_in: dict[str, Any]) -> None:
    set_app_metadata(system.supabase, signed_in["user"]["id"], webhooks_role=None)


def _ban(system: System, signed_in: dict[str, Any]) -> None:
    ban = "update auth.users set banned_until = now() + interval '1 day' where id = %s"
    system.db.execute(ban, (signed_in["user"]["id"],))


def _delete(system: System, signed_in: dict[str, Any]) -> None:
    system.db.execute("delete from auth.users where id = %s", (signed_in["user"]["id"],))


@pytest.mark.parametrize("end", [_sign_out, _demote, _ban, _delete], ids=lambda end: end.__name__.strip("_"))
def test_a_token_stops_working(system: System, end: Callable[[System, dict[str, Any]], None]) -> None:
    """The same access token, hours before it expires, at the next call: REST, the API, and the dashboard's pages."""
    system.endpoint("https://example.com/")
    gateway = system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET).url
    make_admin(system.supabase, ADA)
    signed_in = sign_in(system.supabase, ADA)
    assert set(doors(system, gateway, signed_in["access_token"]).values()) == {200}
    with httpx.Client(base_url=gateway, trust_env=False, timeout=30) as browser:
        sign_in_at(browser, ADA)
        assert browser.get("/endpoints").status_code == 200
        end(system, signed_in)
        assert set(doors(system, gateway, signed_in["access_token"]).values()) == {403}
        # it ended every session of the user
        assert browser.get("/endpoints").status_code == 403
    assert run("doctor", "--json", variables=system.settings()).code == 0


def test_the_sign_in_page_names_the_command(system: System) -> None:
    """For users who are not admins, and before they try."""
    gateway = system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET).url
    make_account(system.supabase, EVE)
    with httpx.Client(base_url=gateway, trust_env=False, timeout=30) as browser:
        assert "webhooks admins add EMAIL" in browser.get("/sign-in").text
        assert "webhooks admins add EMAIL" in sign_in_at(browser, EVE).text
