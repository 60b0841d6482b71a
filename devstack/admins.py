"""A webhook admin's account, as a project's owner makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import httpx
import psycopg

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
        answer = auth.post("/signup", json=account._asdict())
        if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:  # already registered
            answer.raise_for_status()


def make_admin(supabase: SupabaseLite, dsn: str, account: Account) -> None:
    """Sign a user up and make it an admin, as the platform does: by its role in public.users.

    (app_metadata.role, the other way, is in the tokens of hosted Supabase, and not in those of Supabase Lite.)
    """
    make_account(supabase, account)
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "create table if not exists public.users (id uuid primary key, name text not null, role text not null)"
        )
        connection.execute("alter table public.users enable row level security")
        connection.execute(
            "insert into public.users (id, name, role) select id, 'Admin', 'admin' from auth.users where email = %s"
            " on conflict (id) do update set role = 'admin'",
            (account.email,),
        )
