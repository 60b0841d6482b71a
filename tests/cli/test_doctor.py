"""`webhooks doctor`: every illness is named with its cure, and a healthy system has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devstack.processes import free_port
from supabase_webhooks.webhooks import doctor
from tests.cli.conftest import run
from tests.pg_net import install as install_pg_net

if TYPE_CHECKING:
    from collections.abc import Callable

    from devstack.rabbitmq import RabbitMQ
    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]


#: An event that arrived, with which the setup ends.
DELIVERED = """
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)
    select id, 'x.y', '{}', 'delivered' from public.webhook_configurations
"""


def finding(done: Done, check: str) -> dict[str, Any]:
    """Return the worst finding of a check."""
    found = [one for one in done.json if one["check"] == check]
    return min(found, key=lambda one: ["problem", "warning", "ok"].index(one["status"]))


def test_healthy(system: System, webhooks: Webhooks) -> None:
    """All is looked at, all is well, exit code 0; the secret key is not shown."""
    system.db.execute("select public.start_webhook_dispatcher_run('test')")
    system.endpoint("https://receiver.example.com")
    system.db.execute(DELIVERED)
    done = webhooks("doctor", "--json")
    assert {one["check"] for one in done.json} == {
        "environment", "keys", "supabase", "migrations", "grants", "admins", "triggers", "schema", "clock", "cron",
        "workers", "max rows", "redis",
    }  # fmt: skip
    assert [one for one in done.json if one["status"] != "ok"] == []
    assert done.code == 0
    shown = webhooks("doctor")
    assert "grants and policies are correct" in shown.out
    assert system.supabase.keys.secret not in shown.out + done.out


def test_environment() -> None:
    """What is missing is named."""
    done = run("doctor", "--json")
    assert done.code == 1
    assert finding(done, "environment")["text"].startswith("set SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY in")


def test_no_broker(system: System, webhooks: Webhooks) -> None:
    """That is not a problem; doctor says what delivers then, and when to switch. If nothing does, it says so too."""
    done = webhooks("doctor", "--json", REDIS_URL="")
    found = finding(done, "broker")
    assert found["status"] == "ok"
    assert "webhooks serve" in found["text"]
    assert "set REDIS_URL" in found["cure"]
    assert finding(done, "environment")["status"] == finding(done, "workers")["status"] == "ok"
    system.db.execute(WAITING)
    cure = finding(webhooks("doctor", "--json", REDIS_URL=""), "workers")["cure"]
    assert cure.startswith("start webhooks serve")
    assert "set REDIS_URL" in cure


def test_the_wake_up(system: System, webhooks: Webhooks) -> None:
    """Asked for and in order; or what is missing, with its cure."""
    install_pg_net(system.db, "token")
    assert "wake-up" not in {one["check"] for one in webhooks("doctor", "--json").json}
    system.db.execute("select webhooks.wake_by_request('https://gateway.example.com')")
    found = finding(webhooks("doctor", "--json"), "wake-up")
    assert (found["status"], found["text"]) == ("ok", "new deliveries wake https://gateway.example.com (pg_net)")
    system.db.execute("delete from vault.secrets")
    found = finding(webhooks("doctor", "--json"), "wake-up")
    assert found["status"] == "problem"
    assert found["text"].endswith("Vault has no secret webhooks_dispatch_token")
    assert found["cure"].startswith("select vault.create_secret(")


def test_keys(system: System, webhooks: Webhooks) -> None:
    """A browser's key is distinguished from a server's, in both forms."""
    anon = "e30.eyJyb2xlIjoiYW5vbiJ9.x"
    for key in (system.supabase.keys.publishable, anon):
        done = webhooks("doctor", "--json", SUPABASE_SERVICE_ROLE_KEY=key)
        assert done.code == 1
        assert finding(done, "keys")["text"].endswith("a key of the role anon, which browsers use")
        assert key not in done.out
    assert (
        finding(webhooks("doctor", "--json", SUPABASE_SERVICE_ROLE_KEY="sb_secret_x"), "supabase")["status"]
        == "problem"
    )


def test_services_away(webhooks: Webhooks) -> None:
    """Each is named, without its password."""
    done = webhooks("doctor", "--json", REDIS_URL=f"redis://:geheim@127.0.0.1:{free_port()}")
    assert finding(done, "redis")["text"] == "Redis did not respond (ConnectionError)"
    assert "geheim" not in done.out
    done = webhooks("doctor", "--json", SUPABASE_URL=f"http://127.0.0.1:{free_port()}")
    assert "Supabase did not respond" in finding(done, "supabase")["text"]
    assert "paused" in finding(done, "supabase")["cure"]
    assert finding(done, "redis")["status"] == "ok"


def test_rabbitmq(webhooks: Webhooks, rabbitmq_server: RabbitMQ) -> None:
    """It is checked instead of Redis; if it is down or rejects us, it is named without its password."""
    well = {"REDIS_URL": "", "WEBHOOKS_BROKER_URL": rabbitmq_server.url}
    done = webhooks("doctor", "--json", **well)
    assert finding(done, "environment")["status"] == finding(done, "rabbitmq")["status"] == "ok"
    assert "redis" not in {one["check"] for one in done.json}
    ill = {
        f"amqp://user:geheim@127.0.0.1:{free_port()}/": "RabbitMQ did not respond (AMQPConnectionError)",
        rabbitmq_server.url.replace(":guest@", ":geheim@"): "RabbitMQ did not respond (ProbableAuthenticationError)",
        f"{rabbitmq_server.url}geheim": "RabbitMQ did not respond (ProbableAccessDeniedError)",
    }
    for url, text in ill.items():
        done = webhooks("doctor", "--json", REDIS_URL="", WEBHOOKS_BROKER_URL=url)
        assert finding(done, "rabbitmq")["text"] == text
        assert "WEBHOOKS_BROKER_URL" in finding(done, "rabbitmq")["cure"]
        assert "geheim" not in done.out + done.err


OLD_RUN = """
    insert into public.webhook_dispatcher_runs (source, started_at) values ('x', now() - interval '10 minutes')
