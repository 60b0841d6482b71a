"""API tokens in SQL: shown once, found by their hash, listed, expired, revoked, and in the log of actions."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import ADMIN, as_admin, as_user, call
from tests.database.test_dispatch import BEN, become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

NOWHERE = "00000000-0000-0000-0000-000000000000"


def digest(token: str) -> str:
    """Return what the gateway asks for."""
    return hashlib.sha256(token.encode()).hexdigest()


def create(db: Database, name: str = "ci", scopes: str = "{read}", **more: Any) -> dict[str, Any]:
    """Create a token."""
    return dict(call(db, "create_webhook_api_token", name=name, scopes=scopes, **more))


def find(db: Database, token: str) -> Any:
    """Return what the gateway learns of a token."""
    return call(db, "find_webhook_api_token", digest(token))


def actions(db: Database) -> list[dict[str, Any]]:
    """Return the log of actions."""
    db.execute("reset role")
    return db.execute(
        "select action, actor, actor_id, details from public.webhook_admin_actions order by acted_at"
    ).fetchall()


def test_a_token_is_shown_once(db: Database) -> None:
    """It holds 256 bits, no two are the same, and no table keeps more than its first characters and its hash."""
    as_admin(db)
    made = [create(db, f"ci {n}", "{manage,read,read}") for n in range(20)]
    assert all(re.fullmatch(r"whk_[0-9a-f]{64}", one["token"]) for one in made)
    assert len({one["token"] for one in made}) == 20
    assert {tuple(one["scopes"]) for one in made} == {("read", "manage")}
    listed = call(db, "list_webhook_api_tokens")
    assert {one["prefix"] for one in listed} == {one["token"][:12] for one in made}
    assert listed[0].keys() == {
        "id", "name", "prefix", "scopes", "status", "created_by", "created_at", "expires_at", "last_used_at",
        "revoked_at",
    }  # fmt: skip
    assert {one["created_by"] for one in listed} == {"admin@example.com"}
    db.execute("reset role")
    for table in ("webhooks.api_tokens", "public.webhook_admin_actions", "webhooks.admin_writes"):
        rows = str(db.execute(f"select t::text as row from {table} as t".encode()).fetchall())
        assert not any(one["token"][12:] in rows for one in made), table
    (row,) = db.execute("select hash from webhooks.api_tokens where prefix = %s", (made[0]["prefix"],)).fetchall()
    assert row["hash"] == digest(made[0]["token"])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": " "}, "needs a name"),
        ({"name": None}, "needs a name"),
        ({"name": "x" * 101}, "needs a name"),
        ({"name": "a\nb"}, "needs a name"),
        ({"name": "\x1b[31m"}, "needs a name"),
        ({"scopes": "{}"}, "needs scopes"),
        ({"scopes": None}, "needs scopes"),
        ({"scopes": "{admin}"}, "needs scopes"),
        ({"scopes": "{read,null}"}, "needs scopes"),
        ({"scopes": "{READ}"}, "needs scopes"),
        ({"expires_after": "0"}, "above 0"),
        ({"expires_after": "-1 day"}, "above 0"),
    ],
)
def test_what_is_wrong_is_said(db: Database, given: dict[str, Any], error: str) -> None:
    """As 22023, which becomes a 400; nothing is created."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=error):
        create(db, **{"name": "ci", "scopes": "{read}", **given})
    assert call(db, "list_webhook_api_tokens") == []


