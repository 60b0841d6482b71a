"""Users of Clerk, Auth0 or Firebase, whose `sub` is not a uuid."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

SUBS = ["user_2fXk", "auth0|64f1c0", "kLmN0pQrStUvWxYz", "6f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11", "日本"]


def sign_in(db: Database, sub: str, **claims: Any) -> None:
    """Go on as PostgREST lets a user."""
    db.execute("set role authenticated")
    db.execute(
        "select set_config('request.jwt.claims', %s, false)",
        (json.dumps({"sub": sub, "role": "authenticated", **claims}),),
    )


@pytest.mark.parametrize("sub", SUBS)
def test_they_dispatch(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], sub: str) -> None:
    """The event has no actor if the id is not a uuid; the row keeps their id, and so does the limit of callers."""
    endpoint()
    sign_in(db, sub)
    assert dispatch()["deliveries"] == 1
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        dispatch("user.joined_community", {}, "00000000-0000-0000-0000-000000000001")
    db.execute("reset role")
    row = db.execute("select payload -> 'actor_user_id' as actor, actor_id from public.webhook_deliveries").fetchone()
    assert row is not None
    assert (row["actor"] is None, row["actor_id"]) == (sub.count("-") != 4, sub)
    spent = db.execute("select user_sub from webhooks.dispatch_allowances").fetchall()
    assert [one["user_sub"] for one in spent] == [sub]


@pytest.mark.parametrize("sub", SUBS)
def test_who_is_an_admin(db: Database, sub: str) -> None:
    """It is asked without an error, and what admins do is in the log under their id."""
    sign_in(db, sub)
    assert db.execute("select public.is_webhook_admin() as yes").fetchone() == {"yes": False}
    sign_in(db, sub, app_metadata={"role": "admin"})
    assert db.execute("select public.is_webhook_admin() as yes").fetchone() == {"yes": True}
    db.execute(
        "select public.create_webhook_endpoint(%s)",
        (json.dumps({"name": "a", "url": "https://example.com", "events": ["*"]}),),
    )
    db.execute("reset role")
    (action,) = db.execute("select actor_id, actor from public.webhook_admin_actions").fetchall()
    assert (action["actor_id"], action["actor"]) == (sub, sub)


@pytest.mark.parametrize("sub", SUBS)
def test_triggers_that_name_the_user(db: Database, endpoint: Callable[..., str], sub: str) -> None:
    """An attachment whose actor is auth.uid() still emits."""
    endpoint()
    db.execute("create table public.notes (id integer primary key, text text)")
    db.execute("grant insert on public.notes to authenticated")
    db.execute("select public.webhook_attach('public.notes', 'note.added', 'insert', '[\"id\"]', 'auth.uid()')")
    sign_in(db, sub)
    db.execute("insert into public.notes values (1, 'a')")
    db.execute("reset role")
    assert db.execute("select message from public.webhook_trigger_errors").fetchall() == []
    assert db.execute("select from public.webhook_deliveries").rowcount == 1
