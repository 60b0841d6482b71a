"""Wake-ups of the gateway by pg_net: only where asked for, once a second at most, and never at the users' cost.

pg_net and Vault are stand-ins that record: tests/pg_net.py.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.pg_net import install, requests

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

GATEWAY = "https://gateway.example.com"
ASK = "select webhooks.wake_by_request(%s, %s) as said"


def ask(db: Database, url: str | None = GATEWAY, drain: int | None = 20) -> str:
    """Ask for wake-ups."""
    row = db.execute(ASK, (url, drain)).fetchone()
    assert row
    return str(row["said"])


def next_second() -> None:
    """Wait until another second begins."""
    time.sleep(1.02 - time.time() % 1)


def pending(db: Database) -> int:
    """Return how many deliveries wait."""
    row = db.execute("select count(*) as n from public.webhook_deliveries where status = 'pending'").fetchone()
    assert row
    return int(row["n"])


def test_only_where_asked_for(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Not before, and not after it was ended."""
    install(db, "token")
    endpoint()
    dispatch()
    assert requests(db) == []
    assert ask(db) == f"new deliveries wake {GATEWAY}"
    assert ask(db, None) == "the database does not wake a gateway"
    next_second()
    dispatch()
    assert requests(db) == []


@pytest.mark.parametrize(
    ("drain", "query", "milliseconds"), [(20, "&drain=20", 25_000), (900, "&drain=900", 905_000), (None, "", 10_000)]
)
def test_a_request(
    db: Database,
    endpoint: Callable[..., str],
    dispatch: Callable[..., Any],
    drain: int | None,
    query: str,
    milliseconds: int,
) -> None:
    """It has the token of Vault and a timeout longer than the drain; it goes out with the commit, or not at all."""
    install(db, "the token")
    endpoint()
    ask(db, f"{GATEWAY}/", drain)
    with db.transaction(force_rollback=True):
        dispatch()
    assert requests(db) == []
    next_second()
    dispatch()
    assert requests(db) == [
        {
            "url": f"{GATEWAY}/functions/v1/webhook-dispatcher?heartbeat=false{query}",
            "headers": {"Content-Type": "application/json", "Authorization": "Bearer the token"},
            "timeout_milliseconds": milliseconds,
            "body": "{}",
        }
    ]


def test_an_event_without_a_subscriber_wakes_nobody(db: Database, dispatch: Callable[..., Any]) -> None:
    """There is nothing to deliver."""
    install(db, "token")
    ask(db)
    dispatch()
    assert requests(db) == []


def test_a_replay_wakes_too(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """As whatever becomes due by a person's hand."""
    install(db, "token")
    endpoint()
    dispatch()
    db.execute("update public.webhook_deliveries set status = 'delivered', finished_at = now()")
    ask(db)
    next_second()
    db.execute("select public.retry_webhook_delivery(id) from public.webhook_deliveries")
    assert len(requests(db)) == 1


def test_once_a_second(dsn: str, db: Database, endpoint: Callable[..., str]) -> None:
    """By four connections at once, each with as many commits as it can."""
    install(db, "token")
    endpoint()
    ask(db)
    end = threading.Event()
    counted: list[int] = []

    def many() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            n = 0
            while not end.is_set():
                connection.execute(
                    "insert into public.webhook_deliveries (webhook_config_id, event_type, payload)"
                    " select id, 'user.joined_community', '{}' from public.webhook_configurations"
                )
                n += 1
            counted.append(n)

    threads = [threading.Thread(target=many) for _ in range(4)]
    begun = int(time.time())
    for thread in threads:
        thread.start()
    time.sleep(2.5)
    end.set()
    for thread in threads:
        thread.join()
    seconds = int(time.time()) - begun + 1
    sent = len(requests(db))
    assert 2 <= sent <= seconds < sum(counted)


@pytest.mark.parametrize(("ahead", "sent"), [(1, 0), (50, 0), (3600, 1)])
def test_a_later_second_stands(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], ahead: int, sent: int
) -> None:
    """One that was held up does not take the counter back; an hour ahead, the clock was set back."""
    install(db, "token")
    endpoint()
    ask(db)
    db.execute("select setval('webhooks.drain_requests', floor(extract(epoch from now()))::bigint + %s)", (ahead,))
    dispatch()
    assert len(requests(db)) == sent


