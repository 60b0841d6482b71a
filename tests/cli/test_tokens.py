"""`webhooks tokens`: what it creates opens the API, until it is revoked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]


def test_create_use_list_revoke(system: System, webhooks: Webhooks) -> None:
    """The token alone is the last line of stdout; it is never printed again."""
    stats = f"{system.gateway().url}/api/v1/stats"
    assert "webhooks tokens create NAME --scope read" in webhooks("tokens", "list").err
    done = webhooks("tokens", "create", "ci", "--scope", "read", "--scope", "dispatch")
    token = done.out.splitlines()[-1]
    assert re.fullmatch(r"whk_[0-9a-f]{64}", token)
    assert done.out.count(token) == 1
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(stats, headers=headers, trust_env=False).status_code == 200

    (listed,) = webhooks("tokens", "list", "--json").json
    assert (listed["name"], listed["scopes"], listed["status"]) == ("ci", ["read", "dispatch"], "active")
    assert listed["last_used_at"]
    for shown in (webhooks("tokens", "list"), webhooks("tokens", "list", "--json")):
        assert token[:12] in shown.out
        assert token[12:] not in shown.out

    assert webhooks("tokens", "revoke", "ci", "--yes").out == f"ci ({token[:12]}) is revoked.\n"
    assert httpx.get(stats, headers=headers, trust_env=False).status_code == 401
    again = webhooks("tokens", "revoke", "ci", "--yes")
    assert (again.code, "no active token has the name, prefix or id ci" in again.err) == (1, True)
    rows = system.db.execute("select action, actor from public.webhook_admin_actions order by acted_at").fetchall()
    assert [(row["action"], row["actor"]) for row in rows] == [
        ("create_token", "service_role"),
        ("revoke_token", "service_role"),
    ]


@pytest.mark.parametrize(
    ("expires", "lives"), [([], "90 days"), (["--expires", "12h"], "12:00:00"), (["--expires", "never"], None)]
)
def test_expiry(system: System, webhooks: Webhooks, expires: list[str], lives: str | None) -> None:
    """90 days unless told otherwise."""
    made = webhooks("tokens", "create", "ci", "--scope", "manage", *expires, "--json").json
    assert made["token"].startswith(made["prefix"])
    row = system.db.execute("select (expires_at - created_at)::text as lives from webhooks.api_tokens").fetchone()
    assert row == {"lives": lives}


def test_which_one_is_revoked(webhooks: Webhooks) -> None:
    """By prefix or id, and by a name that only one has; a question is asked first."""
    made = [webhooks("tokens", "create", name, "--scope", "read", "--json").json for name in ("a", "b", "b")]
    done = webhooks("tokens", "revoke", "b", "--yes")
    assert (done.code, all(one["prefix"] in done.err for one in made[1:])) == (1, True)
    done = webhooks("tokens", "revoke", "a", given="n\n")
    assert (done.code, "nothing was changed" in done.err) == (2, True)
    for given in (made[1]["prefix"], made[2]["id"]):
        assert webhooks("tokens", "revoke", given, "--yes", "--json").json["name"] == "b"
    statuses = {one["id"]: one["status"] for one in webhooks("tokens", "list", "--json").json}
    assert [statuses[one["id"]] for one in made] == ["active", "revoked", "revoked"]


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["create", "ci"], 2, "--scope"),
        (["create", "ci", "--scope", "admin"], 2, "admin"),
        (["create", "ci", "--scope", "read", "--expires", "soon"], 2, "is not a duration"),
        (["create", "ci", "--scope", "read", "--expires", "0d"], 1, "above 0"),
        (["create", " ", "--scope", "read"], 1, "needs a name"),
        (["revoke", "nothing", "--yes"], 1, "webhooks tokens list"),
    ],
)
def test_what_is_wrong(webhooks: Webhooks, arguments: list[str], code: int, error: str) -> None:
    """Is said, and nothing is created."""
    done = webhooks("tokens", *arguments)
    assert (done.code, error in done.err) == (code, True), done
    assert webhooks("tokens", "list", "--json").json == []
