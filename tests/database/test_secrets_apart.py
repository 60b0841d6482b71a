"""Secrets are not in a table that the REST API exposes: what is written there moves in the same statement."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.conftest import claimed_rows
from tests.database.shorthands import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

AUTH = {"Authorization": "Bearer abc"}


def kept(db: Database) -> dict[str, Any]:
    """Return what is stored of the only endpoint, after a look at its row."""
    row = db.execute("select secret_key, headers from public.webhook_configurations").fetchone()
    assert row == {"secret_key": None, "headers": None}
    found = db.execute("select secret_key, headers from webhooks.endpoint_secrets").fetchone()
    return found or {"secret_key": None, "headers": None}


def test_what_is_written_moves(db: Database, endpoint: Callable[..., str]) -> None:
    """By an insert that returns its row, and by updates; null leaves it, an empty value deletes it."""
    db.execute("set role service_role")
    row = db.execute(
        "insert into public.webhook_configurations (name, url, events, secret_key, headers)"
        " values ('a', 'https://example.com', '{*}', 'first', %s) returning secret_key, headers",
        (json.dumps(AUTH),),
    ).fetchone()
    assert row == {"secret_key": None, "headers": None}, "nor in what the statement returns, or Realtime sends"
    db.execute("reset role")
    assert kept(db) == {"secret_key": "first", "headers": AUTH}
    for statement, expected in (
        ("set secret_key = 'second'", {"secret_key": "second", "headers": AUTH}),
        ("set secret_key = null, name = 'b'", {"secret_key": "second", "headers": AUTH}),
        ("set headers = '{}'", {"secret_key": "second", "headers": None}),
        ("set secret_key = ''", {"secret_key": None, "headers": None}),
        ("set secret_key = 'third', headers = '{\"X\": \"y\"}'", {"secret_key": "third", "headers": {"X": "y"}}),
    ):
        db.execute("set role service_role")
        db.execute(f"update public.webhook_configurations {statement}".encode())
        db.execute("reset role")
        assert kept(db) == expected
    db.execute("delete from public.webhook_configurations")
    assert db.execute("select from webhooks.endpoint_secrets").rowcount == 0
    endpoint()


def test_upserts(db: Database, endpoint: Callable[..., str]) -> None:
    """supabase-js's upsert of an endpoint that exists changes its secret; one that does nothing leaves it."""
    config = endpoint(secret_key="first")
    upsert = (
        "insert into public.webhook_configurations (id, name, url, events, secret_key)"
        " values (%s, 'a', 'https://example.com', '{*}', %s) on conflict (id) do "
    )
    db.execute((upsert + "nothing").encode(), (config, "ignored"))
    assert kept(db)["secret_key"] == "first"
    db.execute((upsert + "update set secret_key = excluded.secret_key").encode(), (config, "second"))
    assert kept(db)["secret_key"] == "second"
    db.execute((upsert + "update set name = excluded.name").encode(), (config, "third"))
    assert kept(db)["secret_key"] == "second"


def test_an_error_shows_no_secret(db: Database) -> None:
    """Neither its message nor its details, whatever the row's fault is."""
    for column, value in (("max_attempts", "99"), ("timeout_seconds", "0"), ("url", "'nowhere'"), ("events", "'{}'")):
        row = {
            "name": "'a'",
            "url": "'https://example.com'",
            "events": "'{*}'",
            "secret_key": "'geheim'",
            column: value,
        }
        names, values = ", ".join(row), ", ".join(row.values())
        with pytest.raises(psycopg.Error) as failed:
            db.execute(f"insert into public.webhook_configurations ({names}) values ({values})".encode())
        told = f"{failed.value} {failed.value.diag.message_detail} {failed.value.diag.context}"
        assert "geheim" not in told


def test_all_secrets_are_one_value(db: Database, endpoint: Callable[..., str]) -> None:
    """More than the REST API's max rows are not cut off."""
    db.execute(
        "insert into public.webhook_configurations (name, url, events, secret_key)"
        " select 'e' || n, 'https://example.com', '{*}', 'secret' || n from generate_series(1, 1501) as n"
    )
    assert len(call(db, "list_webhook_secrets")) == 1501
    endpoint()


@pytest.mark.parametrize("rows", ["endpoints", "deliveries"])
def test_rows_loaded_without_triggers_work(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], rows: str
) -> None:
    """As a restore loads them: an endpoint without a circuit, a pending delivery without a place in the queue."""
    config = endpoint(secret_key="a secret")
    dispatch()
    if rows == "endpoints":
        db.execute("delete from public.webhook_circuits")
    else:
        db.execute("delete from webhooks.delivery_queue")
        db.execute("update public.webhook_deliveries set created_at = created_at - interval '2 minutes'")
        call(db, "purge_webhook_history", "30 days")
    (listed,) = call(db, "list_webhook_endpoints")
    assert (listed["id"], listed["circuit"]["state"]) == (config, "closed")
    assert call(db, "webhook_backlog")["due"] == 1
    (row,) = claimed_rows(call(db, "claim_webhook_deliveries"))
    result = {
        "delivery_id": row["id"], "lease_id": row["lease_id"], "attempt": 1, "started_at": "now", "duration_ms": 1,
        "delivered": False, "health": "failed",
    }  # fmt: skip
    done = call(db, "record_webhook_attempts", json.dumps([result]))
    assert done["recorded"][0]["status"] == "pending"
    assert db.execute("select consecutive_failures as n from public.webhook_circuits").fetchone() == {"n": 1}
