"""/readyz and doctor try a write, within two seconds: what responds but accepts none is not ready."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

import httpx
import pytest
import redis

from supabase_webhooks.webhooks.doctor import Finding, examine
from tests.e2e.test_rabbitmq import use

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devstack.rabbitmq import RabbitMQ
    from tests.e2e.conftest import System

# supabase-py's own call of postgrest-py
pytestmark = pytest.mark.filterwarnings(
    "ignore:The '(timeout|verify|proxy)' parameter is deprecated:DeprecationWarning"
)

#: Configurations with which Redis responds but accepts no writes, with the error.
REFUSING = {
    "full": ({"maxmemory": "1", "maxmemory-policy": "noeviction"}, "used memory"),
    "no replicas": ({"min-replicas-to-write": "1"}, "replicas"),
}

#: The seconds of a probe, and what a busy machine adds: together less than a call to Supabase may take, ten.
WITHIN = 2.0 + 5.0


def ready(url: str) -> tuple[int, str]:
    """Return what /readyz says in time."""
    began = time.monotonic()
    response = httpx.get(f"{url}/readyz", trust_env=False, timeout=30)
    assert time.monotonic() - began < WITHIN
    return response.status_code, response.text


def found(system: System, check: str) -> Finding:
    """Return what doctor says of a part."""
    return next(one for one in asyncio.run(examine(system.settings())) if one.check == check)


@pytest.fixture
def configured(system: System) -> Iterator[Callable[[dict[str, str]], None]]:
    """Configure the Redis of the session; all is put back."""
    client = redis.Redis.from_url(system.valkey.url)
    before = {name: str(client.config_get(name)[name]) for options, _ in REFUSING.values() for name in options}  # type: ignore[index]
    before["replicaof"] = ""

    def configure(options: dict[str, str]) -> None:
        for name, value in options.items():
            if name == "replicaof":
                client.execute_command("REPLICAOF", *(value or "NO ONE").split())
            else:
                client.config_set(name, value)

    yield configure
    configure(before)
    client.close()


@pytest.mark.parametrize(("options", "why"), REFUSING.values(), ids=REFUSING)
def test_a_redis_that_takes_no_writes(
    system: System, configured: Callable[[dict[str, str]], None], options: dict[str, str], why: str
) -> None:
    """Full, or without its replicas."""
    gateway = system.gateway()
    assert ready(gateway.url)[0] == 200
    configured(options)
    status, text = ready(gateway.url)
    assert (status, "Redis accepts no writes" in text, why in text) == (503, True, True), text
    assert found(system, "redis").status == "problem"


def test_a_redis_that_is_a_replica(system: System, configured: Callable[[dict[str, str]], None]) -> None:
    """After a failover the old address may be read-only."""
    gateway = system.gateway()
    configured({"replicaof": "127.0.0.1 1"})
    status, text = ready(gateway.url)
    assert (status, "Redis accepts no writes" in text) == (503, True), text


def test_a_redis_that_hangs(system: System) -> None:
    """It accepts connections and never responds."""
    gateway = system.gateway()
    assert system.valkey.child
    os.kill(system.valkey.child.pid, signal.SIGSTOP)
    try:
        for _ in range(3):
            assert ready(gateway.url)[0] == 503
    finally:
        os.kill(system.valkey.child.pid, signal.SIGCONT)
    assert ready(gateway.url)[0] == 200


def test_a_supabase_that_hangs(system: System) -> None:
    """It accepts connections and never responds."""
    gateway = system.gateway()
    assert system.supabase.child
    os.kill(system.supabase.child.pid, signal.SIGSTOP)
    try:
        status, text = ready(gateway.url)
    finally:
        os.kill(system.supabase.child.pid, signal.SIGCONT)
    assert (status, "Supabase" in text) == (503, True)


def test_a_postgres_that_is_read_only(system: System) -> None:
    """As Supabase makes it when the disk is full: reads work, the function says that writes do not."""
    gateway = system.gateway()
    system.db.execute(
        "create or replace function public.webhook_can_write() returns jsonb language sql as"
        """ $$ select '{"writable": false, "why": "default_transaction_read_only is on"}'::jsonb $$"""
    )
    system.db.execute("grant execute on function public.webhook_can_write() to service_role")
    # it reads the schema when it starts
    system.supabase.stop()
    system.supabase.start()
    system.wait(lambda: ready(gateway.url)[0] == 503, seconds=10)
    assert "Postgres accepts no writes: default_transaction_read_only is on" in ready(gateway.url)[1]


def test_a_rabbitmq_with_an_alarm(system: System, start_rabbitmq: Callable[[Path], RabbitMQ], tmp_path: Path) -> None:
    """Short of memory, it accepts no message, but responds to everything else."""
    server = start_rabbitmq(tmp_path)
    try:
        use(system, server)
        gateway = system.gateway()
        assert ready(gateway.url)[0] == 200
        server.control("set_vm_memory_high_watermark", "0")
        status, text = ready(gateway.url)
        assert (status, "RabbitMQ" in text) == (503, True), text
        assert found(system, "rabbitmq").status == "problem"
        server.control("set_vm_memory_high_watermark", "0.6")
        system.wait(lambda: ready(gateway.url)[0] == 200, seconds=10)
    finally:
        server.stop()
