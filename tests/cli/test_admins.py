"""`webhooks admins`, on real accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from devstack.admins import Account, make_account, set_app_metadata, sign_in
from devstack.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]

ADA = Account("ada@example.com", "a long password")


def metadata(system: System, email: str = ADA.email) -> dict[str, Any]:
    """Return what Supabase Auth keeps in an account's app_metadata."""
    row = system.db.execute("select raw_app_meta_data as m from auth.users where email = %s", (email,)).fetchone()
    assert row is not None
    return dict(row["m"])


def test_add_list_remove(system: System, webhooks: Webhooks) -> None:
    """Our key of app_metadata is set and deleted, nothing else of it is touched, and each may be repeated."""
    make_account(system.supabase, ADA)
    set_app_metadata(system.supabase, sign_in(system.supabase, ADA)["user"]["id"], plan="gold")
    before = metadata(system)
    assert "There are no admins; add one with: webhooks admins add EMAIL" in webhooks("admins", "list").err
    for _ in range(2):
        assert webhooks("admins", "add", "Ada@Example.com").out == "Ada@Example.com is a webhook admin.\n"
        assert metadata(system) == before | {"webhooks_role": "admin"}
    (listed,) = webhooks("admins", "list", "--json").json
    assert (listed["email"], listed["named_by"], listed["counts"]) == (ADA.email, ["app_metadata.webhooks_role"], True)
    assert ADA.email in webhooks("admins", "list").out
    for _ in range(2):
        assert webhooks("admins", "remove", ADA.email).out == "ada@example.com is no longer a webhook admin.\n"
        assert metadata(system) == before
    assert webhooks("admins", "list", "--json").json == []


def test_a_viewer(system: System, webhooks: Webhooks) -> None:
    """Its role is set, with payloads if asked for; as an admin it loses them; a wrong option changes nothing."""
    make_account(system.supabase, ADA)
    before = metadata(system)
    assert webhooks("admins", "add", ADA.email, "--viewer").out == "ada@example.com is a webhook viewer.\n"
    assert metadata(system) == before | {"webhooks_role": "viewer"}
    assert webhooks("admins", "add", ADA.email, "--viewer", "--payloads", "--json").json["role"] == "viewer"
    assert metadata(system) == before | {"webhooks_role": "viewer", "webhooks_payloads": True}
    (listed,) = webhooks("admins", "list", "--json").json
    assert (listed["role"], listed["counts"]) == ("viewer", True)
    refused = webhooks("admins", "add", ADA.email, "--payloads")
    assert (refused.code, "only a viewer needs it" in " ".join(refused.err.split())) == (2, True)
    webhooks("admins", "add", ADA.email)
    assert metadata(system) == before | {"webhooks_role": "admin"}
    webhooks("admins", "add", ADA.email, "--viewer", "--payloads")
    assert webhooks("admins", "remove", ADA.email).out == "ada@example.com is no longer a webhook viewer.\n"
    assert metadata(system) == before
    assert webhooks("admins", "add", "bob@example.com", "--create", "--viewer", "--payloads").code == 0
    kept = metadata(system, "bob@example.com")
    assert (kept["webhooks_role"], kept["webhooks_payloads"]) == ("viewer", True)


def test_who_is_one_by_the_app(system: System, webhooks: Webhooks) -> None:
    """It is left to the app, and the command says so."""
    make_account(system.supabase, ADA)
    set_app_metadata(system.supabase, sign_in(system.supabase, ADA)["user"]["id"], role="admin")
    done = webhooks("admins", "remove", ADA.email)
    assert (done.code, "is still an admin through app_metadata.role, which belongs to your app" in done.err) == (
        0,
        True,
    )
    assert metadata(system)["role"] == "admin"


def test_an_unknown_address(webhooks: Webhooks) -> None:
    """The error says how to create the account."""
    for command in ("add", "remove"):
        done = webhooks("admins", command, "nobody@example.com")
        assert done.code == 1
        assert "no account has the address nobody@example.com" in done.err
        assert "webhooks admins add nobody@example.com --create" in done.err


def test_create(system: System, webhooks: Webhooks) -> None:
    """The password is printed once and signs in; an account that is there keeps its own."""
    done = webhooks("admins", "add", ADA.email, "--create", "--json").json
    assert (done["email"], done["role"]) == (ADA.email, "admin")
    assert sign_in(system.supabase, Account(ADA.email, done["password"]))["user"]["email"] == ADA.email
    assert metadata(system)["webhooks_role"] == "admin"
    assert webhooks("admins", "add", ADA.email, "--create", "--json").json == {"email": ADA.email, "role": "admin"}
    assert sign_in(system.supabase, Account(ADA.email, done["password"]))
    shown = webhooks("admins", "add", "bob@example.com", "--create").out
    password = shown.strip().rpartition(" ")[2]
    assert sign_in(system.supabase, Account("bob@example.com", password))


def test_what_may_go_wrong(system: System, webhooks: Webhooks) -> None:
    """A browser's key changes nothing; Supabase away exits with 3; no key is shown."""
    make_account(system.supabase, ADA)
    done = webhooks("admins", "add", ADA.email, SUPABASE_SERVICE_ROLE_KEY=system.supabase.keys.publishable)
    assert (done.code, system.supabase.keys.publishable in done.err) == (1, False)
    assert "webhooks_role" not in metadata(system)
    assert webhooks("admins", "list", SUPABASE_URL=f"http://127.0.0.1:{free_port()}").code == 3
    # the embedded stack rejects it as Supabase Auth does
    response = httpx.post(
        f"{system.supabase.url}/auth/v1/admin/users",
        headers={"apikey": system.supabase.keys.publishable},
        json={"email": "eve@example.com", "password": "x" * 12},
        trust_env=False,
    )
    assert response.status_code == 403
