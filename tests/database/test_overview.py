"""The dashboard's figures: each equals a count made here in another way, and status has its reasons."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.database.shorthands import as_admin, as_user, call

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

STATUSES = ["delivered"] * 14 + ["failed"] * 3 + ["pending"] * 2 + ["processing"]


def fill(db: Database, config: str) -> None:
    """Insert 400 deliveries over two hours, every status in it, each finished one with its attempts."""
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at, attempts,"
        " next_attempt_at)"
        " select %(config)s, 'x.y', '{}', s, now() - n * interval '18 seconds', 1, now() + interval '1 hour'"
        " from generate_series(0, 399) n, lateral (select (%(statuses)s::text[])[n %% 20 + 1] as s) v",
        {"config": config, "statuses": STATUSES},
    )
    db.execute(
        "insert into public.webhook_attempts (delivery_id, number, started_at, duration_ms, delivered)"
        " select id, 1, created_at, (random() * 1000)::integer, status = 'delivered'"
        " from public.webhook_deliveries where status in ('delivered', 'failed')"
    )


def count(db: Database, sql: str) -> Any:
    """Return the one figure of a query."""
    row = db.execute(sql.encode()).fetchone()
    assert row is not None
    return row["n"]


def test_every_figure_is_a_count(db: Database, endpoint: Callable[..., str]) -> None:
    """Last hour, circuits and latencies, as an admin sees them and as the tables have them."""
    configs = [endpoint(name=f"e{n}") for n in range(6)]
    endpoint(name="off", is_active=False)
    fill(db, configs[0])
    db.execute(
        "update public.webhook_circuits set state = 'open', open_until = now() where webhook_config_id = %s",
        configs[1:2],
    )
    db.execute(
        "update public.webhook_circuits set state = 'half_open' where webhook_config_id = any(%s)", (configs[2:4],)
    )
    as_admin(db)
    shown = call(db, "webhook_overview")
    db.execute("reset role")
    recent = "from public.webhook_deliveries where created_at > now() - interval '1 hour'"
    wanted = {
        "total": count(db, f"select count(*) as n {recent}"),
        "delivered": count(db, f"select count(*) as n {recent} and status = 'delivered'"),
        "failed": count(db, f"select count(*) as n {recent} and status = 'failed'"),
        "pending": count(db, f"select count(*) as n {recent} and status in ('pending', 'processing')"),
    }
    assert shown["last_hour"] == wanted
    assert 190 < wanted["total"] <= 200
    assert sum(wanted.values()) == 2 * wanted["total"]
    assert shown["circuits"] == {"open": 1, "half_open": 2, "closed": 3}
    sql = "select duration_ms from public.webhook_attempts where started_at > now() - interval '1 hour' order by 1"
    durations = [row["duration_ms"] for row in db.execute(sql)]
    performance = shown["performance"]
    assert performance["attempts"] == len(durations)
    assert performance["p95_ms"] == durations[math.ceil(0.95 * len(durations)) - 1]
    assert performance["max_ms"] == durations[-1]


def test_the_series_adds_up(db: Database, endpoint: Callable[..., str]) -> None:
    """Every delivery of the span is in one bucket; latencies are those of the bucket's attempts."""
    fill(db, endpoint())
    as_admin(db)
    series = call(db, "webhook_series", "1 hour", 60)
    for status in ("delivered", "failed", "pending"):
        assert len(series[status]) == 60
        statuses = ["pending", "processing"] if status == "pending" else [status]
        made = db.execute(
            "select count(*) as n from public.webhook_deliveries"
            " where status = any(%s) and created_at >= to_timestamp(%s)",
            (statuses, series["at"][0]),
        ).fetchone()
        assert made == {"n": sum(series[status])}
    assert series["bucket_seconds"] == 60
    # by the clock: whole minutes, the newest with now in it
    assert [at % 60 for at in series["at"]] == [0] * 60
    row = db.execute("select extract(epoch from now())::float8 as now").fetchone()
    assert row is not None
    assert series["at"][-1] <= row["now"] < series["at"][-1] + 60
    begins, ends = series["at"][40], series["at"][41]
    in_bucket = db.execute(
        "select duration_ms from public.webhook_attempts where started_at >= to_timestamp(%s)"
        " and started_at < to_timestamp(%s) order by 1", (begins, ends)).fetchall()  # fmt: skip
    durations = [row["duration_ms"] for row in in_bucket]
    assert durations
    assert series["p95_ms"][40] == durations[math.ceil(0.95 * len(durations)) - 1]
    with pytest.raises(Exception, match="a series must span"):
        call(db, "webhook_series", "8 days", 60)


