"""The doctor: what may be wrong with an installation, and how to fix it."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Mapping  # noqa: TC003
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import redis

from supabase_webhooks.webhooks.database import UNKNOWN
from supabase_webhooks.webhooks.drift import Difference, differences
from supabase_webhooks.webhooks.errors import (
    Held,
    QueueUnavailable,
    SettingsError,
    StoreError,
    StoreUnavailable,
    VersionError,
)
from supabase_webhooks.webhooks.migration import migrations
from supabase_webhooks.webhooks.queue import create_broker, ping
from supabase_webhooks.webhooks.settings import Settings, variable
from supabase_webhooks.webhooks.steps import checklist, step
from supabase_webhooks.webhooks.store import Store
from supabase_webhooks.webhooks.versions import APPLY, LACKING, check

#: Seconds by which this machine's clock may differ: receivers reject a webhook-timestamp that is five minutes off.
CLOCK_WARNING, CLOCK_PROBLEM = 5, 120

#: Seconds without a heartbeat after which the cron counts as silent.
SILENCE = 300

#: Seconds within which a notification must arrive.
NOTIFICATION = 3.0

#: Differences that are named one by one.
SHOWN = 20

#: Seconds after which a due delivery suggests that no worker is running.
WAITING = 300

NO_BROKER = (
    "none is configured: `webhooks serve` delivers in its own process, and a gateway delivers within the cron's calls"
)

#: When a broker pays off; docs/scaling.md has the figures.
SWITCH = (
    "if one process does not keep up, or you want more than one host: set REDIS_URL, and run `webhooks gateway` and "
    "`webhooks worker`"
)


@dataclass(frozen=True)
class Finding:
    """The result of one check: its state, and what to do about it."""

    check: str
    status: Literal["ok", "warning", "problem"]
    text: str
    cure: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return it for JSON."""
        return asdict(self)


