"""Listeners in SQL: they claim their own deliveries, no one else's, and nothing else of the system notices them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import ADMIN, as_admin, as_user, call
from tests.database.test_dispatch import become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

OTHER = "00000000-0000-0000-0000-0000000000ae"

#: What a listener must not be able to say, in any of its results.
HOSTILE = {
    "health": "failed",
    "retry_after_seconds": 86_400,
    "disable_reason": "410 Gone",
    "setup": True,
    "permanent": False,
    "response_headers": {"x": "y"},
    "endpoint_id": "00000000-0000-0000-0000-000000000000",
}


def as_server(db: Database) -> None:
    """Go on as the service key does."""
    become(db, "service_role")


def as_another_admin(db: Database) -> None:
    """Go on as an admin who has not started the listener."""
    as_admin(db)
    claims = {"sub": OTHER, "role": "authenticated", "app_metadata": {"role": "admin"}}
    db.execute("select set_config('request.jwt.claim.sub', %s, false)", (OTHER,))
    db.execute("select set_config('request.jwt.claims', %s, false)", (json.dumps(claims),))


def as_owner(db: Database) -> None:
    """Go on as the tables' owner."""
    become(db, "none")


def start(db: Database, *events: str) -> str:
    """Start a listener; return its id."""
    return str(call(db, "start_webhook_listener", list(events or ["*"]))["id"])


def claim(db: Database, listener: str) -> list[dict[str, Any]]:
    """Claim what a listener has."""
    return list(call(db, "claim_for_webhook_listener", listener)["deliveries"])


def result(row: dict[str, Any], *, delivered: bool = True, status: int | None = 200, **more: Any) -> dict[str, Any]:
    """Return the result of a claimed row."""
    return {
        "delivery_id": row["id"], "lease_id": row["lease_id"], "attempt": row["attempt"],
        "started_at": "2026-01-02T03:04:05Z", "duration_ms": 7, "delivered": delivered,
        "response_status": status, **more,
    }  # fmt: skip


def record(db: Database, listener: str, *results: dict[str, Any]) -> list[dict[str, Any]]:
    """Report results; return their outcomes."""
    return list(call(db, "record_for_webhook_listener", listener, json.dumps(results))["recorded"])


def row_of(db: Database, delivery: str) -> dict[str, Any]:
    """Return a delivery."""
    as_owner(db)
    row = db.execute("select * from public.webhook_deliveries where id = %s", (delivery,)).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("caller", [as_admin, as_server])
def test_its_own_deliveries(db: Database, dispatch: Callable[..., Any], caller: Callable[..., None]) -> None:
    """Those of its events: claimed with their bodies, and recorded with the app's response."""
    caller(db)
    listener = start(db, "user.*")
    deaf = start(db, "discussion.*")
    as_owner(db)
    sent = dispatch()
    assert sent["deliveries"] == 1
    caller(db)
    assert claim(db, deaf) == []
    (row,) = claim(db, listener)
    assert json.loads(row["body"])["request_id"] == sent["request_id"]
    assert (row["event_type"], row["attempt"]) == ("user.joined_community", 1)
    assert claim(db, listener) == []
    done = record(db, listener, result(row, status=204, response_excerpt="thanks"))
    assert [(one["status"], one["accepted"]) for one in done] == [("delivered", True)]
    kept = row_of(db, row["id"])
    assert (kept["status"], kept["response_status"], kept["response_body"]) == ("delivered", 204, "thanks")
    attempts = db.execute("select delivered, response_status from public.webhook_attempts").fetchall()
    assert attempts == [{"delivered": True, "response_status": 204}]


def test_workers_skip_it(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Callable[..., Any]
) -> None:
    """Whatever state its deliveries are in; they find nothing due either, and go on with the others'."""
    as_admin(db)
    listener = start(db)
    as_owner(db)
    mine = endpoint()
    dispatch()
    dispatch()
    assert call(db, "webhook_backlog")["due"] == 2
    assert {row["endpoint_id"] for row in claim()} == {mine}
    assert claim() == []
    # a lease of the listener's has ended, and a delivery was queued for later
    as_admin(db)
    assert len(call(db, "claim_for_webhook_listener", listener)["deliveries"]) == 2
    as_owner(db)
    queued = "update webhooks.delivery_queue set due_at = now() - interval '1 second' where webhook_config_id = %s"
    db.execute(queued, (listener,))
    assert claim() == []
    assert call(db, "webhook_backlog")["due"] == 0
    as_admin(db)
    assert len(call(db, "claim_for_webhook_listener", listener)["deliveries"]) == 2


