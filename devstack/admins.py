"""A webhook admin's account, as a project's owner makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

if TYPE_CHECKING:
    from devstack.supabase_lite import SupabaseLite


class Account(NamedTuple):
    """An account of the app."""

    email: str
    password: str


def make_account(supabase: SupabaseLite, account: Account) -> None:
    """Sign a user up, unless the account is there already."""
    headers = {"apikey": supabase.keys.publishable}
    with httpx.Client(base_url=f"{supabase.url}/auth/v1", headers=headers, trust_env=False) as auth:
        reply = auth.post("/signup", json=account._asdict())
        if reply.status_code != httpx.codes.UNPROCESSABLE_ENTITY:  # already registered
            reply.raise_for_status()


def sign_in(supabase: SupabaseLite, account: Account) -> dict[str, Any]:
    """Return a new sign-in of an account: access_token, refresh_token, user."""
    response = httpx.post(
        f"{supabase.url}/auth/v1/token",
        params={"grant_type": "password"},
        headers={"apikey": supabase.keys.publishable},
        json=account._asdict(),
        trust_env=False,
    )
    return dict(response.raise_for_status().json())


def set_app_metadata(supabase: SupabaseLite, user_id: str, **app_metadata: str | bool | None) -> None:
    """Change keys of a user's app_metadata, as a server does; None deletes one."""
    httpx.put(
        f"{supabase.url}/auth/v1/admin/users/{user_id}",
        headers={"apikey": supabase.keys.secret, "Authorization": f"Bearer {supabase.keys.secret}"},
        json={"app_metadata": app_metadata},
        trust_env=False,
    ).raise_for_status()


def make_admin(supabase: SupabaseLite, account: Account) -> None:
    """Sign a user up and make it an admin, as `webhooks admins add` does."""
    make_account(supabase, account)
    set_app_metadata(supabase, sign_in(supabase, account)["user"]["id"], webhooks_role="admin")