async def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Run all checks; a check that depends on a failed one is skipped."""
    findings, settings = _environment(environment)
    if settings is None:
        return findings
    findings += _key(settings.service_key)
    store = Store(settings)
    try:
        checks = (
            _database,
            _heartbeat,
            partial(_backlog, shared=bool(settings.queue_url)),
            partial(_max_rows, batch_size=settings.batch_size),
        )
        for check in checks:
            try:
                findings += await check(store)
            except StoreError as exc:
                findings.append(_refusal(exc))
                break
    finally:
        await store.close()
    if not settings.queue_url:
        findings.append(Finding("broker", "ok", NO_BROKER, SWITCH))
    elif settings.broker_url:
        findings += await asyncio.to_thread(_rabbitmq, settings.broker_url)
    else:
        findings += _redis(settings.redis_url)
    if settings.database_url:
        findings.append(await asyncio.to_thread(_listening, settings.database_url))
    return findings


def _environment(environment: Mapping[str, str]) -> tuple[list[Finding], Settings | None]:
    """Read the settings."""
    try:
        settings = Settings.from_environment(environment)
    except SettingsError as exc:
        cure = "set it in the environment of gateway and workers; see .env.example"
        return [Finding("environment", "problem", str(exc), cure)], None
    findings = [Finding("environment", "ok", "all required settings are present")]
    if settings.allow_http and settings.supabase_url.startswith("https://"):
        findings.append(
            Finding(
                "environment",
                "warning",
                "WEBHOOKS_ALLOW_HTTP is on: deliveries to http:// can be read in transit",
                "unset it in production",
            )
        )
    return findings, settings


def _key(key: str) -> list[Finding]:
    """Check what kind of key it is."""
    kind = "anon" if key.startswith("sb_publishable_") else None
    if key.count(".") == 2:  # noqa: PLR2004 - the parts of a JWT
        with suppress(ValueError):
            payload = key.split(".")[1]
            kind = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("role")
    if kind not in {None, "service_role"}:
        return [
            Finding(
                "keys",
                "problem",
                f"SUPABASE_SERVICE_ROLE_KEY holds a key of the role {kind}, which browsers use",
                "use the secret key (sb_secret_...) from Project Settings > API keys",
            )
        ]
    return [Finding("keys", "ok", "SUPABASE_SERVICE_ROLE_KEY is a server's key")]


async def _database(store: Store) -> list[Finding]:
    began = time.time()
    diagnosis = await store.call("webhook_diagnosis", {})
    middle = (began + time.time()) / 2
    findings = [Finding("supabase", "ok", f"responds; Postgres {diagnosis['postgres']}")]
    findings += _migrations(diagnosis["migrations"])
    findings += _version(await store.call("webhook_version", {}))
    findings += _held(diagnosis.get("held"))
    findings += _wake_up(diagnosis.get("wake_up"))
    findings += _access(diagnosis["access"])
    findings += _admins(diagnosis["admins"])
    findings += _triggers(diagnosis["triggers"])
    if labels := {row["name"] for row in diagnosis["migrations"]}:
        # without them it is unknown which of the migrations' objects should exist
        findings += _drift(differences(await store.call("webhook_inventory", {}), labels))
    findings.append(_clock(middle - datetime.fromisoformat(diagnosis["now"]).timestamp()))
    findings += _setup(diagnosis.get("setup", {}))
    if diagnosis["unsigned_endpoints"]:
        findings.append(
            Finding(
                "endpoints",
                "warning",
                f"{diagnosis['unsigned_endpoints']} active endpoints have no secret: receivers cannot verify",
                "webhooks endpoints rotate ID creates a secret",
            )
        )
    findings += [
        Finding(
            "endpoints",
            "warning",
            f"{one['name']}: {one['warning']}",
            f"then webhooks endpoints test {one['id']}: the first delivery that succeeds clears this warning",
        )
        for one in diagnosis["url_warnings"]
    ]
    return findings


def _migrations(applied: list[dict[str, str]]) -> list[Finding]:
    found = {row["name"]: row for row in applied}
    if "system" not in found:
        text = "the functions exist, but webhooks.migrations lacks the system's row"
        return [Finding("migrations", "warning", text, f"{APPLY}, which writes it")]
    findings = [
        Finding(
            "migrations",
            "warning",
            f"{one.label} was applied by version {row['package_version']} of this package and differs in this one",
            f"{APPLY}, each with --update",
        )
        for one in migrations(*found)
        if (row := found[one.label])["checksum"] not in {UNKNOWN, one.checksum}
    ]
    return findings or [Finding("migrations", "ok", f"applied: {', '.join(found)}")]


def _version(found: dict[str, int]) -> list[Finding]:
    try:
        check(found)
    except VersionError as exc:
        text, _, cure = str(exc).partition(": ")
        return [Finding("migrations", "problem", text, cure)]
    return []


def _held(held: dict[str, str] | None) -> list[Finding]:
    if held is None:
        return []
    return [Finding("project", "problem", str(Held(**held)), "webhooks adopt --deliver or webhooks adopt --discard")]


def _wake_up(found: dict[str, str | None] | None) -> list[Finding]:
    if found is None:
        return []
    if found["problem"]:
        text, _, cure = found["problem"].partition(": ")
        return [Finding("wake-up", "problem", f"new deliveries do not wake {found['gateway_url']}: {text}", cure)]
    return [Finding("wake-up", "ok", f"new deliveries wake {found['gateway_url']} (pg_net)")]


def _setup(done: Mapping[str, bool]) -> list[Finding]:
    # the cron has a check of its own
    return [
        Finding("setup", "warning", f"not done yet: {one.title.lower()}", f"{one.command}, or webhooks init")
        for one, finished in checklist(done)
        if not finished and one.name != "cron"
    ]


def _access(differences: list[dict[str, str]]) -> list[Finding]:
    found = [
        Finding(
            "grants",
            "problem",
            f"{one['kind']} {one['object']}: {one['is_now']}, should be {one['should_be']}",
            "webhooks migrate secure --dsn postgresql://...",
        )
        for one in differences[:SHOWN]
    ]
    if len(differences) > SHOWN:
        found.append(Finding("grants", "problem", f"{len(differences) - SHOWN} more differ"))
    return found or [Finding("grants", "ok", "grants and policies are correct")]


def _admins(problems: list[dict[str, str]]) -> list[Finding]:
    found = [Finding("admins", "problem", one["problem"], one["cure"]) for one in problems]
    return found or [Finding("admins", "ok", "no user can make themselves a webhook admin")]


def _drift(differences: list[Difference]) -> list[Finding]:
    found = [
        Finding("schema", "problem", str(one), "webhooks migrate apply --update --dsn postgresql://...")
        for one in differences[:SHOWN]
    ]
    if len(differences) > SHOWN:
        found.append(Finding("schema", "problem", f"{len(differences) - SHOWN} more objects differ"))
    return found or [Finding("schema", "ok", "every object matches this version")]


def _triggers(broken: list[dict[str, str]]) -> list[Finding]:
    found = [
        Finding(
            "triggers",
            "problem",
            f"{one['event_type']} on {one['source']} emits nothing: {one['problem']}",
            "webhooks events reattach --dsn postgresql://... (or webhook_attach again, where the table has changed)",
        )
        for one in broken
    ]
    return found or [Finding("triggers", "ok", "every attached event has its trigger")]


async def _max_rows(store: Store, batch_size: int) -> list[Finding]:
    asked = max(batch_size, 1000)
    found = len(await store.call("webhook_row_numbers", {"how_many": asked}))
    if found >= asked:
        return [Finding("max rows", "ok", f"the REST API returns {asked} rows")]
    return [
        Finding(
            "max rows",
            "warning" if found < batch_size else "ok",
            f"the REST API cuts a result off after {found} rows (max rows); claims of {batch_size} come as one value",
            "raise max rows under Project Settings > Data API if your own queries need more",
        )
    ]


def _clock(ahead: float) -> Finding:
    text = f"this machine's clock is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} the database's"
    if abs(ahead) < CLOCK_WARNING:
        return Finding("clock", "ok", text)
    status: Literal["warning", "problem"] = "problem" if abs(ahead) >= CLOCK_PROBLEM else "warning"
    return Finding(
        "clock",
        status,
        f"{text}: receivers reject timestamps that are five minutes off",
        "enable time synchronization (NTP)",
    )


async def _heartbeat(store: Store) -> list[Finding]:
    run = (await store.health())["last_run"]
    cure = "see docs/github-actions.md: the workflow, or pg_cron, calls POST /functions/v1/webhook-dispatcher"
    if run is None:
        todo = step("cron")
        text = "not set up yet: the dispatcher has never been called"
        return [Finding("cron", "warning", text, f"{todo.command}, or webhooks cron github; docs/github-actions.md")]
    age = (datetime.now(UTC) - datetime.fromisoformat(run["started_at"])).total_seconds()
    if age > SILENCE:
        return [Finding("cron", "problem", f"the dispatcher's last heartbeat was {_long(age)} ago", cure)]
    if run["error"]:
        return [Finding("cron", "problem", f"the dispatcher's last run failed: {run['error']}", "fix what it names")]
    return [Finding("cron", "ok", f"the last heartbeat was {_long(age)} ago")]


async def _backlog(store: Store, *, shared: bool) -> list[Finding]:
    backlog = await store.call("webhook_backlog", {})
    oldest = backlog["oldest_due_at"]
    age = 0.0 if oldest is None else (datetime.now(UTC) - datetime.fromisoformat(oldest)).total_seconds()
    if age > WAITING:
        return [
            Finding(
                "workers",
                "problem",
                f"{backlog['due']} deliveries are due, the oldest for {_long(age)}",
                "start workers: webhooks worker; if they are running, check their logs"
                if shared
                else f"start webhooks serve, or have the cron call the gateway; {SWITCH}",
            )
        ]
    return [Finding("workers", "ok", f"{backlog['due']} deliveries are due" + (f", for {_long(age)}" if age else ""))]


def _redis(url: str) -> list[Finding]:
    try:
        with closing(create_broker(url)) as broker:
            ping(broker)
        with closing(redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)) as client:
            server: Any = client.info("server")
            memory: Any = client.info("memory")
    except QueueUnavailable as exc:
        cure = "check REDIS_URL (redis://[:password@]host:port/0), the network, and the server's memory, disk and role"
        return [Finding("redis", "problem", str(exc), cure)]
    except (redis.RedisError, ValueError, OSError) as exc:
        # the URL may hold a password
        return [
            Finding(
                "redis",
                "problem",
                f"Redis does not respond ({type(exc).__name__})",
                "check REDIS_URL (redis://[:password@]host:port/0) and that it is reachable from here",
            )
        ]
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy.startswith("allkeys"):
        return [
            Finding(
                "redis",
                "warning",
                f"Redis evicts any key when it is full ({policy}): wake-up calls get lost until the next sweep",
                "set maxmemory-policy to noeviction",
            )
        ]
    return [Finding("redis", "ok", f"responds; version {server.get('valkey_version') or server['redis_version']}")]


def _rabbitmq(url: str) -> list[Finding]:
    try:
        ping(create_broker(url))
    except (SettingsError, QueueUnavailable) as exc:
        cure = (
            f"check {variable('broker_url')} (amqp://user:password@host:5672/vhost): user, vhost, permissions, network"
        )
        return [Finding("rabbitmq", "problem", str(exc), cure)]
    return [Finding("rabbitmq", "ok", "responds, and accepts a message")]


def _listening(url: str) -> Finding:
    """Send a notification and check that it arrives: a pooler in transaction mode does not pass LISTEN on."""
    try:
        import psycopg  # noqa: PLC0415 - of an extra
    except ImportError:
        return Finding("listener", "problem", "psycopg is not installed", "pip install 'supabase-webhooks[listen]'")
    channel, cure = "webhooks_doctor", f"{variable('database_url')} must be a direct or session-mode connection string"
    try:
        with (
            psycopg.connect(url, autocommit=True, connect_timeout=5) as listener,
            psycopg.connect(url, autocommit=True, connect_timeout=5) as sender,
        ):
            listener.execute(f"listen {channel}".encode())
            sender.execute("select pg_notify(%s, '')", (channel,))
            heard = list(listener.notifies(timeout=NOTIFICATION, stop_after=1))
    except psycopg.Error as exc:
        # the text of a malformed URL repeats it, password included
        return Finding("listener", "problem", f"Postgres does not respond ({type(exc).__name__})", cure)
    if not heard:
        return Finding(
            "listener", "problem", "a notification that was sent did not arrive", f"{cure}, port 5432, not 6543"
        )
    return Finding("listener", "ok", "receives notifications: workers are woken immediately")


#: code of PostgREST or of a gateway in front of it -> what it means, and the fix.
_REFUSALS = {
    **dict.fromkeys(
        LACKING,
        (
            "the database lacks this version's functions",
            APPLY,
        ),
    ),
    "42501": (
        "the key may not call the functions",
        "SUPABASE_SERVICE_ROLE_KEY must be the project's secret key; then: webhooks migrate apply",
    ),
}


def _refusal(exc: StoreError) -> Finding:
    if isinstance(exc, StoreUnavailable):
        return Finding("supabase", "problem", str(exc), "check SUPABASE_URL, and that the project is not paused")
    text, cure = _REFUSALS.get(
        exc.code or "", (str(exc), "check SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY: are they of one project?")
    )
    return Finding("migrations" if exc.code in LACKING else "supabase", "problem", text, cure)


def _long(seconds: float) -> str:
    """Return a time in its largest unit."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