@pytest.mark.parametrize(
    ("span", "buckets"), [("1 hour", 60), ("6 hours", 72), ("24 hours", 96), ("7 days", 7), ("1 minute", 60)]
)
def test_the_newest_delivery_is_in_the_newest_bucket(
    db: Database, endpoint: Callable[..., str], span: str, buckets: int
) -> None:
    """Whatever the span: buckets begin at a multiple of their width, and now is in the last one."""
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, created_at)"
        " values (%s, 'x.y', '{}', now())", (endpoint(),))  # fmt: skip
    as_admin(db)
    series = call(db, "webhook_series", span, buckets)
    assert (sum(series["pending"]), series["pending"][-1]) == (1, 1)
    assert {at % series["bucket_seconds"] for at in series["at"]} == {0}


def test_what_fails_is_named_first(db: Database, endpoint: Callable[..., str]) -> None:
    """Failing endpoints, and those that the system disabled, the longest first, with the delivery to look at."""
    failing, disabled, paused, _ = (endpoint(name=name) for name in ("failing", "disabled", "paused", "fine"))
    db.execute("update public.webhook_circuits set failing_since = now() - interval '1 hour', undelivered_at = now(),"
               " last_error = 'HTTP 401 Unauthorized' where webhook_config_id = %s", (failing,))  # fmt: skip
    db.execute("update public.webhook_configurations set is_active = false, disabled_at = now() - interval '2 hours',"
               " disabled_reason = 'the endpoint returned 410 Gone' where id = %s", (disabled,))  # fmt: skip
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (paused,))
    db.execute("insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)"
               " values (%s, 'x.y', '{}', 'failed')", (failing,))  # fmt: skip
    as_admin(db)
    shown = call(db, "webhook_overview")
    assert [(one["name"], one["disabled"], one["error"]) for one in shown["failing"]] == [
        ("disabled", True, "the endpoint returned 410 Gone"), ("failing", False, "HTTP 401 Unauthorized"),
    ]  # fmt: skip
    assert shown["failing"][0]["delivery_id"] is None
    (made,) = call(db, "search_webhook_deliveries")["deliveries"]
    assert shown["failing"][1]["delivery_id"] == made["id"]
    assert shown["trigger_errors"] == 0


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("disabled", ["null", "now()"])
@pytest.mark.parametrize("state", [None, "closed", "open", "half_open"])
@pytest.mark.parametrize("since", ["null", "now() - interval '1 hour'", "now() - interval '3 days'"])
def test_the_overview_and_the_list_say_the_same(
    db: Database, endpoint: Callable[..., str], active: bool, disabled: str, state: str | None, since: str
) -> None:
    """Whatever its row and its circuit say: failing is what its page calls failing or disabled, for the same reason."""
    config = endpoint()
    # as rows are that were loaded without triggers, which may contradict each other
    db.execute("set session_replication_role = replica")
    db.execute(f"update public.webhook_configurations set is_active = {active}, disabled_at = {disabled},"
               f" disabled_reason = case when {disabled} is not null then 'gone' end".encode())  # fmt: skip
    db.execute("delete from public.webhook_circuits")
    if state:
        db.execute("insert into public.webhook_circuits (webhook_config_id, state, since, last_status, open_until)"
                   " values (%s, %s, now() - interval '1 day', 503, case when %s = 'open' then now() end)",
                   (config, state, state))  # fmt: skip
        db.execute(f"update public.webhook_circuits set failing_since = {since}, undelivered_at = {since}".encode())
    db.execute("reset session_replication_role")
    (one,) = call(db, "list_webhook_endpoints")
    shown = call(db, "webhook_overview")["failing"]
    if one["health"]["status"] in {"failing", "disabled"}:
        assert [(each["disabled"], each["since"], each["error"]) for each in shown] == [
            (one["health"]["status"] == "disabled", one["health"]["since"], one["health"]["reason"])
        ]
        assert shown[0]["circuit"] == one["circuit"]["state"]
    else:
        assert shown == []