def test_without_a_worker(db: Database, dispatch: Callable[..., Any]) -> None:
    """A claim that was never reported is claimed again after its lease; its own result comes too late then."""
    as_admin(db)
    listener = start(db)
    as_owner(db)
    dispatch()
    as_admin(db)
    (lost,) = claim(db, listener)
    as_owner(db)
    db.execute("update webhooks.delivery_queue set due_at = now() - interval '1 second'")
    as_admin(db)
    (row,) = claim(db, listener)
    assert (row["id"], row["lease_id"] != lost["lease_id"]) == (lost["id"], True)
    assert record(db, listener, result(lost, delivered=False, status=500)) == []
    assert record(db, listener, result(row))[0]["status"] == "delivered"


@pytest.mark.parametrize(
    ("stranger", "error"),
    [(as_another_admin, "PT404"), (as_server, "PT404"), (as_user, "42501"), (lambda db: become(db, "anon"), "42501")],
    ids=["another admin", "a service key", "a user", "no user"],
)
def test_no_one_elses(db: Database, dispatch: Callable[..., Any], stranger: Any, error: str) -> None:
    """None of the three functions does anything for a stranger, who cannot tell it from one that does not exist."""
    as_admin(db)
    listener = start(db)
    as_owner(db)
    dispatch()
    dispatch()
    as_admin(db)
    row, _ = claim(db, listener)
    texts = set()
    for function, *arguments in (
        ("claim_for_webhook_listener",),
        ("record_for_webhook_listener", json.dumps([result(row)])),
        ("stop_webhook_listener",),
    ):
        for named in (listener, OTHER):
            stranger(db)
            with pytest.raises(psycopg.Error) as rejected:
                call(db, function, named, *arguments)
            assert rejected.value.sqlstate == error
            texts.add((function if error == "42501" else "", str(rejected.value).split("\nCONTEXT")[0]))
    if error == "PT404":
        assert len(texts) == 1
    assert row_of(db, row["id"])["status"] == "processing"
    as_admin(db)
    assert record(db, listener, result(row))[0]["accepted"]


def test_only_what_it_claimed(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Callable[..., Any]
) -> None:
    """Its owner cannot claim for an ordinary endpoint, nor report another endpoint's delivery."""
    mine = endpoint()
    as_admin(db)
    listener, second = start(db), start(db)
    as_owner(db)
    dispatch()
    (foreign,) = claim()
    as_admin(db)
    with pytest.raises(psycopg.Error) as rejected:
        call(db, "claim_for_webhook_listener", mine)
    assert rejected.value.sqlstate == "PT404"
    (row,) = call(db, "claim_for_webhook_listener", listener)["deliveries"]
    (others,) = call(db, "claim_for_webhook_listener", second)["deliveries"]
    forged = [
        result({**foreign, "id": str(foreign["id"])}),
        result(others),
        result({**row, "lease_id": others["lease_id"]}),
    ]
    assert record(db, listener, *forged) == []
    for one in (str(foreign["id"]), others["id"], row["id"]):
        assert row_of(db, one)["status"] == "processing"


def reports(db: Database) -> dict[str, Any]:
    """Return what the system says of itself, without the time."""
    as_owner(db)
    found = {
        name: call(db, name)
        for name in ("webhook_health", "webhook_metrics", "webhook_overview", "webhook_backlog", "webhook_series",
                     "webhook_diagnosis")
    }  # fmt: skip
    alerts = call(db, "evaluate_webhook_alerts", json.dumps({
        "channels": {kind: ["slack"] for kind in ("failure_rate", "overdue", "endpoint_failing", "endpoint_disabled")},
        "failure_minimum": 1, "failure_rate": 0.01, "overdue": 0, "overdue_seconds": 0, "failing_seconds": 0,
    }), 60)  # fmt: skip
    series = found.pop("webhook_series")
    found["series"] = {
        name: sum(value or 0 for value in series[name]) for name in ("delivered", "failed", "pending", "p95_ms")
    }
    figures = call(db, "webhook_figures")
    found["figures"] = {"events": figures["events"], **{name: sum(figures[name]) for name in ("delivered", "failed")}}
    del found["webhook_overview"]["performance"]["dispatcher_uptime_percent"]
    for report in found.values():
        for name in ("now", "as_of"):
            report.pop(name, None)
    return {**found, "alerts": alerts}


