"""Workers and gateway ask for the database's version once, and work on none that they do not know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from supabase_webhooks.webhooks import versions
from supabase_webhooks.webhooks.errors import VersionError
from tests.cli.conftest import start
from tests.e2e.conftest import TOKEN
from tests.e2e.test_gateway import bearer, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

#: The body of webhook_version() in a database, or what removes it -> what is said.
OTHERS = {
    "drop function public.webhook_version()": "the database has SQL from before version 1, and supabase-webhooks ",
    """create or replace function public.webhook_version() returns jsonb language sql
       return jsonb_build_object('database', 0, 'oldest_client', 0)""": "the database has SQL of version 0, and ",
    """create or replace function public.webhook_version() returns jsonb language sql
       return jsonb_build_object('database', 9, 'oldest_client', 8)""": "works with processes of version 8 or later",
}


def test_the_constants_are_the_databases(system: System) -> None:
    """Raised together, as the release rule says."""
    row = system.db.execute("select public.webhook_version() as found").fetchone()
    assert row == {"found": {"database": versions.DATABASE, "oldest_client": versions.OLDEST_CLIENT}}
    assert versions.OLDEST_DATABASE <= versions.DATABASE
    assert versions.OLDEST_CLIENT <= versions.CLIENT


@pytest.mark.parametrize(
    ("found", "fits"),
    [
        (None, False),
        ({"database": versions.OLDEST_DATABASE - 1, "oldest_client": 0}, False),
        ({"database": versions.OLDEST_DATABASE, "oldest_client": versions.CLIENT}, True),
        ({"database": versions.DATABASE + 1, "oldest_client": versions.CLIENT}, True),
        ({"database": versions.DATABASE + 2, "oldest_client": versions.CLIENT + 1}, False),
    ],
)
def test_what_goes_together(found: dict[str, int] | None, fits: bool) -> None:
    """The SQL that comes next, and this one; nothing older, nothing that has outgrown us. One line with the fix."""
    if fits:
        versions.check(found)
        return
    with pytest.raises(
        VersionError, match=r"supabase-webhooks \d+\.\d+.*: (webhooks migrate apply|pip install)"
    ) as one:
        versions.check(found)
    assert "\n" not in str(one.value)


@pytest.mark.parametrize("other", OTHERS)
def test_a_worker_stops(system: System, other: str) -> None:
    """Before its first claim, with the line and a code that is not a success; so do Dramatiq's other processes."""
    system.db.execute(other.encode())
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch()
    worker = start("worker", "--processes", "2", variables=system.settings())
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 1, err
    said = [line for line in err.splitlines() if OTHERS[other] in line and '"critical"' in line]
    assert said, err
    assert [row["status"] for row in system.rows()] == ["pending"]


@pytest.mark.parametrize("other", OTHERS)
def test_the_gateway_answers_503(system: System, webhooks: Callable[..., Done], other: str) -> None:
    """Alive, not ready, with the line; it goes on by itself when the database fits. The doctor says the same."""
    shipped = system.db.execute("select pg_get_functiondef('public.webhook_version()'::regprocedure) as sql").fetchone()
    assert shipped
    system.db.execute(other.encode())
    gateway = system.gateway()
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        assert client.get("/healthz").status_code == 200
        asked = client.get("/readyz")
        assert asked.status_code == 503
        assert OTHERS[other] in asked.json()["detail"]
        run = client.post("/functions/v1/webhook-dispatcher", headers=bearer(TOKEN))
        assert (run.status_code, OTHERS[other] in run.text) == (503, True)
        api = client.get("/api/v1/endpoints", headers=bearer(sign_in(system, admin=True)))
        assert (api.status_code, OTHERS[other] in api.text) == (503, True)
        found = [one for one in json.loads(webhooks("doctor", "--json").out) if one["check"] == "migrations"]
        assert "problem" in {one["status"] for one in found}

        system.db.execute(str(shipped["sql"]).encode())
        system.db.execute("grant execute on function public.webhook_version() to service_role")
        system.db.execute("notify pgrst, 'reload schema'")
        assert client.get("/readyz").status_code == 200


def test_asked_once(system: System) -> None:
    """By a gateway: a later mismatch does not stop a running process."""
    gateway = system.gateway()
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        assert client.get("/readyz").status_code == 200
        system.db.execute([*OTHERS][2].encode())
        assert client.get("/readyz").status_code == 200
