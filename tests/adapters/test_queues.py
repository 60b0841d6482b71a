"""What is particular to each queue protocol, against its server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from confluent_kafka import Consumer, TopicPartition
from google.api_core.exceptions import InvalidArgument
from google.pubsub_v1 import PublisherClient, PubsubMessage, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from grpc import insecure_channel

from devstack.brokers import AWS, Kafka, PubSub, Sqs
from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.workers.adapters import batcher
from supabase_webhooks.workers.adapters.aws import session
from supabase_webhooks.workers.adapters.sqs import SETUP, SqsAdapter
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.shorthands import ID, SENT, adapter_cache, deliver, make_delivery, make_settings, run_in_node
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def sqs(directory: Path) -> Iterator[Sqs]:
    """An SQS for this module."""
    broker = Sqs(directory, say=quiet)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def aws(sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials where the SDK finds them, and where they belong."""
    for name, value in sqs.environment.items():
        monkeypatch.setenv(name, value)


def messages(sqs: Sqs, queue: str) -> list[dict[str, Any]]:
    """Return what is in a queue."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    client = boto3.client("sqs", region_name="us-east-1", endpoint_url=sqs.address, **keys)
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    return list(answer.get("Messages", []))


@pytest.mark.usefixtures("aws")
async def test_sqs_fifo(sqs: Sqs) -> None:
    """The endpoint is the message group, the delivery the deduplication id: sent twice, queued once."""
    url = sqs.create("q.fifo")
    first, again = await deliver(url), await deliver(url)
    assert first.delivered
    assert again.delivered
    (message,) = messages(sqs, "q.fifo")
    attributes = message["Attributes"]
    assert (attributes["MessageGroupId"], attributes["MessageDeduplicationId"]) == ("c", ID)


@pytest.mark.usefixtures("aws")
async def test_sqs_by_the_queues_url(sqs: Sqs) -> None:
    """A queue of another account is named by its URL."""
    sqs.create("by-url")
    address = sqs.address.removeprefix("http://")
    url = f"sqs://{address}/123456789012/by-url?region=us-east-1&endpoint_url={sqs.address}"
    assert (await deliver(url)).delivered
    assert len(messages(sqs, "by-url")) == 1


@pytest.mark.usefixtures("aws")
async def test_sqs_sends_in_batches_of_ten(sqs: Sqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred at once are ten requests, and two for the queue's URL and limit; large ones travel alone."""
    url = sqs.create("batches")
    # a busy machine takes longer to begin a hundred attempts than a batch waits
    monkeypatch.setattr(batcher, "LINGER", 1)
    for body, requests in (("{}", 12), ('{"x":"' + "y" * 600_000 + '"}', 102)):
        before = sqs.child.log.read_text().count("POST /")  # type: ignore[union-attr]
        async with adapter_cache() as cache:
            many = [make_delivery(url, id=f"d-{number}", body=body) for number in range(100)]
            results = await asyncio.gather(*(attempt(one, cache, make_settings()) for one in many))
        assert all(result.delivered for result in results)
        assert sqs.child.log.read_text().count("POST /") - before == requests  # type: ignore[union-attr]