def test_once_a_transaction(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """However many seconds it lasts: all would be sent at its end."""
    install(db, "token")
    endpoint()
    ask(db)
    with db.transaction():
        for _ in range(3):
            dispatch()
            next_second()
    assert len(requests(db)) == 1


BREAK = {
    "no secret any more": "delete from vault.secrets",
    "pg_net removed": "drop schema net cascade",
    "Vault removed": "drop schema vault cascade",
    "pg_net rejects": """
        create or replace function net.http_post(
            url text, body jsonb default '{}'::jsonb, params jsonb default '{}'::jsonb,
            headers jsonb default '{}'::jsonb, timeout_milliseconds int default 5000
        ) returns bigint language plpgsql as $$ begin raise exception 'full'; end $$
    """,
}


@pytest.mark.parametrize("sql", BREAK.values(), ids=BREAK)
def test_it_never_fails_the_change(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any], sql: str, form: str
) -> None:
    """Whatever is broken: the event is dispatched, a warning says what happened, and names no secret."""
    if form == "hosted" and not sql.startswith("delete"):
        pytest.skip("the project's owner owns neither extension")
    install(db, "geheim")
    endpoint()
    ask(db)
    db.execute(sql.encode())
    said: list[str] = []
    db.add_notice_handler(lambda notice: said.append(str(notice.message_primary)))
    next_second()
    dispatch()
    assert pending(db) == 1
    assert len(said) == 1
    assert said[0].startswith("the gateway was not woken: ")
    assert "geheim" not in said[0]


def test_what_is_missing_is_named(db: Database, form: str) -> None:
    """One after the other, with what to do."""
    if form != "hosted":
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="enable it under Database > Extensions"):
            ask(db)
    install(db, None)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match=r"select vault\.create_secret"):
        ask(db)


@pytest.mark.parametrize(
    "url",
    ["", "gateway.example.com", "http://gateway.example.com", "https://", "https://u:p@gateway.example.com",
     "https://gateway.example.com?x=1", "https://gateway.example.com/#x", "https://gateway example.com",
     "javascript:alert(1)", "https://gateway.example.com\nx"],
)  # fmt: skip
def test_an_address_that_is_none(db: Database, url: str) -> None:
    """The dispatch token goes there: https, and nothing that could lead elsewhere."""
    install(db, "token")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="such as https://gateway"):
        ask(db, url)


@pytest.mark.parametrize("drain", [-1, 0, 2, 901])
def test_a_time_that_does_not_do(db: Database, drain: int) -> None:
    install(db, "token")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="between 3 and 900"):
        ask(db, GATEWAY, drain)


def test_a_copy_does_not_wake_the_originals_gateway(
    db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]
) -> None:
    """Neither while it is held, nor when it was adopted; adopting it for the same project changes nothing."""
    install(db, "token")
    endpoint()
    ask(db)
    db.execute("select public.claim_webhook_deliveries(1, 60, 'w', null, '{}', 'original')")
    db.execute("select public.adopt_webhook_project('original', 'deliver')")
    assert len(requests(db)) == 1, "what is adopted is due"
    db.execute("select public.claim_webhook_deliveries(1, 60, 'w', null, '{}', 'copy')")
    dispatch()
    assert requests(db) == [], "held"
    next_second()
    db.execute("select public.adopt_webhook_project('original', 'deliver')")
    assert len(requests(db)) == 1
    next_second()
    dispatch()
    assert len(requests(db)) == 1
    db.execute("select public.adopt_webhook_project('copy', 'deliver')")
    next_second()
    dispatch()
    assert requests(db) == []


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_only_the_owner_asks(db: Database, role: str) -> None:
    """A role that chooses where the token goes could read it."""
    install(db, "token")
    with db.transaction(force_rollback=True):
        db.execute(f"set local role {role}".encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            ask(db)
