"""The check of a new or changed URL: who gets it, what counts of it, and what ends its warning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import as_admin, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Rows = Callable[..., list[dict[str, Any]]]

WARNING = "The name hook.example does not resolve: check its spelling."


def claimed(db: Database, how_many: int = 10, **more: Any) -> list[dict[str, Any]]:
    """Claim checks, as a worker does."""
    found: list[dict[str, Any]] = call(db, "claim_webhook_url_checks", how_many, **more)
    return found


def found(db: Database, *checked: dict[str, Any], warning: str | None = WARNING) -> int:
    """Record what was found."""
    results = json.dumps([one | {"warning": warning} for one in checked])
    return int(call(db, "record_webhook_url_checks", results))


def listed(db: Database) -> list[tuple[bool, str | None]]:
    """Return of each endpoint whether it is checked, and its warning."""
    return [(one["url_checked_at"] is not None, one["url_warning"]) for one in call(db, "list_webhook_endpoints")]


def test_a_new_url_is_checked_once(db: Database, endpoint: Callable[..., str]) -> None:
    """It goes to one worker; its warning is on the endpoint, for admins too; then nothing is left to check."""
    one = endpoint(credentials_profile="mesh")
    assert call(db, "webhook_backlog")["unchecked_urls"] == 1
    (check,) = claimed(db)
    assert check == {"id": one, "url": "https://example.com/hook", "credentials_profile": "mesh", "public_only": False}
    assert (claimed(db), call(db, "webhook_backlog")["unchecked_urls"]) == ([], 0)
    assert listed(db) == [(False, None)]
    assert found(db, check) == 1
    assert claimed(db) == []
    assert [row["warning"] for row in call(db, "webhook_diagnosis")["url_warnings"]] == [WARNING]
    as_admin(db)
    assert listed(db) == [(True, WARNING)]
    assert db.execute("select url_warning from public.webhook_circuits").fetchone() == {"url_warning": WARNING}
    with pytest.raises(psycopg.Error, match="permission denied"):
        db.execute("update public.webhook_circuits set url_warning = null")


@pytest.mark.parametrize(
    "change",
    [
        "update public.webhook_configurations set url = 'https://other.example/'",
        "update public.webhook_configurations set credentials_profile = 'other'",
        (
            "update public.webhook_configurations set is_active = false;"
            "update public.webhook_configurations set is_active = true"
        ),
        (
            "insert into public.webhook_configurations (id, name, url, events)"
            " select id, name, 'https://other.example/', events from public.webhook_configurations"
            " on conflict (id) do update set url = excluded.url"
        ),
        (
            'select public.update_webhook_endpoint(id, \'{"url": "https://other.example/"}\')'
            " from public.webhook_configurations"
        ),
    ],
)
def test_a_changed_one_is_checked_again(db: Database, endpoint: Callable[..., str], change: str) -> None:
    """However it is written: SQL in Studio, an upsert, or our own functions. Findings about the old URL are deleted."""
    endpoint()
    found(db, *claimed(db))
    db.execute(change.encode())
    assert listed(db) == [(False, None)]
    assert len(claimed(db)) == 1


@pytest.mark.parametrize(
    "change",
    [
        "set name = 'another'",
        "set url = url",
        "set url = ' HTTPS://example.com/hook '",
        "set secret_key = 'a secret of a receiver', headers = '{\"X-Team\": \"a\"}'",
        "set rate_limit_per_second = 5",
    ],
)
def test_what_leads_nowhere_else_keeps_it(db: Database, endpoint: Callable[..., str], change: str) -> None:
    """Settings other than the URL, and the same URL in another form."""
    endpoint()
    found(db, *claimed(db))
    db.execute(f"update public.webhook_configurations {change}".encode())
    assert (listed(db), claimed(db)) == ([(True, WARNING)], [])


def test_a_url_that_changes_during_its_check(db: Database, endpoint: Callable[..., str]) -> None:
    """Twice: of three results only that of the URL that stands counts, whatever the order in which they come."""
    endpoint()
    checks = claimed(db)
    for url in ("https://second.example/", "https://third.example/"):
        db.execute("update public.webhook_configurations set url = %s", (url,))
        checks += claimed(db)
    first, second, third = checks
    assert found(db, first) == 0
    assert found(db, third, warning=None) == 1
    assert found(db, second) == 0
    assert (listed(db), claimed(db)) == ([(True, None)], [])


def test_a_worker_that_is_gone(db: Database, endpoint: Callable[..., str]) -> None:
    """After its lease another one gets the check. A result that it records later changes nothing."""
    endpoint()
    (first,) = claimed(db, lease_seconds=60)
    assert claimed(db) == []
    db.execute("update public.webhook_circuits set url_check_at = url_check_at - interval '61 seconds'")
    (second,) = claimed(db)
    assert found(db, second, warning=None) == 1
    assert found(db, first) == 0
    assert listed(db) == [(True, None)]


def test_two_workers_share_them(dsn: str, db: Database, endpoint: Callable[..., str]) -> None:
    """At the same moment: each gets others, and neither waits for a circuit that a transaction holds."""
    ids = {endpoint() for _ in range(7)}
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as other:
        mine, theirs = claimed(db, 3), claimed(other, 3)
        other.execute("select from public.webhook_circuits where url_check_at <= now() for update")
        assert claimed(db) == []
        other.rollback()
    assert {one["id"] for one in mine}.isdisjoint(one["id"] for one in theirs)
    assert {one["id"] for one in (*mine, *claimed(db))} == ids


def test_a_delivery_that_succeeds_ends_the_warning(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows,
    record: Rows,
) -> None:  # fmt: skip
    """One that was claimed before the check may have gone to the old URL; a failed one proves nothing."""
    endpoint(max_attempts=20)
    for _ in range(3):
        dispatch()
    (before,) = claim(1)
    found(db, *claimed(db))
    record(before)
    assert listed(db) == [(True, WARNING)]
    failed, delivered = claim(2)
    record(failed, delivered=False)
    assert listed(db) == [(True, WARNING)]
    record(delivered)
    assert listed(db) == [(True, None)]


def test_a_success_does_not_stand_for_a_url_that_is_not_checked_yet(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """It was claimed with the old one."""
    endpoint()
    found(db, *claimed(db))
    dispatch()
    (delivery,) = claim(1)
    db.execute("update public.webhook_configurations set url = 'https://other.example/'")
    record(delivery)
    assert call(db, "webhook_backlog")["unchecked_urls"] == 1
    found(db, *claimed(db))
    assert listed(db) == [(True, WARNING)]


def test_a_deleted_endpoint_is_left_alone(db: Database, endpoint: Callable[..., str]) -> None:
    """No worker connects to it any more; an inactive one is still checked."""
    one = endpoint(is_active=False)
    assert [check["id"] for check in claimed(db)] == [one]
    gone = endpoint()
    while call(db, "delete_webhook_endpoint", gone, keep_history=True)["more"]:
        pass
    assert (claimed(db), call(db, "webhook_backlog")["unchecked_urls"]) == ([], 0)


def test_a_copy_of_a_database_connects_to_nobody(db: Database, endpoint: Callable[..., str]) -> None:
    """Until someone says whose it is."""
    endpoint()
    call(db, "claim_webhook_deliveries", project="a.supabase.co")
    assert claimed(db, project="b.supabase.co") == []
    assert len(claimed(db, project="a.supabase.co")) == 1


def test_an_endpoint_that_was_loaded_without_triggers(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Rows, record: Rows
) -> None:
    """It has no circuit until its first result, and no check until then."""
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        endpoint()
    assert (claimed(db), listed(db)) == ([], [(False, None)])
    dispatch()
    record(*claim(1))
    assert len(claimed(db)) == 1


def test_only_servers_claim_and_record(db: Database, endpoint: Callable[..., str]) -> None:
    """Not an admin either."""
    endpoint()
    as_admin(db)
    for function, argument in (("claim_webhook_url_checks", 10), ("record_webhook_url_checks", "[]")):
        with pytest.raises(psycopg.Error, match=r"permission denied|only server-side callers"):
            call(db, function, argument)