async def test_sqs_credentials_of_a_profile(sqs: Sqs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys or a profile's name; a word that is not AWS's is rejected, and no secret is repeated."""
    url = sqs.create("profiles")
    session.cache_clear()  # it knows the credentials of the tests before
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "credentials").write_text("[partner]\naws_access_key_id = a\naws_secret_access_key = geheim\n")
    credentials = {
        "keys": {"aws_access_key_id": "a", "aws_secret_access_key": "geheim", "hosts": "127.0.0.1"},
        "named": {"profile_name": "partner", "hosts": "127.0.0.1"},
        "wrong": {"aws_secret": "geheim", "hosts": "127.0.0.1"},
    }
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", sqs.address)
    results = {
        profile: await deliver(url, endpoint={"credentials_profile": profile}, credentials=credentials)
        for profile in (None, *credentials)
    }
    assert results["keys"].delivered
    assert results["named"].delivered
    assert (results["wrong"].permanent, results["wrong"].health) == (False, "failed")
    assert "not aws_secret" in str(results["wrong"].error)
    nothing = results[None]
    assert (nothing.delivered, nothing.permanent) == (False, False)
    assert "SQS NoCredentialsError" in str(nothing.error)
    assert not any("geheim" in str(result.error) for result in results.values())


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("may_ask", [True, False], ids=["limit known", "no leave to ask for it"])
async def test_sqs_rejects_a_batch_and_none_of_its_entries(
    sqs: Sqs, monkeypatch: pytest.MonkeyPatch, may_ask: bool
) -> None:
    """Ten of 120 KB, and one that is too large, at once in a queue that takes 256 KiB: ten arrive, one fails."""
    if not may_ask:
        monkeypatch.setattr(SqsAdapter, "_learn_limit", lambda _: asyncio.sleep(0))
    url = sqs.create(f"limited-{may_ask}".lower())
    sqs.limit(f"limited-{may_ask}".lower(), 256 * 1024)
    sizes = [120_000] * 5 + [300_000] + [120_000] * 5
    async with adapter_cache() as cache:
        many = [make_delivery(url, id=f"d-{n}", body=f'{{"x":"{"y" * size}"}}') for n, size in enumerate(sizes)]
        results = await asyncio.gather(*(attempt(one, cache, make_settings()) for one in many))
    assert [result.delivered for result in results] == [size < 256_000 for size in sizes]
    assert results[5].permanent


@pytest.mark.parametrize("code", sorted(SETUP))
async def test_sqs_permissions_are_the_workers_setup(code: str) -> None:
    """Whatever SQS, STS or KMS does not permit: deliveries wait behind the circuit."""
    body = f'{{"__type":"com.amazonaws.sqs#{code}","message":"no"}}'.encode()
    reply = Reply(400 if code.startswith("Kms") else 403, body, {"Content-Type": "application/x-amz-json-1.0"})
    credentials = {"p": {"aws_access_key_id": "a", "aws_secret_access_key": "b", "hosts": "127.0.0.1"}}
    with Receiver(answer=lambda _: reply) as service:
        url = f"sqs://q?region=us-east-1&endpoint_url={service.url}"
        result = await deliver(url, endpoint={"credentials_profile": "p"}, credentials=credentials)
    assert (result.delivered, result.permanent, result.health, result.setup) == (False, False, "failed", True)
    assert code in str(result.error)


async def test_sqs_keys_are_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rotated in the credentials file: the first attempt after it succeeds, with one request more."""

    def answer(request: Received) -> Reply:
        if f"Credential={valid}/" not in request.headers["authorization"]:
            return Reply(403, b'{"__type":"com.amazon.coral.service#InvalidClientTokenId","message":"no"}')
        sent = {"Successful": [{"Id": "0", "MessageId": "m"}], "QueueUrl": service.url, "Attributes": {}}
        return Reply(200, json.dumps(sent).encode(), {"Content-Type": "application/x-amz-json-1.0"})

    def write(key: str) -> None:
        file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = b\n")

    valid, file = "first", tmp_path / "credentials"
    for name in AWS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    write(valid)
    session.cache_clear()
    with Receiver(answer=answer) as service:
        url = f"sqs://q?region=us-east-1&endpoint_url={service.url}"
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", service.url)
        async with adapter_cache() as cache:
            assert (await attempt(make_delivery(url), cache, make_settings())).delivered
            valid = "second"
            write(valid)
            result = await attempt(make_delivery(url), cache, make_settings())
            assert result.delivered, result.error
            valid = "third"
            result = await attempt(make_delivery(url), cache, make_settings())
            assert (result.delivered, result.permanent, result.health) == (False, False, "failed")
            write(valid)
            assert (await attempt(make_delivery(url), cache, make_settings())).delivered


@pytest.mark.usefixtures("aws")
async def test_sqs_takes_ten_attributes(sqs: Sqs) -> None:
    """More extra headers than fit are our own mistake; those that fit arrive."""
    for count, error in ((4, None), (5, "SQS accepts 10 message attributes; remove 1 of the extra headers")):
        headers = {f"X-{number}": "x" for number in range(count)}
        result = await deliver(sqs.create(f"attributes-{count}"), endpoint={"headers": headers})
        assert (result.delivered, result.permanent, result.error) == (error is None, error is not None, error)


@pytest.fixture
def pubsub(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PubSub]:
    """A Pub/Sub that the SDK finds."""
    broker = PubSub(directory, say=quiet)
    for name, value in broker.environment.items():
        monkeypatch.setenv(name, value)
    broker.start()
    yield broker
    broker.stop()


#: What Pub/Sub does not take of a message, and what our error names; the server's limits are of another hand than ours.
BEYOND: dict[str, tuple[dict[str, str], str]] = {
    "value": ({"X-Long": "x" * 1025}, "Pub/Sub accepts 1,024 bytes per attribute; shorten the header 'X-Long'"),
    "name": ({"X" * 257: "x"}, "does not accept a message attribute with the name"),
    "reserved": ({"goog-x": "x"}, "does not accept a message attribute with the name 'goog-x'"),
    "count": ({f"X-{n}": "x" for n in range(101)}, "accepts 100 message attributes; remove 7 of the extra headers"),
}


async def test_pubsub_takes_small_attributes(pubsub: PubSub) -> None:
    """What is at a limit arrives; what is beyond one fails with the header's name, and the server rejects it too."""
    url = pubsub.create("limits")
    at_limits = {"X-Long": "x" * 1024, "X" * 256: "x", **{f"X-{number}": "x" for number in range(92)}}
    assert (await deliver(url, endpoint={"headers": at_limits})).delivered
    with insecure_channel(f"127.0.0.1:{pubsub.port}") as channel:
        client = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        for headers, problem in BEYOND.values():
            result = await deliver(url, endpoint={"headers": headers})
            assert result.permanent
            assert problem in str(result.error)
            with pytest.raises(InvalidArgument):
                client.publish(topic="projects/devstack/topics/limits", messages=[PubsubMessage(attributes=headers)])


async def test_pubsub_takes_short_ordering_keys(pubsub: PubSub) -> None:
    """The limit is of bytes; a longer value fails its delivery alone."""
    url = pubsub.create("keys") + "?ordering_key=actor_user_id"
    for key, delivered in (("ü" * 512, True), ("ü" * 512 + "x", False)):
        result = await deliver(url, endpoint={"body": json.dumps({"actor_user_id": key})})
        assert (result.delivered, result.permanent) == (delivered, not delivered)
    assert "Pub/Sub accepts 1,024 bytes as an ordering key" in str(result.error)


async def test_pubsub_with_npms_client(pubsub: PubSub) -> None:
    """It streams; a message that it rejects comes back."""
    url = pubsub.create("streamed")
    for number in range(3):
        assert (await deliver(url, endpoint={"id": f"d-{number}"})).delivered
    environment = {**pubsub.environment, "PROJECT": "devstack", "SUBSCRIPTION": "streamed"}
    received = await asyncio.to_thread(run_in_node, "pubsub.mjs", COUNT="3", **environment)
    assert received == [{"id": f"d-{number}", "body": SENT.decode()} for number in range(3)]
    assert pubsub.consume("streamed") == []


async def test_kafka_with_kafkajs(directory: Path) -> None:
    """In a consumer group, from the beginning."""
    broker = Kafka(directory, say=quiet)
    broker.start()
    try:
        url = broker.create("grouped")
        for number in range(3):
            assert (await deliver(url, endpoint={"id": f"d-{number}"})).delivered
        address = f"127.0.0.1:{broker.port}"
        received = await asyncio.to_thread(run_in_node, "kafka.mjs", BROKER=address, TOPIC="grouped", COUNT="3")
    finally:
        broker.stop()
    assert received == [{"id": f"d-{number}", "body": SENT.decode()} for number in range(3)]


async def test_pubsub_ordering_key(pubsub: PubSub) -> None:
    """It is a payload field's value; without the field there is none."""
    url = pubsub.create("ordered")
    assert (await deliver(f"{url}?ordering_key=actor_user_id")).delivered
    assert (await deliver(f"{url}?ordering_key=data.n")).delivered
    assert (await deliver(f"{url}?ordering_key=data.missing")).delivered
    with insecure_channel(f"127.0.0.1:{pubsub.port}") as channel:
        client = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        pulled = client.pull(subscription="projects/devstack/subscriptions/ordered", max_messages=10)
    keys = [received.message.ordering_key for received in pulled.received_messages]
    assert keys == ["u-1", "9007199254740993", ""]


async def test_pubsub_without_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error is Google's own, and may pass: nothing is lost until the worker has credentials."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    result = await deliver("pubsub://my-project/my-topic")
    assert (result.delivered, result.permanent) == (False, False)
    assert "Pub/Sub DefaultCredentialsError" in str(result.error)


async def test_kafka_key(directory: Path) -> None:
    """It is a payload field's value; without the field there is none."""
    broker = Kafka(directory, say=quiet)
    broker.start()
    try:
        url = broker.create("keyed")
        assert (await deliver(f"{url}?key=actor_user_id")).delivered
        assert (await deliver(f"{url}?key=data.missing")).delivered
        consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{broker.port}", "group.id": "x"})
        consumer.assign([TopicPartition("keyed", 0, 0)])
        records = consumer.consume(2, timeout=20)
        consumer.close()
    finally:
        broker.stop()
    assert [record.key() for record in records] == [b"u-1", None]


async def test_kafka_credentials() -> None:
    """SASL needs a profile with both, PLAIN needs TLS; librdkafka's rejection of a configuration is reported."""
    plain = await deliver("kafka://127.0.0.1:1/t?sasl=PLAIN")
    assert plain.error == "sasl=PLAIN sends the password in plain text; add tls=true to the URL"
    url = "kafka://127.0.0.1:1/t?tls=true&sasl=PLAIN"
    without = await deliver(url)
    assert (without.permanent, without.health) == (False, "failed")
    assert without.error == "sasl=PLAIN needs a credentials_profile with password and username"
    credentials = {"p": {"username": "u", "password": "geheim", "ca_file": "/nowhere.pem", "hosts": "127.0.0.1"}}
    wrong_file = await deliver(url, endpoint={"credentials_profile": "p"}, credentials=credentials)
    assert not wrong_file.permanent
    assert "ssl.ca.location failed" in str(wrong_file.error)
    assert "geheim" not in str(wrong_file.error)
