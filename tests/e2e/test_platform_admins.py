"""Who is an admin on the platform, whose row level security lets users change their own profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devstack.admins import make_account, sign_in
from tests.cli.conftest import run
from tests.e2e.test_admins import ADA, EVE, doors, rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import System


@pytest.fixture(scope="module", params=["empty", "production"])
def template(platforms: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """The platform on a new project, and its production, upgraded."""
    return platforms(request.param)


def test_a_user_who_makes_themselves_admin(system: System) -> None:
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


def test_the_command_that_it_names(system: System) -> None:
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
