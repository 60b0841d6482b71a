"""What admins do: endpoints made and changed, secrets rotated, deliveries retried and replayed, each write once."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import ADMIN, as_admin, as_user, call
from tests.database.test_dispatch import become

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

NEW = {"name": "n8n", "url": "https://example.com/a", "events": ["user.*"]}
NOWHERE = "00000000-0000-0000-0000-000000000000"


def secrets(claim: Callable[..., list[dict[str, Any]]]) -> list[str]:
    """Return the secrets that sign the next delivery."""
    (row,) = claim()
    return list(row["endpoint"].get("secrets", []))


def test_both_secrets_sign_until_the_overlap_ends(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], claim: Any
) -> None:
    """Newest first; the old one ends by itself; the new one is whsec_ and 32 bytes."""
    config = endpoint(secret_key="older")
    response = call(db, "rotate_webhook_secret", config)
    assert len(base64.b64decode(response["secret_key"].removeprefix("whsec_"), validate=True)) == 32
    dispatch()
    assert secrets(claim) == [response["secret_key"], "older"]
    db.execute("update webhooks.previous_secrets set expires_at = now()")
    dispatch()
    assert secrets(claim) == [response["secret_key"]]


def test_rotations_in_a_row(db: Database, endpoint: Callable[..., str], dispatch: Any, claim: Any) -> None:
    """The last three old secrets sign in addition to the new one; an overlap of 0 ends them all at once."""
    config = endpoint(secret_key="first")
    made = [call(db, "rotate_webhook_secret", config)["secret_key"] for _ in range(5)]
    dispatch()
    assert secrets(claim) == made[:0:-1][:4]
    last = call(db, "rotate_webhook_secret", config, "0")
    assert last["previous_until"] is None
    dispatch()
    assert secrets(claim) == [last["secret_key"]]
    for overlap in ("-1 second", "31 days"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="between 0 and 30 days"):
            call(db, "rotate_webhook_secret", config, overlap)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("rotate_webhook_secret", (NOWHERE,)),
        ("list_webhook_endpoints", ()),
        ("create_webhook_endpoint", (json.dumps(NEW),)),
        ("update_webhook_endpoint", (NOWHERE, "{}")),
        ("retry_webhook_delivery", (NOWHERE,)),
        ("replay_webhook_deliveries", ()),
        ("send_test_webhook", (NOWHERE,)),
        ("search_webhook_deliveries", ()),
        ("get_webhook_delivery", (NOWHERE,)),
        ("start_webhook_listener", (["*"],)),
        ("claim_for_webhook_listener", (NOWHERE,)),
        ("record_for_webhook_listener", (NOWHERE, "[]")),
        ("stop_webhook_listener", (NOWHERE,)),
        ("webhook_admin_check", ()),
        ("webhook_overview", ()),
        ("webhook_series", ()),
        ("create_webhook_api_token", ("ci", "{read}")),
        ("list_webhook_api_tokens", ()),
        ("revoke_webhook_api_token", (NOWHERE,)),
        ("webhook_figures", ()),
        ("webhook_tables", ()),
        ("webhook_sample_events", ("public.webhook_deliveries", ["id"])),
        ("webhook_histogram", ("2026-01-29",)),
        ("skip_webhook_deliveries", ([NOWHERE],)),
        ("webhook_admin_write", ("create_endpoint", json.dumps({"settings": NEW}))),
    ],
)
def test_only_admins(db: Database, function: str, arguments: tuple[Any, ...]) -> None:
    """A signed-in user is rejected by every admin function, whatever it is given."""
    as_user(db)
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only webhook admins"):
        call(db, function, *arguments)


def test_an_admin_makes_and_changes_an_endpoint(db: Database) -> None:
    """With the secret returned once, and nothing secret in the list or in the log of actions."""
    as_admin(db)
    made = call(db, "create_webhook_endpoint", json.dumps({**NEW, "headers": {"Authorization": "geheim"}}))
    call(db, "update_webhook_endpoint", made["id"], json.dumps({"name": "N8N", "max_attempts": 5}))
    (shown,) = call(db, "list_webhook_endpoints")
    assert (shown["name"], shown["max_attempts"], shown["events"]) == ("N8N", 5, ["user.*"])
    assert (shown["has_secret"], shown["header_names"], shown["circuit"]["state"]) == (
        True,
        ["Authorization"],
        "closed",
    )
    db.execute("reset role")
    stored = db.execute("select * from webhooks.endpoint_secrets").fetchone()
    assert stored is not None
    assert (stored["secret_key"], stored["headers"]) == (made["secret_key"], {"Authorization": "geheim"})
    actions = db.execute("select action, actor, actor_id::text, details from public.webhook_admin_actions").fetchall()
    assert [(a["action"], a["actor"], a["actor_id"]) for a in actions] == [
        ("create_endpoint", "admin@example.com", ADMIN), ("update_endpoint", "admin@example.com", ADMIN),
    ]  # fmt: skip
    for text in (str(actions), str(shown)):
        assert "geheim" not in text
        assert made["secret_key"] not in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret_key": "mine"}, "unknown endpoint setting secret_key"),
        ({"id": NOWHERE}, "unknown endpoint setting id"),
        ({"name": " "}, "needs a name"),
        ({"url": None}, "needs a URL"),
        ({"url": "https://user:geheim@example.com/"}, "contains a user name or password"),
        ({"events": ["user.unheard_of"]}, "not in the catalog: user.unheard_of"),
        ({"events": None}, "may not be null"),
        ({"max_attempts": 21}, "out of its bounds"),
        ({"rate_limit_per_second": 0}, "out of its bounds"),
        ({"timeout_seconds": 500}, "out of its bounds"),
        ({"headers": {"Host": "x"}}, "is set by the system"),
        ([], "must be a JSON object"),
    ],
)
def test_what_is_wrong_with_an_endpoint_is_said(db: Database, changes: Any, message: str) -> None:
    """As 22023, which becomes a 400 of the gateway; the same for a new one and for a change."""
    made = call(db, "create_webhook_endpoint", json.dumps(NEW))
    as_admin(db)
    for function, arguments in (
        ("update_webhook_endpoint", (made["id"], json.dumps(changes))),
        ("create_webhook_endpoint", (json.dumps({**NEW, **changes} if changes else changes),)),
    ):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=message) as caught:
            call(db, function, *arguments)
        assert made["secret_key"] not in str(caught.value.diag.message_detail)


def test_a_failed_delivery_is_retried_once_more(
    db: Database, endpoint: Callable[..., str], dispatch: Any, claim: Any, record: Any
) -> None:
    """Its attempts go on counting, its log stays whole, and the timeline says who did it."""
    endpoint(max_attempts=1)
    dispatch()
    record(*claim(), delivered=False, permanent=True, error="HTTP 500")
    row = db.execute("select id::text, status from public.webhook_deliveries").fetchone()
    assert row is not None
    assert row["status"] == "failed"
    as_admin(db)
    assert call(db, "retry_webhook_delivery", row["id"])["status"] == "pending"
    db.execute("reset role")
    (again,) = claim()
    assert again["attempt"] == 2
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="is in progress"):
        call(db, "retry_webhook_delivery", row["id"])
    record(again, started_at="2026-01-02T03:05:05Z")
    as_admin(db)
    shown = call(db, "get_webhook_delivery", row["id"])
    assert (shown["status"], [a["delivered"] for a in shown["attempt_log"]]) == ("delivered", [False, True])
    assert "Retried by admin@example.com" in [t["text"] for t in shown["timeline"]]
    db.execute("reset role")
    db.execute("update public.webhook_configurations set is_active = false")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="is inactive"):
        call(db, "retry_webhook_delivery", row["id"])


def fail(db: Database, config: str, count: int, *, status: str = "failed", event: str = "x.y") -> None:
    """Insert finished rows, one a minute, the newest a minute ago."""
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, created_at, attempts)"
        " select %s, %s, '{}', %s, now() - n * interval '1 minute', 3 from generate_series(1, %s) n",
        (config, event, status, count),
    )


def test_replay_counts_first_and_goes_on_where_it_stopped(db: Database, endpoint: Callable[..., str]) -> None:
    """A count changes nothing; batches take the oldest first, each row once, and end."""
    config, other = endpoint(name="a"), endpoint(name="b")
    fail(db, config, 25)
    fail(db, config, 5, status="delivered")
    fail(db, config, 5, event="other.event")
    fail(db, other, 5)
    as_admin(db)
    arguments = {"webhook_config_id": config, "event_type": "x.y"}
    counted = call(db, "replay_webhook_deliveries", **arguments)
    assert (counted["matching"], counted["replayed"]) == (25, 0)
    assert db.execute("select from public.webhook_deliveries where status = 'pending'").rowcount == 0
    batches, cursor = [], {"created_until": counted["created_until"]}
    while True:
        done = call(db, "replay_webhook_deliveries", **arguments, **cursor, dry_run=False, at_most=10)
        batches.append(done["replayed"])
        if done["next"] is None:
            break
        cursor |= done["next"]
    assert batches == [10, 10, 5]
    left = db.execute("select status, count(*) as n from public.webhook_deliveries group by 1 order by 1").fetchall()
    assert {row["status"]: row["n"] for row in left} == {"pending": 25, "failed": 10, "delivered": 5}
    for arguments, error in (
        ({"status": "pending"}, "delivered automatically"),
        ({"webhook_config_id": NOWHERE}, "does not exist or is inactive"),
    ):
        with pytest.raises(psycopg.Error, match=error):
            call(db, "replay_webhook_deliveries", **arguments)


def test_replay_by_time(db: Database, endpoint: Callable[..., str]) -> None:
    """Both ends count, to the microsecond that the count gave."""
    fail(db, endpoint(), 10)
    times = db.execute("select created_at::text from public.webhook_deliveries order by created_at").fetchall()
    span = {"created_from": times[2]["created_at"], "created_until": times[5]["created_at"]}
    assert call(db, "replay_webhook_deliveries", **span)["matching"] == 4
    assert call(db, "replay_webhook_deliveries", **span, dry_run=False)["replayed"] == 4


def test_a_write_happens_once_for_a_key(db: Database) -> None:
    """The repetition gets the first result without its secret; another request under the key is rejected."""
    as_admin(db)
    arguments = json.dumps({"settings": NEW})
    first = call(db, "webhook_admin_write", "create_endpoint", arguments, "k1")
    again = call(db, "webhook_admin_write", "create_endpoint", arguments, "k1")
    assert again == {"id": first["id"], "repeated": True}
    assert len(call(db, "list_webhook_endpoints")) == 1
    with pytest.raises(psycopg.Error, match="used for another request"):
        call(db, "webhook_admin_write", "create_endpoint", json.dumps({"settings": {**NEW, "name": "x"}}), "k1")
    # another caller's key is another key, and a failed write leaves none behind
    db.execute("reset role")
    become(db, "service_role")
    assert call(db, "webhook_admin_write", "create_endpoint", arguments, "k1")["id"] != first["id"]
    with pytest.raises(psycopg.Error):
        call(db, "webhook_admin_write", "retry", json.dumps({"delivery_id": NOWHERE}), "k2")
    call(db, "webhook_admin_write", "send_test", json.dumps({"webhook_config_id": first["id"]}), "k2")
    db.execute("reset role")
    assert first["secret_key"] not in str(db.execute("select * from webhooks.admin_writes").fetchall())


def test_an_admin_dispatches_as_itself(db: Database, endpoint: Callable[..., str]) -> None:
    """The actor is the admin; another one is rejected."""
    endpoint()
    as_admin(db)
    data = {"discussion_id": NOWHERE, "new_expires_at": "2026-02-05T12:34:56.789Z"}
    event = {"event_type": "discussion.extended", "event_data": data}
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="name another actor"):
        call(db, "webhook_admin_write", "dispatch", json.dumps({**event, "actor_user_id": NOWHERE}))
    response = call(db, "webhook_admin_write", "dispatch", json.dumps(event))
    assert response["deliveries"] == 1
    (row,) = db.execute("select payload from public.webhook_deliveries").fetchall()
    assert row["payload"]["actor_user_id"] == ADMIN


HTTPS, SQS, KAFKA = (
    "https://a.example:8443/x?y=1",
    "sqs://q?region=eu-1&endpoint_url=https://a.example:1",
    "kafka://a:1/t",
)

#: A URL, the one that follows it, and whether headers and credentials_profile stay.
MOVES = [
    (HTTPS, "https://a.example:8443/z?endpoint_url=https://b", True),
    (HTTPS, "https://a.example:8444/x?y=1", False),
    (HTTPS, "https://a.example/x?y=1", False),
    (HTTPS, "https://b.example:8443/x?y=1", False),
    (HTTPS, "sqs://q?region=eu-1", False),
    (SQS, "sqs://q?endpoint_url=https://a.example:1&region=eu-1", True),
    (SQS, "sqs://q?region=eu-1&endpoint_url=https://a.example:2", False),
    (SQS, "sqs://q?region=eu-1&endpoint_url=http://a.example:1", False),
    (SQS, "sqs://q?region=eu-1&endpoint_url=https://b.example:1", False),
    (SQS, "sqs://q?region=eu-1", False),
    ("sqs://q?region=eu-1", SQS, False),
    (SQS, "sqs://q?region=eu-2&endpoint_url=https://a.example:1", False),
    ("sqs://h.example/123456789012/q?region=eu-1", "sqs://h.example/123456789012/r?region=eu-1", True),
    (KAFKA, "kafka://a:1/u?key=actor_user_id", True),
    ("kafka://a:1/t?tls=true&key=a&sasl=PLAIN", "kafka://a:1/t?sasl=PLAIN&key=b&tls=true", True),
    ("kafka://a:1/t?tls=true&sasl=PLAIN", "kafka://a:1/t?tls=false&sasl=PLAIN", False),
    ("kafka://a:1/t?tls=true&sasl=PLAIN", "kafka://a:1/t?sasl=PLAIN", False),
    ("kafka://a:1/t?sasl=SCRAM-SHA-512", "kafka://a:1/t?sasl=SCRAM-SHA-256", False),
    (KAFKA, "kafka://a:2/t", False),
    (KAFKA, "kafka://a:1,b:1/t", False),
    (KAFKA, "kafka://a/t", False),
    ("pubsub://project-a/topic", "pubsub://project-a/other?ordering_key=data.id", True),
    ("pubsub://project-a/topic", "pubsub://project-b/topic", False),
]


def test_headers_and_credentials_follow_no_url(db: Database, endpoint: Callable[..., str]) -> None:
    """They were given for where they went: someone who cannot read them must not redirect them."""
    for before, after, stay in MOVES:
        config = endpoint(url=before, credentials_profile="p", headers='{"X-Key": "geheim"}')
        found = (
            "select c.url, c.credentials_profile as profile, s.headers from public.webhook_configurations as c"
            " left join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id where c.id = %s"
        )
        call(db, "update_webhook_endpoint", config, json.dumps({"url": after}))
        row = db.execute(found, (config,)).fetchone()
        kept = {"profile": "p", "headers": {"X-Key": "geheim"}} if stay else {"profile": None, "headers": None}
        assert row == {"url": after, **kept}, (before, after)
        given = {"url": before, "credentials_profile": "q", "headers": {"X-Key": "new"}}
        call(db, "update_webhook_endpoint", config, json.dumps(given))
        row = db.execute(found, (config,)).fetchone()
        assert row == {"url": before, "profile": "q", "headers": {"X-Key": "new"}}, "what is given with the URL stays"
