"""Alerts in SQL: each starts once and ends once, at its threshold, however many processes look."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.database.test_dispatch import ANA, become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]
    Look = Callable[..., list[dict[str, Any]]]

KINDS = ("failure_rate", "overdue", "endpoint_failing", "dispatcher_silent", "endpoint_disabled")
ALL = {kind: ["slack"] for kind in KINDS}


@pytest.fixture
def look(db: Database) -> Look:
    """Evaluate; return the notices that are to be sent."""

    def evaluate(lease: float = 60, **policy: Any) -> list[dict[str, Any]]:
        row = db.execute(
            "select public.evaluate_webhook_alerts(%s::jsonb, %s) as notices",
            (json.dumps({"channels": ALL, **policy}), lease),
        ).fetchone()
        return list(row["notices"])  # type: ignore[index]

    return evaluate


def told(notices: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return kind and moment of notices."""
    return [(notice["kind"], notice["moment"]) for notice in notices]


def deliveries(db: Database, endpoint: str, count: int, status: str, *, due: str = "0", made: str = "0") -> None:
    """Make deliveries with a status, due and made so long ago."""
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, next_attempt_at,"
        " created_at) select %s, 'x.y', '{}', %s, now() - %s::interval, now() - %s::interval"
        " from generate_series(1, %s)",
        (endpoint, status, due, made, count),
    )