def test_the_life_of_a_token(db: Database) -> None:
    """Found until it expires or is revoked; both are final, and the list says which."""
    made = create(db)
    expected = {"id": made["id"], "name": "ci", "prefix": made["prefix"], "scopes": ["read"]}
    assert find(db, made["token"]) == expected
    for wrong in (made["token"][:-1], made["token"] + "0", made["token"].upper(), made["prefix"], "", "whk_"):
        assert find(db, wrong) is None
    # the hash is not a token, should anyone get hold of it
    assert find(db, digest(made["token"])) is None
    assert call(db, "find_webhook_api_token", None) is None

    revoked = call(db, "revoke_webhook_api_token", made["id"])
    assert find(db, made["token"]) is None
    assert call(db, "revoke_webhook_api_token", made["id"]) == revoked, "again is harmless"
    assert [one["action"] for one in actions(db)] == ["create_token", "revoke_token"]
    with pytest.raises(psycopg.Error, match=f"{NOWHERE} does not exist"):
        call(db, "revoke_webhook_api_token", NOWHERE)

    late = create(db, "late")
    db.execute("update webhooks.api_tokens set expires_at = now() where id = %s", (late["id"],))
    assert find(db, late["token"]) is None
    endless = create(db, "endless", expires_after=None)
    assert endless["expires_at"] is None
    assert find(db, endless["token"])
    statuses = [(one["name"], one["status"]) for one in call(db, "list_webhook_api_tokens")]
    assert statuses[0] == ("endless", "active")
    assert sorted(statuses[1:]) == [("ci", "revoked"), ("late", "expired")]
    # what ended long ago is listed no longer
    db.execute("update webhooks.api_tokens set expires_at = now() - interval '31 days' where id = %s", (late["id"],))
    db.execute("update webhooks.api_tokens set revoked_at = now() - interval '29 days' where id = %s", (made["id"],))
    assert {one["name"] for one in call(db, "list_webhook_api_tokens")} == {"endless", "ci"}


def test_90_days_unless_told_otherwise(db: Database) -> None:
    """And any interval."""
    create(db, "usual")
    create(db, "short", expires_after="12 hours")
    rows = db.execute("select name, (expires_at - created_at)::text as lives from webhooks.api_tokens").fetchall()
    assert {row["name"]: row["lives"] for row in rows} == {"usual": "90 days", "short": "12:00:00"}


def test_the_last_use_is_noted_once_a_minute(db: Database) -> None:
    """And not where the database takes no writes, as Supabase's do when their disk is full."""
    token = create(db)["token"]
    versions = []
    for _ in range(3):
        find(db, token)
        row = db.execute("select xmin::text as version, last_used_at from webhooks.api_tokens").fetchone()
        assert row is not None
        assert row["last_used_at"] is not None
        versions.append(row["version"])
    assert len(set(versions)) == 1
    db.execute("update webhooks.api_tokens set last_used_at = now() - interval '61 seconds'")
    db.execute("set default_transaction_read_only = on")
    assert find(db, token)
    db.execute("reset default_transaction_read_only")
    row = db.execute("select last_used_at < now() - interval '1 minute' as old from webhooks.api_tokens").fetchone()
    assert row == {"old": True}
    find(db, token)
    row = db.execute("select last_used_at < now() - interval '1 minute' as old from webhooks.api_tokens").fetchone()
    assert row == {"old": False}