@pytest.mark.parametrize(
    ("beats", "percent"),
    [
        ([], None),
        # every minute for 100 minutes
        ([*range(100)], 100),
        # 100 minutes, silent from the 60th to the 19th before now: 40 minutes, 5 more that the last beat covers, and 19
        ([*range(20), *range(60, 101)], 40 + 5 + 19),
        # the first heartbeat 100 minutes ago, and none since: 5 of 100 minutes
        ([100], 5),
        # longer ago than the day that is looked at
        ([1441, 2000], 4 / 1440 * 100),
    ],
)
def test_uptime(db: Database, beats: list[int], percent: float | None) -> None:
    """The share of the last day, or since the first heartbeat, within five minutes of one."""
    db.execute(
        "insert into public.webhook_dispatcher_runs (source, started_at)"
        " select 'cron', now() - n * interval '1 minute' from unnest(%s::integer[]) n", (beats,))  # fmt: skip
    uptime = call(db, "webhook_overview")["performance"]["dispatcher_uptime_percent"]
    assert uptime == (None if percent is None else pytest.approx(percent, abs=0.1))


def reasons(db: Database) -> tuple[str, list[str]]:
    """Return the status and the texts of its reasons."""
    shown = call(db, "webhook_overview")
    return shown["status"], [reason["text"] for reason in shown["reasons"]]


def test_status_and_reasons(db: Database, endpoint: Callable[..., str]) -> None:
    """Healthy with a heartbeat and nothing wrong; each fault turns it, with its reason, the worst first."""
    db.execute("insert into public.webhook_dispatcher_runs (source) values ('cron')")
    config = endpoint()
    assert reasons(db) == ("healthy", [])
    db.execute("update public.webhook_dispatcher_runs set started_at = now() - interval '6 minutes'")
    assert reasons(db) == ("degraded", ["The dispatcher has not been called for more than 5 minutes"])
    db.execute("update public.webhook_dispatcher_runs set started_at = now(), error = 'Redis'")
    assert reasons(db) == ("degraded", ["The dispatcher's last run failed"])
    db.execute("update public.webhook_dispatcher_runs set error = null")
    endpoint(name="other")
    db.execute(
        "update public.webhook_circuits set state = 'open', open_until = now() + interval '1 hour'"
        " where webhook_config_id = %s",
        (config,),
    )
    assert reasons(db) == ("degraded", ["Circuits: 1 open"])
    db.execute("update public.webhook_circuits set state = 'open', open_until = now() + interval '1 hour'")
    assert reasons(db) == ("down", ["All circuits are open"])
    db.execute("update public.webhook_circuits set state = 'closed', open_until = null")
    db.execute("insert into public.webhook_deliveries (webhook_config_id, event_type, payload, next_attempt_at)"
               " values (%s, 'x.y', '{}', now() - interval '6 minutes')", (config,))  # fmt: skip
    status, texts = reasons(db)
    assert (status, texts[0][:48]) == ("down", "No deliveries go out: one has been waiting since")
    db.execute("delete from public.webhook_deliveries")
    db.execute("insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)"
               " select %s, 'x.y', '{}', 'failed' from generate_series(1, 10)", (config,))  # fmt: skip
    assert reasons(db) == ("down", ["More than half of the last hour's finished deliveries failed"])


def test_row_level_security_holds_under_the_view(db: Database, endpoint: Callable[..., str]) -> None:
    """It reads as the caller: a user who is not an admin sees nothing."""
    fill(db, endpoint())
    as_user(db)
    assert db.execute("select from public.webhook_delivery_overview").rowcount == 0


