"""The examples of docs/protocols, run as they stand."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from redis import Redis

from devstack.brokers import Kafka, PubSub, Sqs
from devstack.processes import Child, free_port, listening
from supabase_webhooks.webhooks.signing import generate_secret
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.shorthands import ID, SECRET, SENT, adapter_cache, deliver, make_delivery, make_settings
from tests.conftest import ROOT, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg import Connection

    from devstack.valkey import Valkey

pytestmark = pytest.mark.anyio


def example(page: str, language: str) -> str:
    """Return a page's only example in a language."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "protocols" / page).read_text(), re.DOTALL)
    return str(code)


def run(page: str, tmp_path: Path, **environment: str) -> Child:
    """Start a page's consumer."""
    script = tmp_path / "consumer.py"
    script.write_text(example(page, "python"))
    return Child(
        page,
        [sys.executable, script],
        log=tmp_path / "consumer.log",
        environment={**os.environ, **environment, "WEBHOOK_SECRET": SECRET},
    )


async def deliver_twice(url: str, consumer: Child, rejected: str) -> None:
    """Deliver once with a wrong secret and once with the right one: the consumer must tell them apart."""
    async with adapter_cache() as cache:
        for secret in (generate_secret(), SECRET):
            delivery = make_delivery(url, id=ID if secret == SECRET else "other", secrets=(secret,))
            result = await attempt(delivery, cache, make_settings())
            assert result.delivered or result.response_status == 401, result
    consumer.wait_ready(lambda: "verified x.y" in consumer.tail())
    assert consumer.tail().count("verified x.y") == 1
    assert rejected in consumer.tail()


async def test_http(tmp_path: Path) -> None:
    """A receiver rejects what it cannot verify."""
    port = free_port()
    consumer = run("http.md", tmp_path, PORT=str(port))
    try:
        consumer.wait_ready(lambda: listening(port))
        await deliver_twice(f"http://127.0.0.1:{port}/", consumer, "401")
    finally:
        consumer.stop()


async def test_sqs(tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer of a queue."""
    broker = Sqs(directory, say=quiet)
    for name, value in broker.environment.items():
        monkeypatch.setenv(name, value)
    broker.start()
    url = broker.create("orders")
    consumer = run("sqs.md", tmp_path, QUEUE="orders", AWS_ENDPOINT_URL=broker.address)
    try:
        await deliver_twice(url, consumer, "rejected")
    finally:
        consumer.stop()
        broker.stop()


async def test_pubsub(tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer of a subscription."""
    broker = PubSub(directory, say=quiet)
    for name, value in broker.environment.items():
        monkeypatch.setenv(name, value)
    broker.start()
    url = broker.create("orders")
    consumer = run("pubsub.md", tmp_path, PROJECT="devstack", SUBSCRIPTION="orders")
    try:
        await deliver_twice(f"{url}?ordering_key=actor_user_id", consumer, "rejected")
    finally:
        consumer.stop()
        broker.stop()


async def test_kafka(tmp_path: Path, directory: Path) -> None:
    """A consumer of a topic's partition."""
    broker = Kafka(directory, say=quiet)
    broker.start()
    url = broker.create("orders")
    consumer = run("kafka.md", tmp_path, BROKERS=f"127.0.0.1:{broker.port}", TOPIC="orders")
    try:
        await deliver_twice(f"{url}?key=actor_user_id", consumer, "rejected")
    finally:
        consumer.stop()
        broker.stop()


async def test_a_protocol_of_ones_own(
    tmp_path: Path, valkey_server: Valkey, db: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed package's entry point adds a scheme, and one row lets endpoints use it."""
    # Given the example installed, as pip leaves it
    code = example("adding.md", "python")
    assert len(code.splitlines()) < 40
    (tmp_path / "redis_stream_adapter.py").write_text(code)
    installed = tmp_path / "redis_stream_adapter-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: redis-stream-adapter\nVersion: 1.0\n")
    ((group, entries),) = tomllib.loads(example("adding.md", "toml"))["project"]["entry-points"].items()
    lines = "".join(f"{name} = {target}\n" for name, target in entries.items())
    (installed / "entry_points.txt").write_text(f"[{group}]\n{lines}")
    monkeypatch.syspath_prepend(tmp_path)

    # When a delivery goes to its scheme
    port = valkey_server.port
    result = await deliver(f"redisstream://localhost:{port}/events")

    # Then it is in the stream, verified by nothing but what we sent
    assert result.delivered, result.error
    with Redis(port=port) as redis:
        ((entry_id, fields),) = redis.xrange("events")
        redis.delete("events")
    assert fields[b"body"] == SENT
    assert fields[b"webhook-id"] == ID.encode()
    assert result.response_excerpt == entry_id.decode()

    # And an attempt that fails shows the adapter's own error, as one that may be retried
    failed = await deliver("redisstream://localhost:1/events")
    assert (failed.error or "").startswith("Redis ConnectionError"), failed.error

    # And the database takes endpoints of the scheme, and rejects wrong ones
    db.execute(example("adding.md", "sql").encode())
    insert = "insert into public.webhook_configurations (name, url, events) values ('r', %s, '{*}')"
    db.execute(insert, (f"redisstream://localhost:{port}/events",))
    with pytest.raises(Exception, match="example: redisstream://localhost:6379/events"):
        db.execute(insert, ("redisstream://localhost/events",))