"""
EXPOSED = """
    grant select on public.webhook_deliveries to anon;
    create policy open on public.webhook_deliveries for select to anon using (true);
"""
WAITING = """
    insert into public.webhook_configurations (name, url, events, secret_key)
    values ('r', 'https://x.example', '{*}', 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD');
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, next_attempt_at)
    select id, 'x.y', '{}', now() - interval '1 hour' from public.webhook_configurations
"""


@pytest.mark.parametrize(
    ("harm", "check", "text"),
    [
        (
            "update webhooks.migrations set checksum = 'other', package_version = '0.0.9' where name = 'system'",
            "migrations",
            "system was applied by version 0.0.9 of this package and differs in this one",
        ),
        ("delete from webhooks.migrations", "migrations", "webhooks.migrations lacks the system's row"),
        ("drop function public.webhook_diagnosis()", "migrations", "lacks this version's functions"),
        (
            "revoke execute on function public.webhook_health() from service_role",
            "grants",
            'function public.webhook_health(): {}, should be {"service_role": ["EXECUTE"]}',
        ),
        (
            EXPOSED,
            "grants",
            "policy public.webhook_deliveries: ",
        ),
        (
            "grant execute on function public.retry_webhook_delivery(uuid) to public",
            "grants",
            "function public.retry_webhook_delivery(uuid): ",
        ),
        (
            "alter table webhooks.idempotency_keys disable row level security",
            "grants",
            "row security webhooks.idempotency_keys: off, should be on",
        ),
        (
            "drop index webhooks.idx_delivery_queue_ready",
            "schema",
            "index webhooks.delivery_queue.idx_delivery_queue_ready is missing",
        ),
        (
            "create table public.users (id uuid, role text); grant update on public.users to authenticated",
            "admins",
            "because users can change it (authenticated can update public.users: row level security is off)",
        ),
        (
            "create or replace function public.is_webhook_admin() returns boolean language sql stable as 'select true'",
            "admins",
            "public.is_webhook_admin() accepts a made-up user as an admin",
        ),
        ("", "cron", "not set up yet: the dispatcher has never been called"),
        ("", "setup", "not done yet: create an endpoint"),
        (
            OLD_RUN,
            "cron",
            "last heartbeat was 10 min ago",
        ),
        (
            "insert into public.webhook_dispatcher_runs (source, error) values ('x', 'Redis was away')",
            "cron",
            "last run failed: Redis was away",
        ),
        (
            WAITING,
            "workers",
            "1 deliveries are due, the oldest for 60 min",
        ),
        (
            "insert into public.webhook_configurations (name, url, events) values ('r', 'https://x.example', '{*}')",
            "endpoints",
            "1 active endpoints have no secret",
        ),
    ],
)
def test_database(system: System, webhooks: Webhooks, harm: str, check: str, text: str) -> None:
    """Each harm done to the database is found and has a cure; a problem, unlike a warning, exits with 1."""
    if harm:
        system.db.execute(harm.encode())
    done = webhooks("doctor", "--json")
    found = finding(done, check)
    assert text in found["text"]
    assert found["cure"]
    assert done.code == (1 if found["status"] == "problem" else 0)
    assert found["cure"] in webhooks("doctor").out


def test_clock() -> None:
    """A clock that receivers would reject is a problem."""
    assert [doctor._clock(ahead).status for ahead in (0.5, -4, 30, -119, 500)] == [
        "ok", "ok", "warning", "warning", "problem",
    ]  # fmt: skip
    assert "behind" in doctor._clock(-30).text


def test_listener(system: System, webhooks: Webhooks) -> None:
    """A notification is sent and comes; an address where nothing responds is reported without its password."""
    assert finding(webhooks("doctor", "--json", WEBHOOKS_DATABASE_URL=system.dsn), "listener")["status"] == "ok"
    nowhere = f"postgresql://listener:geheim@127.0.0.1:{free_port()}/app"
    done = webhooks("doctor", "--json", WEBHOOKS_DATABASE_URL=nowhere)
    assert finding(done, "listener")["status"] == "problem"
    assert "geheim" not in done.out
