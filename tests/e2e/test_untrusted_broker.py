"""Someone who can write to Redis or RabbitMQ cannot block anything for more than a minute."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import pytest
import redis

from devstack.receiver import Receiver
from supabase_webhooks.webhooks.queue import DRAIN, QUEUE, create_broker, rabbitmq, take_turn

if TYPE_CHECKING:
    from devstack.rabbitmq import RabbitMQ
    from tests.e2e.conftest import System

#: A hundred years, in milliseconds since 1970.
FAR = int((time.time() + 100 * 365 * 86_400) * 1000)


def message(**changes: Any) -> bytes:
    """Return a message as Dramatiq encodes it."""
    fields: dict[str, Any] = {
        "queue_name": QUEUE, "actor_name": DRAIN, "args": [], "kwargs": {}, "options": {},
        "message_id": "x", "message_timestamp": 0,
    }  # fmt: skip
    return json.dumps(fields | changes).encode()


HOSTILE = {
    "far away": message(options={"eta": FAR}),
    "an eta of text": message(options={"eta": "tomorrow"}),
    "an eta of null": message(options={"eta": None}),
    "unknown actor": message(actor_name="nobody"),
    "unknown actor, far away": message(actor_name="nobody", options={"eta": FAR}),
    "arguments": message(args=[1, 2], kwargs={"x": 1}),
    "another queue": message(queue_name="nowhere"),
    "no JSON": b"\x00\xff",
    "no message": b"[]",
    "lacking fields": b"{}",
}


@pytest.mark.parametrize("queue", [QUEUE, f"{QUEUE}.DQ"], ids=["jobs", "delayed"])
def test_messages(system: System, queue: str) -> None:
    """Twenty of each kind in front of the queue, and the events that follow arrive soon."""
    client = redis.Redis.from_url(system.valkey.url)
    for hostile in 20 * [*HOSTILE.values()]:
        name = str(uuid.uuid4())
        body = hostile.replace(b'"message_id": "x"', f'"message_id": "{name}", "redis": 1'.encode())
        body = body.replace(b', "redis": 1', b"")
        if b'"options": {' in body:
            body = body.replace(b'"options": {', f'"options": {{"redis_message_id": "{name}"'.encode() + b", ", 1)
            body = body.replace(b", }", b"}")
        client.hset(f"dramatiq:{queue}.msgs", name, body)  # type: ignore[arg-type]
        client.rpush(f"dramatiq:{queue}", name)
    client.close()
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch(3)
        system.wait_for_status("delivered", 3, seconds=30)


@pytest.mark.parametrize("queue", [QUEUE, f"{QUEUE}.DQ"], ids=["jobs", "delayed"])
def test_messages_in_rabbitmq(system: System, rabbitmq_server: RabbitMQ, queue: str) -> None:
    """The same there."""
    system.variables = {"REDIS_URL": "", "WEBHOOKS_BROKER_URL": rabbitmq_server.url}
    broker: Any = create_broker(rabbitmq_server.url)
    try:
        broker.get_queue_message_counts(QUEUE)  # declares its queues
        broker.flush(QUEUE)
        for hostile in 20 * [*HOSTILE.values()]:
            broker.channel.basic_publish("", queue, hostile)
    finally:
        broker.close()
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch(3)
        system.wait_for_status("delivered", 3, seconds=60)


@pytest.mark.parametrize(
    "arguments", [None, {"x-max-length": 1, "x-overflow": "reject-publish"}], ids=["ours", "theirs"]
)
def test_turns_in_rabbitmq(
    rabbitmq_server: RabbitMQ, monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any] | None
) -> None:
    """A foreign message without an expiry expires with the queue's own; a queue without one is replaced."""
    assert rabbitmq.TURN_ARGUMENTS["x-message-ttl"] <= 60_000
    turn = f"webhooks:upkeep:{uuid.uuid4()}"
    monkeypatch.setitem(rabbitmq.TURN_ARGUMENTS, "x-message-ttl", 400)
    broker: Any = create_broker(rabbitmq_server.url)
    try:
        queue = f"{turn}{rabbitmq.TURN_SUFFIX}"
        broker.channel.queue_declare(queue, durable=True, arguments=arguments or rabbitmq.TURN_ARGUMENTS)
        broker.channel.basic_publish("", queue, b"somebody")
        assert take_turn(broker, turn, owner="w", milliseconds=200) is (arguments is not None)
        time.sleep(0.6)
        assert take_turn(broker, turn, owner="w", milliseconds=200)
        broker.channel.queue_delete(queue)
    finally:
        broker.close()


@pytest.mark.parametrize("milliseconds", [None, 10**12])
def test_turns(system: System, milliseconds: int | None) -> None:
    """A key that someone set, forever or for years, is free again after the time that a turn takes."""
    client = redis.Redis.from_url(system.valkey.url)
    client.set("webhooks:upkeep", "somebody", px=milliseconds)
    broker = create_broker(system.valkey.url)
    try:
        assert not take_turn(broker, "webhooks:upkeep", owner="w", milliseconds=200)
        time.sleep(0.3)
        assert take_turn(broker, "webhooks:upkeep", owner="w", milliseconds=200)
    finally:
        broker.close()
        client.close()