def test_failure_rate(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """Above a half of the last hour's finished ones, ten of them at least; over when it is a half again."""
    one = endpoint()
    deliveries(db, one, 9, "failed")
    deliveries(db, one, 50, "delivered", made="2 hours")
    assert look() == []
    deliveries(db, one, 1, "failed")
    (notice,) = look()
    assert (notice["kind"], notice["moment"], notice["severity"]) == ("failure_rate", "started", "warning")
    assert notice["summary"] == "100 % of the last hour's 10 finished deliveries failed"
    assert look() == []
    deliveries(db, one, 10, "delivered")
    # not measured is not over
    assert look(with_rate=False) == []
    db.execute("update public.webhook_alert_notices set sent_at = now()")
    assert told(look()) == [("failure_rate", "ended")]
    deliveries(db, one, 1, "failed")
    assert told(look()) == [("failure_rate", "started")]
    assert db.execute("select count(*) as n from public.webhook_alerts").fetchone() == {"n": 2}


def test_overdue(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """More than the threshold, overdue by more than the setting; what an inactive endpoint holds does not count."""
    one = endpoint()
    deliveries(db, one, 100, "pending", due="2 minutes")
    deliveries(db, one, 50, "pending", due="30 seconds")
    deliveries(db, endpoint(is_active=False), 500, "pending", due="1 day")
    assert look() == []
    deliveries(db, one, 1, "pending", due="2 minutes")
    (notice,) = look()
    assert (notice["kind"], notice["summary"]) == ("overdue", "101 deliveries are overdue by more than 60 s")
    assert told(look(overdue=101)) == []
    assert db.execute("select ended_at from public.webhook_alerts where ended_at is not null").rowcount == 1


def failing(db: Database, *ids: str, minutes: int = 16) -> None:
    """Let endpoints have failed for this long, with circuits that open."""
    db.execute(
        "update public.webhook_circuits set state = 'open', open_until = now(), last_status = 502,"
        " last_error = 'HTTP 502', failing_since = now() - %s * interval '1 minute'"
        " where webhook_config_id = any (%s::uuid[])",
        (minutes, list(ids)),
    )


def test_endpoints_that_fail(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """One an endpoint, after a quarter of an hour, with its last response; its circuit tells nothing by itself."""
    ids = [endpoint(name=name) for name in ("a", "b", "c")]
    failing(db, *ids, minutes=14)
    assert look() == []
    failing(db, *ids)
    notices = look()
    assert told(notices) == [("endpoint_failing", "started")] * 3
    assert all("Last response: HTTP 502" in notice["summary"] for notice in notices)
    db.execute("update public.webhook_alert_notices set sent_at = now()")
    # its circuit's probe is not an end; a success, a person who disables it, and its deletion are
    db.execute("update public.webhook_circuits set state = 'half_open'")
    assert look() == []
    db.execute("update public.webhook_circuits set failing_since = null where webhook_config_id = %s", (ids[0],))
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (ids[1],))
    db.execute("delete from public.webhook_configurations where id = %s", (ids[2],))
    ended = look()
    assert told(ended) == [("endpoint_failing", "ended")] * 3
    assert {notice["summary"].split('"')[1] for notice in ended} == {"a", "b", "c"}


def test_one_outage_is_one_message(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """What waits behind the open circuit is not overdue as well; an endpoint that is disabled has not recovered."""
    ill = endpoint()
    deliveries(db, ill, 500, "pending", due="1 hour")
    failing(db, ill)
    db.execute("update public.webhook_circuits set open_until = now() + interval '1 minute'")
    assert told(look()) == [("endpoint_failing", "started")]
    db.execute("update public.webhook_alert_notices set sent_at = now()")
    db.execute(
        "update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = 'gone'"
    )
    assert {kind for kind, moment in told(look()) if moment == "started"} == {"endpoint_disabled"}
    assert db.execute("select from public.webhook_alerts where ended_at is not null").rowcount == 0


def test_dispatcher(db: Database, look: Look) -> None:
    """Silent after five minutes; one that never called is not silent."""
    assert look() == []
    run = "insert into public.webhook_dispatcher_runs (source, started_at) values ('x', now() - %s::interval)"
    db.execute(run, ("299 seconds",))
    assert look() == []
    db.execute("update public.webhook_dispatcher_runs set started_at = now() - interval '301 seconds'")
    (notice,) = look()
    assert (notice["kind"], notice["severity"]) == ("dispatcher_silent", "critical")
    db.execute("update public.webhook_alert_notices set sent_at = now()")
    db.execute(run, ("0 seconds",))
    assert told(look()) == [("dispatcher_silent", "ended")]


def test_disabled(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """By the system, not by a person; over when it is switched on."""
    by_system = endpoint(name="n8n")
    by_person = endpoint()
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (by_person,))
    db.execute(
        "update public.webhook_configurations set is_active = false, disabled_at = now(), disabled_reason = '410 Gone'"
        " where id = %s",
        (by_system,),
    )
    (notice,) = look()
    assert notice["summary"] == 'Endpoint "n8n" was disabled: 410 Gone'
    db.execute("update public.webhook_alert_notices set sent_at = now()")
    db.execute("update public.webhook_configurations set is_active = true where id = %s", (by_system,))
    assert told(look()) == [("endpoint_disabled", "ended")]


def test_a_notice_goes_out_once(db: Database, dsn: str, look: Look, endpoint: Callable[..., str]) -> None:
    """Twenty who look at once get it once; a failed one is retried, later and ten times at most; an end waits."""
    one = endpoint()
    deliveries(db, one, 101, "pending", due="1 hour")

    def evaluate(_: int) -> int:
        with psycopg.connect(dsn, row_factory=dict_row) as connection:
            policy = json.dumps({"channels": {"overdue": ["slack", "email"]}})
            row = connection.execute(
                "select public.evaluate_webhook_alerts(%s::jsonb) as notices", (policy,)
            ).fetchone()
            return len(row["notices"])  # type: ignore[index]

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(evaluate, range(20))) == 2

    # Given that Slack was told and the mail failed, and it is over
    failed = {"alert_id": str(db.execute("select id from public.webhook_alerts").fetchone()["id"]), "moment": "started"}  # type: ignore[index]
    results = [{**failed, "channel": "slack", "error": None}, {**failed, "channel": "email", "error": "away"}]
    db.execute("select public.record_webhook_alert_notices(%s::jsonb)", (json.dumps(results),))
    db.execute("update public.webhook_deliveries set status = 'delivered'")
    both = {"channels": {"overdue": ["slack", "email"]}}
    # Then Slack is notified of the end, the mail first of the start
    assert [(n["channel"], n["moment"]) for n in look(**both)] == [("slack", "ended")]
    tries = 1
    while True:
        db.execute("update public.webhook_alert_notices set next_try_at = now() where channel = 'email'")
        notices = look(**both)
        if notices[0]["moment"] == "ended":
            break
        assert [(n["channel"], n["moment"]) for n in notices] == [("email", "started")]
        tries += 1
        db.execute("select public.record_webhook_alert_notices(%s::jsonb)", (json.dumps(results[1:]),))
    assert tries == 10


def test_who_has_no_channel_takes_nothing_away(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """A process without settings for alerts may see start and end first: they are told by one that has them."""
    deliveries(db, endpoint(), 101, "pending", due="1 hour")
    assert look(channels={}) == []
    assert told(look()) == [("overdue", "started")]
    db.execute("update public.webhook_alert_notices set sent_at = now()")
    db.execute("update public.webhook_deliveries set status = 'failed'")
    assert look(channels={}, with_rate=False) == []
    assert told(look(with_rate=False)) == [("overdue", "ended")]
    assert db.execute("select from public.webhook_alert_notices").rowcount == 2


def test_what_is_not_recorded_is_tried_again(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """The sender may have stopped: after its lease another one sends it."""
    deliveries(db, endpoint(), 101, "pending", due="1 hour")
    assert told(look(lease=60)) == [("overdue", "started")]
    assert look() == []
    db.execute("update public.webhook_alert_notices set next_try_at = now()")
    assert told(look()) == [("overdue", "started")]


def test_the_event(db: Database, look: Look, endpoint: Callable[..., str]) -> None:
    """webhook.alert at start and end, to endpoints that name it, even without a channel; no one can dispatch it."""
    asked = endpoint(events="{webhook.alert}", name="asked")
    family = endpoint(events="{webhook.*}", name="family")
    endpoint(events="{*}", name="everything")
    ill = endpoint(events="{webhook.*}", name="ill")
    failing(db, ill)
    for _ in range(3):
        assert look(channels={}) == []
    db.execute("update public.webhook_circuits set state = 'closed', failing_since = null")
    assert look(channels={}) == []
    rows = db.execute("select * from public.webhook_deliveries order by created_at").fetchall()
    by_endpoint = {name: [r["payload"]["data"]["status"] for r in rows if str(r["webhook_config_id"]) == name]
                   for name in (asked, family)}  # fmt: skip
    # the failing endpoint is not notified of the end either
    assert by_endpoint == {asked: ["started", "ended"], family: ["started", "ended"]}
    assert len(rows) == 4
    data = rows[0]["payload"]["data"]
    assert (data["kind"], data["webhook_config_id"]) == ("endpoint_failing", ill)
    assert rows[0]["payload"]["request_id"] == str(rows[0]["request_id"])

    become(db, "authenticated", ANA)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="unknown webhook event type"):
        db.execute("select public.dispatch_webhook('webhook.alert', '{}')")


def test_an_unknown_subscription_is_still_rejected(endpoint: Callable[..., str]) -> None:
    """The error names it, and not the alert, which is in no catalog."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"not in the catalog: user\.left(\n|$)"):
        endpoint(events="{webhook.alert,user.left}")


def test_traceparent(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Kept from the request's headers when it is one; what is none, and headers that are none, lose nothing."""
    endpoint()
    good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    for headers in (json.dumps({"traceparent": good}), json.dumps({"traceparent": "'; x"}), "traceparent", ""):
        db.execute("select set_config('request.headers', %s, false)", (headers,))
        dispatch()
    rows = db.execute("select id, traceparent from public.webhook_deliveries order by created_at").fetchall()
    assert [row["traceparent"] for row in rows] == [good, None, None, None]
    response = db.execute(
        "select public.webhook_traceparents(array(select id from public.webhook_deliveries)) as found"
    ).fetchone()
    assert response == {"found": {str(rows[0]["id"]): good}}