def test_who_may(db: Database) -> None:
    """Admins create, list and revoke; only servers find; another user does nothing."""
    token = create(db)
    as_user(db)
    for function, arguments in (
        ("create_webhook_api_token", ("ci", "{read}")),
        ("list_webhook_api_tokens", ()),
        ("revoke_webhook_api_token", (token["id"],)),
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only webhook admins"):
            call(db, function, *arguments)
    as_admin(db)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        find(db, token["token"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select from webhooks.api_tokens")
    db.execute("reset role")
    become(db, "service_role")
    assert find(db, token["token"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("select from webhooks.api_tokens")


def write(db: Database, action: str, arguments: dict[str, Any], **more: Any) -> Any:
    """Write as the gateway does."""
    return call(db, "webhook_admin_write", action=action, arguments=json.dumps(arguments), **more)


def test_the_actor_is_the_token(db: Database, endpoint: Callable[..., str]) -> None:
    """Where the gateway writes for one; the setting ends with the transaction, and no user can use it."""
    config = endpoint()
    token = create(db, "deploy bot", "{manage}")
    become(db, "service_role")
    write(db, "send_test", {"webhook_config_id": config}, api_token=token["id"])
    write(db, "send_test", {"webhook_config_id": config})
    write(db, "send_test", {"webhook_config_id": config}, api_token=NOWHERE)
    db.execute("reset role")
    as_admin(db)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only server-side callers"):
        write(db, "send_test", {"webhook_config_id": config}, api_token=token["id"])
    db.execute("select set_config('webhooks.api_token', %s, false)", (token["id"],))
    call(db, "send_test_webhook", config)
    db.execute("select set_config('webhooks.api_token', '', false)")
    found = [(one["action"], one["actor"], one["actor_id"]) for one in actions(db)]
    assert found[1:] == [
        ("send_test", f"deploy bot ({token['prefix']})", None),
        ("send_test", "service_role", None),
        ("send_test", "service_role", None),
        ("send_test", "admin@example.com", ADMIN),
    ]


def test_keys_of_two_tokens_never_meet(db: Database, endpoint: Callable[..., str]) -> None:
    """Nor those of a token and of the service key."""
    config = endpoint()
    one, other = (create(db, name)["id"] for name in ("one", "other"))
    made = [
        write(db, "send_test", {"webhook_config_id": config}, idempotency_key="k", **more)
        for more in ({"api_token": one}, {"api_token": other}, {}, {"api_token": one})
    ]
    assert len({done["delivery_id"] for done in made}) == 3
    assert made[3]["repeated"]
    assert made[3]["delivery_id"] == made[0]["delivery_id"]


def test_a_form_that_is_sent_twice(db: Database) -> None:
    """It makes one token, and the repetition does not contain it."""
    as_admin(db)
    arguments = {"name": "ci", "scopes": ["read"], "expires_after": "30 days"}
    first, again = (write(db, "create_token", arguments, idempotency_key="k") for _ in range(2))
    assert "token" in first
    assert again == {name: value for name, value in first.items() if name != "token"} | {"repeated": True}
    assert len(call(db, "list_webhook_api_tokens")) == 1
    write(db, "revoke_token", {"token_id": first["id"]})
    assert call(db, "list_webhook_api_tokens")[0]["status"] == "revoked"


def test_who_names_an_actor(db: Database, endpoint: Callable[..., str]) -> None:
    """A server and a token may, and a tenant; an admin is the actor of what it dispatches."""
    endpoint()
    db.execute("select public.webhook_define_event('a.b', 'A', '{\"type\": \"object\"}', '{}')")
    event = {"event_type": "a.b", "event_data": {}}
    write(db, "dispatch", {**event, "actor_user_id": BEN, "tenant_id": "t1"}, api_token=create(db)["id"])
    row = db.execute("select payload ->> 'actor_user_id' as actor, tenant_id from public.webhook_deliveries").fetchone()
    assert row == {"actor": BEN, "tenant_id": "t1"}
    as_admin(db)
    for named in ({"actor_user_id": BEN}, {"tenant_id": "t1"}, {"actor_user_id": ADMIN, "tenant_id": "t1"}):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="name another actor or a tenant"):
            write(db, "dispatch", {**event, **named})
    write(db, "dispatch", {**event, "actor_user_id": None, "tenant_id": None})
    write(db, "dispatch", {**event, "actor_user_id": ADMIN.upper()})
    db.execute("reset role")
    rows = db.execute("select payload ->> 'actor_user_id' as actor from public.webhook_deliveries").fetchall()
    assert sorted(one["actor"] for one in rows) == sorted([BEN, ADMIN, ADMIN])


def test_dispatches_leave_the_log_with_their_deliveries(db: Database) -> None:
    """Those of servers and tokens, of which there may be as many as events; what people did stays."""
    db.execute(
        "insert into public.webhook_admin_actions (acted_at, actor_id, actor, action) values"
        " (now() - interval '31 days', null, 'bot (whk_00000000)', 'dispatch'),"
        " (now() - interval '29 days', null, 'bot (whk_00000000)', 'dispatch'),"
        " (now() - interval '31 days', %s, 'admin@example.com', 'dispatch'),"
        " (now() - interval '31 days', null, 'bot (whk_00000000)', 'retry')",
        (ADMIN,),
    )
    assert call(db, "purge_webhook_history", "30 days") == 1
    left = db.execute("select actor_id, action from public.webhook_admin_actions order by acted_at").fetchall()
    assert [(row["actor_id"], row["action"]) for row in left[:2]] in (
        [(ADMIN, "dispatch"), (None, "retry")],
        [(None, "retry"), (ADMIN, "dispatch")],
    )
    assert len(left) == 3
