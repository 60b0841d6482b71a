"""`endpoints`, `events`, `dispatch`, `deliveries` and `stats` on a real database through Supabase."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.retries import PRESETS
from supabase_webhooks.webhooks.signing import key_bytes
from tests.cli.conftest import running
from tests.e2e.conftest import JOINED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]

MISSING = "00000000-0000-0000-0000-000000000000"
ESCAPE = "\x1b[31mred"


def fail(system: System, count: int) -> list[str]:
    """Make failed deliveries; return their ids, the oldest first."""
    system.dispatch(count)
    system.db.execute("""
        update public.webhook_deliveries as d
        set status = 'failed', attempts = 3, finished_at = now(), error_message = 'HTTP 500',
            created_at = now() - interval '1 hour' + make_interval(secs => n.number)
        from (select id, row_number() over (order by id) as number from public.webhook_deliveries) as n
        where n.id = d.id
    """)
    return [str(row["id"]) for row in system.rows()]


def test_the_life_of_an_endpoint(system: System, webhooks: Webhooks) -> None:
    """Made, shown, changed, disabled, enabled, rotated, tested: each as the database then has it."""
    done = webhooks("endpoints", "create", "n8n", "https://n8n.example.com/x", "--event", "user.*", "--json")
    assert done.code == 0, done.err
    made = done.json
    assert len(key_bytes(made["secret_key"])) == 32

    def row() -> Any:
        return system.db.execute(
            "select c.name, c.events, c.rate_limit_per_second, c.is_active, s.secret_key"
            " from public.webhook_configurations as c"
            " join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id where c.id = %s",
            (made["id"],),
        ).fetchone()

    assert (row()["name"], row()["events"], row()["secret_key"]) == ("n8n", ["user.*"], made["secret_key"])
    shown = webhooks("endpoints", "list")
    assert made["id"] in shown.out
    assert made["secret_key"] not in shown.out + webhooks("endpoints", "show", made["id"]).out

    settings = '{"rate_limit_per_second": 7, "headers": {"X-Team": "geheim"}}'
    arguments = ["update", made["id"], "--name", "CRM", "--event", "*", "--settings", "-"]
    assert webhooks("endpoints", *arguments, given=settings).code == 0
    assert (row()["name"], row()["events"], row()["rate_limit_per_second"]) == ("CRM", ["*"], 7)
    assert webhooks("endpoints", "show", made["id"], "--json").json["header_names"] == ["X-Team"]
    assert "geheim" not in webhooks("endpoints", "show", made["id"], "--json").out

    assert webhooks("endpoints", "disable", made["id"]).code == 0
    assert row()["is_active"] is False
    refused = webhooks("endpoints", "test", made["id"])
    assert (refused.code, 'endpoint "CRM" is inactive' in refused.err) == (1, True)
    assert webhooks("endpoints", "enable", made["id"]).code == 0
    assert row()["is_active"] is True

    rotated = webhooks("endpoints", "rotate", made["id"], "--overlap", "2h", "--json").json
    assert row()["secret_key"] == rotated["secret_key"] != made["secret_key"]
    assert rotated["previous_until"]

    ended = [webhooks("endpoints", "end-overlap", made["id"], "--json").json["ended"] for _ in range(2)]
    assert ended == [1, 0]
    assert "There is no overlap to end." in webhooks("endpoints", "end-overlap", made["id"]).err

    sent = webhooks("endpoints", "test", made["id"], "--json").json
    assert [(str(one["id"]), one["event_type"]) for one in system.rows()] == [(sent["delivery_id"], "webhook.test")]


def test_retries_and_expiry_of_an_endpoint(system: System, webhooks: Webhooks) -> None:
    """Standard unless told otherwise; by name, as seconds, or neither; `show` says it in words."""
    new = ("endpoints", "create", "n8n", "https://n8n.example.com/x", "--json")

    def row(endpoint: str) -> Any:
        sql = "select retry_schedule, expires_after::text from public.webhook_configurations where id = %s"
        found = system.db.execute(sql, (endpoint,)).fetchone()
        return tuple(found.values()) if found else None

    endpoint = webhooks(*new).json["id"]
    assert row(endpoint) == (list(PRESETS["standard"]), None)
    assert "ten attempts over three days" in webhooks("endpoints", "show", endpoint).out
    given = webhooks(*new, "--retry-schedule", "quick", "--expires-after", "12h").json["id"]
    assert row(given) == ([2, 4], "12:00:00")

    for options, expected in (
        (("--retry-schedule", "5,300, 1800", "--expires-after", "3d"), ([5, 300, 1800], "3 days")),
        (("--name", "CRM"), ([5, 300, 1800], "3 days")),
        (("--retry-schedule", "none", "--expires-after", "never"), (None, None)),
    ):
        assert webhooks("endpoints", "update", endpoint, *options).code == 0
        assert row(endpoint) == expected
    assert "three attempts over six seconds" in webhooks("endpoints", "show", endpoint).out
    for options, text in (
        (("--retry-schedule", "often"), "seconds such as 5, 300, 1800"),
        (("--expires-after", "3"), "examples: 90s"),
    ):
        done = webhooks("endpoints", "update", endpoint, *options)
        assert (done.code, text in " ".join(done.err.replace("│", " ").split())) == (2, True), done.err


@pytest.mark.parametrize("command", ["show", "enable", "rotate", "test"])
def test_a_missing_endpoint(webhooks: Webhooks, command: str) -> None:
    """Is named, with an exit code."""
    done = webhooks("endpoints", command, MISSING)
    assert (done.code, done.out) == (1, "")
    assert f"webhook endpoint {MISSING} does not exist" in done.err


def test_events(webhooks: Webhooks) -> None:
    """The nine that may be dispatched, without analytics; one with its schema and example."""
    names = {event["name"] for event in webhooks("events", "list", "--json").json}
    assert "user.joined_community" in names
    assert "page_view" not in names
    shown = webhooks("events", "show", "user.joined_community")
    assert '"community_city": "Berlin"' in shown.out
    assert webhooks("events", "show", "user.left").code == 1


def test_dispatch(system: System, webhooks: Webhooks, tmp_path: Any) -> None:
    """Data as text, a file, standard input or the example; an actor; a key that makes it once."""
    system.endpoint("https://example.com/x")
    file = tmp_path / "data.json"
    file.write_text(json.dumps(JOINED))
    event = "user.joined_community"
    responses = [
        webhooks("dispatch", event, "--data", json.dumps(JOINED), "--actor", MISSING, "--json").json,
        webhooks("dispatch", event, "--data", f"@{file}", "--idempotency-key", "k", "--json").json,
        webhooks("dispatch", event, "--data", "-", "--idempotency-key", "k", "--json", given=json.dumps(JOINED)).json,
        webhooks("dispatch", event, "--example", "--json").json,
    ]
    assert responses[1] == responses[2]
    assert {response["deliveries"] for response in responses} == {1}
    rows = system.rows()
    assert [str(row["request_id"]) for row in rows] == [responses[n]["request_id"] for n in (0, 1, 3)]
    assert rows[0]["payload"]["actor_user_id"] == MISSING
    assert rows[0]["payload"]["data"] == JOINED
    for arguments, text in (
        (["page_view", "--data", "{}"], "is an analytics event, not a webhook: send it to Google Analytics"),
        (["user.joined_community", "--data", "{}"], '"community_id" is missing'),
        (["user.left", "--example"], "the catalog has no event 'user.left'"),
    ):
        done = webhooks("dispatch", *arguments)
        assert (done.code, text in done.err) == (1, True), done.err


def test_list_and_show(system: System, webhooks: Webhooks) -> None:
    """By every filter, over pages; one with its attempts; what an outsider wrote commands no terminal."""
    endpoint = system.endpoint("https://example.com/x")
    failed = fail(system, 600)
    system.dispatch(1, {**JOINED, "community_city": ESCAPE})
    ours = str(system.rows()[-1]["id"])

    def ids(*arguments: str) -> list[str]:
        return [row["id"] for row in webhooks("deliveries", "list", "--json", *arguments).json]

    assert ids("--limit", "1000") == [ours, *reversed(failed)]
    assert len(ids()) == 50
    assert ids("--status", "pending", "--event", "user.joined_community", "--endpoint", endpoint) == [ours]
    assert ids("--since", "30m") == [ours]
    assert ids("--payload", f"data.community_city={ESCAPE}") == [ours]
    assert ids("--request", str(system.rows()[0]["request_id"])) == failed[:1]
    assert ids("--endpoint", MISSING) == []
    assert webhooks("deliveries", "list", "--status", "odd").code == 1

    system.db.execute(
        "insert into public.webhook_attempts"
        " (delivery_id, number, started_at, duration_ms, delivered, response_status, response_excerpt, error)"
        " values (%s, 1, now(), 7, false, 500, %s, 'HTTP 500')",
        (ours, ESCAPE),
    )
    shown = webhooks("deliveries", "show", ours)
    assert "HTTP 500" in shown.out
    assert "\x1b" not in shown.out
    assert webhooks("deliveries", "show", ours, "--json").json["attempt_log"][0]["response_excerpt"] == ESCAPE
    assert webhooks("deliveries", "show", MISSING).code == 1


def test_retry(system: System, webhooks: Webhooks) -> None:
    """The named ones are due now."""
    system.endpoint("https://example.com/x")
    failed = fail(system, 3)
    done = webhooks("deliveries", "retry", failed[0], failed[2], "--json")
    assert [response["status"] for response in done.json] == ["pending", "pending"]
    assert [row["status"] for row in system.rows()] == ["pending", "failed", "pending"]
    assert webhooks("deliveries", "retry", MISSING).code == 1
    assert webhooks("deliveries", "retry").code == 2
    assert webhooks("deliveries", "retry", failed[0], "--endpoint", MISSING).code == 2


def test_what_waits_says_why_and_is_retried(system: System, webhooks: Webhooks) -> None:
    """List and show say it; all that an endpoint waits with is retried, in as many calls as it takes."""
    endpoint = system.endpoint("https://example.com/x")
    system.dispatch(1)
    system.db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, request_id)"
        " select webhook_config_id, event_type, payload, request_id"
        " from public.webhook_deliveries, generate_series(1, 2000)"
    )
    system.db.execute("update public.webhook_deliveries set next_attempt_at = now() + interval '125 minutes'")
    waits = "next attempt in 2 h"
    assert waits in webhooks("deliveries", "list", "--limit", "1").out
    assert waits in webhooks("deliveries", "show", str(system.rows()[0]["id"])).out
    assert webhooks("deliveries", "retry", "--endpoint", endpoint, "--json").json == {"retried": 2001}
    assert waits not in webhooks("deliveries", "list").out

    # an endpoint that is paused holds them, and the command says so
    system.db.execute("update public.webhook_deliveries set next_attempt_at = now() + interval '125 minutes'")
    assert webhooks("endpoints", "disable", endpoint).code == 0
    refused = webhooks("deliveries", "retry", "--endpoint", endpoint)
    assert refused.code == 1
    assert "does not exist or is inactive" in refused.err
    assert "Enable it" in refused.err
    assert "waiting: the endpoint is paused" in webhooks("deliveries", "list", "--limit", "1").out


def test_replay(system: System, webhooks: Webhooks) -> None:
    """Counted first, asked for, then done in batches, within the time that was counted."""
    system.endpoint("https://example.com/x")
    fail(system, 25)
    assert webhooks("deliveries", "replay", "--dry-run", "--json").json == {
        "matching": 25, "bounded": False, "replayed": 0,
    }  # fmt: skip
    refused = webhooks("deliveries", "replay")
    assert refused.code == 2
    assert "Send 25 failed deliveries again?" in refused.err
    assert {row["status"] for row in system.rows()} == {"failed"}

    half = system.rows()[9]["created_at"].isoformat()
    done = webhooks("deliveries", "replay", "--yes", "--until", half, "--batch", "4", "--json")
    assert done.json == {"matching": 10, "bounded": False, "replayed": 10}
    assert [row["status"] for row in system.rows()] == ["pending"] * 10 + ["failed"] * 15
    assert webhooks("deliveries", "replay", given="y\n").code == 0
    assert {row["status"] for row in system.rows()} == {"pending"}


def test_purge(system: System, webhooks: Webhooks) -> None:
    """What was finished before so long goes, the rest stays."""
    system.endpoint("https://example.com/x")
    fail(system, 30)
    system.db.execute(
        "update public.webhook_deliveries set finished_at = now() - interval '40 days',"
        " created_at = now() - interval '41 days'"
        " where id in (select id from public.webhook_deliveries limit 20)"
    )
    assert webhooks("deliveries", "purge", "--older-than", "30d").code == 2
    assert len(system.rows()) == 30
    done = webhooks("deliveries", "purge", "--older-than", "30d", "--yes", "--batch", "7", "--json")
    assert done.json == {"purged": 20}
    assert len(system.rows()) == 10


def test_tail(system: System) -> None:
    """New rows and new statuses, each once, as lines of JSON; Ctrl-C is a good end."""
    system.endpoint("https://example.com/x")
    with running("deliveries", "tail", "--json", "--interval", "0.1", variables=system.settings()) as process:
        assert process.stdout
        assert process.stderr
        process.stderr.readline()
        system.dispatch(1)
        first = json.loads(process.stdout.readline())
        system.db.execute(
            "update public.webhook_deliveries set status = 'delivered', attempts = 1, finished_at = now()"
        )
        second = json.loads(process.stdout.readline())
        assert (first["status"], second["status"]) == ("pending", "delivered")
        assert first["id"] == second["id"]
        system.dispatch(1)
        assert json.loads(process.stdout.readline())["id"] != first["id"]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")


def test_stats(system: System, webhooks: Webhooks) -> None:
    """The figures of the dashboard, which are counts of the table."""
    system.endpoint("https://example.com/x")
    fail(system, 12)
    system.db.execute("update public.webhook_deliveries set created_at = now()")
    system.dispatch(4)
    figures = webhooks("stats", "--json").json
    assert figures["last_hour"] == {"total": 16, "delivered": 0, "failed": 12, "pending": 4}
    shown = webhooks("stats")
    assert shown.out.startswith("DOWN\n")
    assert "12 (75.0 %)" in shown.out
    assert shown.code == 0


def test_what_triggers_could_not_emit(system: System, webhooks: Webhooks) -> None:
    """One command emits it again, and says what it could not."""
    system.db.execute("""
        create table public.things (id integer primary key, n integer);
        select public.webhook_attach('public.things', 'thing.made', 'insert', '{"share": "100 / new.n"}');
        insert into public.things values (1, 0);
    """)
    try:
        failed = webhooks("events", "retry-errors")
        assert (failed.code, "division by zero" in failed.out) == (1, True)
        system.db.execute(
            "select public.webhook_attach('public.things', 'thing.made', 'insert', '{\"share\": \"new.n\"}')"
        )
        assert webhooks("events", "retry-errors", "--json").json == {"resolved": 1, "failed": []}
    finally:
        system.db.execute("drop table public.things; delete from public.webhook_trigger_errors")