def test_it_is_no_step_of_the_setup(db: Database) -> None:
    """It is temporary: an endpoint is still to be created."""
    as_admin(db)
    start(db)
    as_owner(db)
    assert call(db, "webhook_overview")["setup"]["endpoint"] is False


def test_no_figure_counts_it(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Neither health, overview, metrics, alerts nor doctor change, whatever its deliveries and results are."""
    endpoint("{discussion.*}", secret_key="secret")
    as_owner(db)
    db.execute("select public.start_webhook_dispatcher_run('test')")
    db.execute("update public.webhook_circuits set url_check_at = null")
    before = reports(db)
    as_admin(db)
    listener = start(db)
    assert reports(db) == before
    for _ in range(60):
        dispatch()
    assert reports(db) == before
    as_admin(db)
    for status in (500, 410, 429, 503, None, 200):
        rows = claim(db, listener)[:6]
        as_admin(db)
        done = record(db, listener, *[
            # now, so that a report would count it
            result(row, delivered=status == 200, status=status, started_at=datetime.now(UTC).isoformat(), **HOSTILE)
            for row in rows
        ])  # fmt: skip
        assert {one["status"] for one in done} == ({"delivered"} if status == 200 else {"failed"} if rows else set())
        as_owner(db)
        db.execute("update webhooks.delivery_queue set due_at = now() - interval '1 minute'")
        as_admin(db)
    assert reports(db) == before
    circuit = db.execute(
        "select h.state, h.consecutive_failures, h.failing_since, h.paused_until, h.places, c.is_active, c.disabled_at"
        " from public.webhook_circuits as h join public.webhook_configurations as c on c.id = h.webhook_config_id"
        " where c.id = %s", (listener,),
    ).fetchone()  # fmt: skip
    assert circuit == {
        "state": "closed", "consecutive_failures": 0, "failing_since": None, "paused_until": None, "places": None,
        "is_active": True, "disabled_at": None,
    }  # fmt: skip
    states = db.execute("select distinct status from public.webhook_deliveries order by status").fetchall()
    assert [one["status"] for one in states] == ["delivered", "failed", "processing"]


def test_a_failure_is_not_retried(db: Database, dispatch: Callable[..., Any]) -> None:
    """But an admin may send it again, to the same listener."""
    as_admin(db)
    listener = start(db)
    as_owner(db)
    dispatch()
    as_admin(db)
    (row,) = claim(db, listener)
    assert record(db, listener, result(row, delivered=False, status=500))[0]["status"] == "failed"
    assert claim(db, listener) == []
    call(db, "retry_webhook_delivery", row["id"])
    (again,) = claim(db, listener)
    assert (again["id"], again["attempt"]) == (row["id"], 2)
    assert record(db, listener, result(again))[0]["status"] == "delivered"


def test_it_disappears(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """At its end: with its deliveries, finished or not, while those of others stay; then it is unknown."""
    endpoint()
    as_admin(db)
    listener = start(db)
    as_owner(db)
    dispatch()
    dispatch()
    as_admin(db)
    row = claim(db, listener)[0]
    record(db, listener, result(row, delivered=False, status=500))
    while call(db, "stop_webhook_listener", listener)["more"]:
        pass
    assert left(db) == {"endpoints": 1, "listeners": 0, "deliveries": 2, "queued": 2, "attempts": 0, "failed": 0}
    as_admin(db)
    with pytest.raises(psycopg.Error, match="this listener has ended"):
        claim(db, listener)


def left(db: Database) -> dict[str, int]:
    """Return how many rows there are."""
    as_owner(db)
    tables = {
        "endpoints": "public.webhook_configurations", "listeners": "webhooks.listeners",
        "deliveries": "public.webhook_deliveries", "queued": "webhooks.delivery_queue",
        "attempts": "public.webhook_attempts", "failed": "webhooks.failed_deliveries",
    }  # fmt: skip
    return {name: db.execute(f"select from {table}".encode()).rowcount for name, table in tables.items()}


def test_a_listener_that_is_silent(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Is deleted by upkeep after its lease, which each of its calls moves out; another one stays."""
    endpoint()
    as_admin(db)
    silent, alive = start(db), start(db)
    as_owner(db)
    dispatch()
    soon = "update webhooks.listeners set expires_at = now() + interval '1 second'"
    db.execute(soon.encode())
    as_admin(db)
    (row,) = claim(db, alive)
    as_owner(db)
    db.execute("update webhooks.listeners set expires_at = expires_at - interval '2 seconds'")
    purge(db)
    as_admin(db)
    with pytest.raises(psycopg.Error, match="endpoint was disabled"):
        claim(db, silent)
    as_owner(db)
    dispatch()
    purge(db)
    assert left(db) == {"endpoints": 2, "listeners": 1, "deliveries": 4, "queued": 4, "attempts": 0, "failed": 0}
    as_admin(db)
    with pytest.raises(psycopg.Error, match="this listener has ended"):
        claim(db, silent)
    assert record(db, alive, result(row))[0]["accepted"]


def purge(db: Database) -> None:
    """Do what a worker's upkeep does each minute."""
    call(db, "purge_webhook_history", "30 days")


def test_without_workers_the_next_listeners_remove_it(db: Database) -> None:
    """Each start looks for expired ones: it disables them, or deletes what an earlier one disabled."""
    as_admin(db)
    silent = start(db)
    as_owner(db)
    db.execute("update webhooks.listeners set expires_at = now() - interval '1 second'")
    as_another_admin(db)
    others = {start(db), start(db)}
    as_owner(db)
    rows = db.execute("select id::text from public.webhook_configurations").fetchall()
    assert {row["id"] for row in rows} == others
    assert silent not in others


def test_at_most_twenty(db: Database) -> None:
    """Each multiplies the deliveries of every event."""
    as_admin(db)
    for _ in range(20):
        start(db)
    with pytest.raises(psycopg.Error, match="20 listeners are running already") as rejected:
        start(db)
    assert rejected.value.sqlstate == "PT429"


@pytest.mark.parametrize("url", ["listen://abc", "LISTEN://abc", "listen:", " listen://abc"])
def test_its_scheme_is_its_own(db: Database, endpoint: Callable[..., str], url: str) -> None:
    """No endpoint is created with it or moved to it, and a listener's is moved nowhere."""
    mine = endpoint()
    as_admin(db)
    listener = start(db)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        call(db, "create_webhook_endpoint", json.dumps({"name": "x", "url": url, "events": ["*"]}))
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        call(db, "update_webhook_endpoint", mine, json.dumps({"url": url}))
    as_server(db)
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        endpoint(url=url)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="its URL cannot change"):
        call(db, "update_webhook_endpoint", listener, json.dumps({"url": "https://example.com/"}))
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="its URL cannot change"):
        db.execute("update public.webhook_configurations set url = %s where id = %s", (f"{url}x", listener))


def test_events_that_do_not_exist(db: Database) -> None:
    """Are named, and nothing is created."""
    as_admin(db)
    for events, text in (
        (["user.unheard_of"], "user.unheard_of"),
        ([], "listener needs events"),
        (None, "needs events"),
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=text):
            call(db, "start_webhook_listener", events)
    assert left(db)["endpoints"] == 0


def test_who_listens_is_seen(db: Database) -> None:
    """In the list of endpoints, and in the log of admins' actions; its URL is not checked."""
    as_admin(db)
    listener = start(db, "user.*")
    (shown,) = call(db, "list_webhook_endpoints")
    assert (shown["id"], shown["url"].split("//")[0], shown["url_checked_at"]) == (listener, "listen:", None)
    as_owner(db)
    assert call(db, "claim_webhook_url_checks") == []
    (action,) = db.execute("select actor_id, action, details from public.webhook_admin_actions").fetchall()
    assert action == {"actor_id": ADMIN, "action": "start_listener", "details": {"events": ["user.*"]}}
