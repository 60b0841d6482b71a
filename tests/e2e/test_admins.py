"""Who is an admin, over REST and at the gateway: no user makes themselves one, and who is one no longer is out at once."""

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
        at_gateway = {path: client.get(path).status_code for path in ("/api/v1/endpoints", "/api/v1/overview",
                                                                      "/functions/v1/webhook-health")}  # fmt: skip
    database = rest(system, token)
    answer = database.post("/rpc/list_webhook_endpoints", json={})
    seen = database.get("/webhook_configurations", params={"select": "id"})
    assert bool(seen.is_success and seen.json()) is answer.is_success, "tables and functions agree"
    return at_gateway | {"rpc": answer.status_code}


class TestOnThePlatform:
    """With the platform's own tables and row level security, which lets users change their own profile."""

    @pytest.fixture(scope="class", params=["empty", "production"])
    def template(self, platforms: Callable[[str], str], request: pytest.FixtureRequest) -> str:
        """The platform on a new project, and its production, upgraded."""
        return platforms(request.param)

    def test_a_user_who_makes_themselves_admin(self, system: System) -> None:
        """One PATCH makes them admin in the platform's eyes, and opens nothing; the doctor fails."""
        system.endpoint("https://example.com/")
        gateway = system.gateway().url
        make_account(system.supabase, EVE)
        signed_in = sign_in(system.supabase, EVE)
        database = rest(system, signed_in["access_token"])
        user = signed_in["user"]["id"]
        database.post("/users", json={"id": user, "name": "Eve"}).raise_for_status()
        database.patch("/users", params={"id": f"eq.{user}"}, json={"role": "admin"}).raise_for_status()
        assert database.get("/users", params={"id": f"eq.{user}", "select": "role"}).json() == [{"role": "admin"}]
        assert set(doors(system, gateway, signed_in["access_token"]).values()) == {403}
        assert database.post("/rpc/is_webhook_admin", json={}).json() is False
        mine = {"settings": {"name": "eve", "url": "https://eve.example/", "events": ["*"]}}
        assert database.post("/rpc/create_webhook_endpoint", json=mine).status_code == 403
        assert system.db.execute("select from public.webhook_configurations").rowcount == 1

        done = run("doctor", variables=system.settings())
        assert done.code == 1
        assert "public.users.role makes no one an admin here, because users can change it" in done.out
        assert "webhooks admins add EMAIL" in done.out

    def test_the_command_that_it_names(self, system: System) -> None:
        """It makes the admin; the way to make the column count again works, too."""
        system.endpoint("https://example.com/")
        gateway = system.gateway().url
        make_account(system.supabase, ADA)
        token = sign_in(system.supabase, ADA)["access_token"]
        assert set(doors(system, gateway, token).values()) == {403}
        assert run("admins", "add", ADA.email, variables=system.settings()).code == 0
        assert set(doors(system, gateway, token).values()) == {200}, "with the token that they have"
        assert run("admins", "remove", ADA.email, variables=system.settings()).code == 0
        assert set(doors(system, gateway, token).values()) == {403}

        system.db.execute(
            "insert into public.users (id, name, role) select id, 'Ada', 'admin' from auth.users where email = %s"
            " on conflict (id) do update set role = 'admin'",
            (ADA.email,),
        )
        assert set(doors(system, gateway, token).values()) == {403}
        system.db.execute(
            "revoke insert, update on public.users from authenticated;"
            "grant insert (id, name, photo_url), update (name, photo_url) on public.users to authenticated"
        )
        assert set(doors(system, gateway, token).values()) == {200}
        assert "makes no one an admin" not in run("doctor", variables=system.settings()).out


#: How an admin's sign-in ends.
def _sign_out(system: System, signed_in: dict[str, Any]) -> None:
    headers = {"apikey": system.supabase.keys.publishable, "Authorization": f"Bearer {signed_in['access_token']}"}
    httpx.post(f"{system.supabase.url}/auth/v1/logout", headers=headers, trust_env=False).raise_for_status()


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
        # a sign-out with the default scope ends every session of the user
        assert browser.get("/endpoints").status_code == 403
    assert run("doctor", "--json", variables=system.settings()).code == 0


def test_the_sign_in_page_names_the_command(system: System) -> None:
    """For who is no admin, and before they try."""
    gateway = system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET).url
    make_account(system.supabase, EVE)
    with httpx.Client(base_url=gateway, trust_env=False, timeout=30) as browser:
        assert "webhooks admins add EMAIL" in browser.get("/sign-in").text
        assert "webhooks admins add EMAIL" in sign_in_at(browser, EVE).text