def test_the_view_for_studio(
    db: Database, endpoint: Callable[..., str], dispatch: Any, claim: Any, record: Any
) -> None:
    """One row a delivery, with why it waits; users see none of them."""
    config = endpoint(name="n8n")
    dispatch()
    record(*claim(), delivered=False, error="HTTP 500", response_status=500)
    as_admin(db)
    (row,) = db.execute("select * from public.webhook_delivery_overview").fetchall()
    assert (row["event"], row["endpoint"], row["status"]) == ("user.joined_community", "n8n", "retrying")
    assert (row["attempts"], row["response_status"], row["last_duration_ms"]) == ("1 of 3", 500, 7)
    db.execute("reset role")
    db.execute("update public.webhook_deliveries set attempts = 0")
    db.execute("update public.webhook_circuits set state = 'open', open_until = now()")
    assert count(db, "select status as n from public.webhook_delivery_overview") == "held: circuit open"
    db.execute("update public.webhook_configurations set is_active = false where id = %s", (config,))
    assert count(db, "select status as n from public.webhook_delivery_overview") == "held: endpoint inactive"


def test_a_backlog_that_is_worked_on_is_no_outage(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any, record: Any
) -> None:
    """An outage is a delivery that may go out while no worker delivers; not one that waits for a limit or others."""

    def told() -> list[str]:
        return [reason["text"] for reason in call(db, "webhook_overview")["reasons"]]

    endpoint(max_concurrency=1)
    for _ in range(3):
        dispatch()
    db.execute("update public.webhook_deliveries set next_attempt_at = now() - interval '1 hour'")
    assert any("Is a worker running?" in text for text in told())
    (row,) = claim()
    db.execute(
        "update webhooks.delivery_queue set leased_at = now() - interval '10 minutes' where lease_id is not null"
    )
    assert call(db, "webhook_backlog")["oldest_due_at"] is None, "it is at its limit"
    record(row)
    assert any("Is a worker running?" in text for text in told()), "the last attempt was long ago"
    record(*claim(), started_at=db.execute("select now()::text as n").fetchone()["n"])  # type: ignore[index]
    (backlog,) = [text for text in told() if "due" in text]
    assert backlog.startswith("1 deliveries are due, the oldest since")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ("update public.webhook_configurations set is_active = false", "held: endpoint inactive"),
        (
            "update public.webhook_configurations set is_active = false, deleted_at = now()",
            "held: endpoint deleted",
        ),
        ("update public.webhook_circuits set state = 'open', open_until = now()", "held: circuit open"),
        (
            "update public.webhook_circuits set paused_until = now() + interval '1 minute'",
            "held: endpoint asked to wait",
        ),
    ],
)
@pytest.mark.parametrize("attempts", [0, 1])
def test_a_held_delivery_says_so(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], change: str, status: str, attempts: int
) -> None:
    """In Studio's view, whether it has been attempted or not."""
    endpoint()
    dispatch()
    db.execute("update public.webhook_deliveries set attempts = %s", (attempts,))
    db.execute(change.encode())
    assert db.execute("select status from public.webhook_delivery_overview").fetchone() == {"status": status}


def test_the_setup(db: Database, endpoint: Callable[..., str]) -> None:
    """A fresh installation is healthy: what is left to do is a step, each until it is done."""

    def left() -> tuple[str, set[str]]:
        shown = call(db, "webhook_overview")
        assert shown["setup"] == call(db, "webhook_diagnosis")["setup"]
        return shown["status"], {step for step, done in shown["setup"].items() if not done}

    assert left() == ("healthy", {"cron", "endpoint", "event"})
    config = endpoint()
    assert left() == ("healthy", {"cron", "event"})
    insert = (
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, next_attempt_at)"
        " select %s, 'x.y', '{}', %s, now() + interval '1 hour' from generate_series(1, %s)"
    )
    db.execute(insert, (config, "pending", 998))
    assert left() == ("healthy", {"cron", "event"})
    db.execute(insert, (config, "delivered", 1))
    assert left() == ("healthy", {"cron"})
    # behind many newer ones that wait, it still counts: someone with a thousand has set it up
    db.execute("update public.webhook_deliveries set status = 'pending' where status = 'delivered'")
    assert left() == ("healthy", {"cron", "event"})
    db.execute(insert, (config, "pending", 1))
    assert left() == ("healthy", {"cron"})
    db.execute("insert into public.webhook_dispatcher_runs (source) values ('cron')")
    assert left() == ("healthy", set())
