"""Apache Kafka: one record for each delivery, by librdkafka's idempotent producer with acks=all.

Source: https://kafka.apache.org/protocol#protocol_error_codes and
https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from webhooks.addresses import parse_networks
from webhooks.deliveries import field
from webhooks.errors import CredentialsError, DeliveryError, SetupError
from workers.adapters.connections import checked_addresses
from workers.adapters.receipts import acknowledged, settle

if TYPE_CHECKING:
    from confluent_kafka import Message as Record

    from webhooks.deliveries import Message, Receipt
    from webhooks.destinations import Destination, KafkaDestination
    from workers.adapters import Context

#: What a profile of WEBHOOKS_CREDENTIALS may hold.
CREDENTIALS = ("username", "password", "ca_file")

#: A broker refuses a batch as a whole when it is above its limit: small batches let no large delivery fail others.
BATCH_BYTES = 64 * 1024

#: Above what brokers are set to take (1 MiB by default): their limit is the one that counts.
MESSAGE_BYTES = 16 * 1024 * 1024

#: Seconds between a poll that found nothing and the next look at whether to stop.
POLL_SECONDS = 0.2

#: Seconds that a topic may take to show in the brokers' metadata before it counts as missing.
TOPIC_SECONDS = 2.0

#: The worker's setup: credentials, permissions, and a topic that is not there (yet).
SETUP = frozenset(
    {
        "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION", "UNKNOWN_TOPIC_ID",
        "TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "SASL_AUTHENTICATION_FAILED", "_AUTHENTICATION", "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE", "_SSL",
    }
)  # fmt: skip

#: Verdicts on a record, or on all of a batch.
PERMANENT = frozenset(
    {
        "TOPIC_EXCEPTION", "MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD", "POLICY_VIOLATION",
    }
)  # fmt: skip

#: Busy, not ill.
THROTTLED = frozenset({"_QUEUE_FULL", "THROTTLING_QUOTA_EXCEEDED"})

#: What follows from an earlier error, which says more.
CONSEQUENCES = frozenset({"_MSG_TIMED_OUT", "_PURGE_QUEUE", "_PURGE_INFLIGHT", "_FATAL"})

Answer = tuple["asyncio.Future[Receipt]", "Receipt | DeliveryError"]


class KafkaAdapter:
    """Produces to one topic."""

    def __init__(self, destination: Destination, context: Context) -> None:
        self._destination = cast("KafkaDestination", destination)
        self._configuration = _configuration(self._destination, context)
        self._connecting = asyncio.Lock()
        self._allowed = parse_networks(context.settings.allowed_networks)
        self._producer: _Producer | None = None

    async def publish(self, message: Message) -> Receipt:
        """Produce the body with the headers as record headers. Raises DeliveryError with Kafka's own code."""
        async with self._connecting:
            if self._producer and self._producer.ended:
                await self.close()
            if self._producer is None:
                await self._check_brokers()
                self._producer = _Producer(self._configuration, asyncio.get_running_loop())
            producer = self._producer
        key = field(message.body, self._destination.key) if self._destination.key else None
        return await producer.produce(self._destination.topic, message, key)

    async def _check_brokers(self) -> None:
        """Check the addresses of the URL's brokers, and of those that they name: a client connects to either."""
        for broker in self._destination.brokers:
            host, _, port = broker.rpartition(":")
            # one that does not resolve is librdkafka's to report: another may do
            with suppress(OSError):
                await checked_addresses(host, int(port), self._allowed)
        for named, number in await asyncio.to_thread(self._named_brokers):
            with suppress(OSError):
                await checked_addresses(named, number, self._allowed)

    def _named_brokers(self) -> list[tuple[str, int]]:
        # an idempotent producer would connect to any of them at once
        configuration = {**self._configuration, "enable.idempotence": False}
        seconds = configuration["message.timeout.ms"] / 1000
        try:
            metadata = AdminClient(configuration).list_topics(timeout=seconds)
        except KafkaException as exc:
            raise _refusal(exc.args[0]) from exc
        return [(str(broker.host), broker.port) for broker in metadata.brokers.values()]

    async def close(self) -> None:
        """End the producer's thread, drop what nobody waits for any more, and close all connections."""
        producer, self._producer = self._producer, None
        if producer:
            await asyncio.to_thread(producer.close)


class _Producer:
    """librdkafka's producer, with a thread that polls it: all answers of a poll are one call of the event loop.

    After a fatal error (the broker forgot the producer's id, for example) it has `ended`: make another.
    """

    def __init__(self, configuration: dict[str, Any], loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._trouble: KafkaError | None = None
        self._answers: list[Answer] = []
        self._stop = threading.Event()
        try:
            self._client = Producer(configuration, error_cb=self._troubled)
        except KafkaException as exc:
            raise SetupError(f"Kafka's client refuses its configuration: {exc.args[0].str()}") from exc
        self._thread = threading.Thread(target=self._poll, name="kafka", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing more can be produced."""
        return self._stop.is_set()

    def produce(self, topic: str, message: Message, key: str | None) -> asyncio.Future[Receipt]:
        """Hand a record over; return the future of its receipt. Raises DeliveryError."""
        future: asyncio.Future[Receipt] = self._loop.create_future()

        def answer(error: KafkaError | None, record: Record) -> None:
            if error is not None:
                self._answers.append((future, _refusal(error, self._trouble)))
            else:
                self._trouble = None
                self._answers.append((future, acknowledged(partition=record.partition(), offset=record.offset())))

        try:
            self._client.produce(
                topic,
                message.body,
                key,
                headers=[(name, value.encode()) for name, value in message.headers.items()],
                on_delivery=answer,
            )
        except KafkaException as exc:
            raise _refusal(exc.args[0], self._trouble) from exc
        except BufferError as exc:
            raise DeliveryError("Kafka _QUEUE_FULL: the producer's queue is full", health=None) from exc
        return future

    def close(self) -> None:
        """Stop; blocks for a moment."""
        self._stop.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._stop.is_set():
            try:
                self._client.poll(POLL_SECONDS)
            except KafkaException as exc:
                self._troubled(exc.args[0])
                self._stop.set()
            self._hand_over()
        with suppress(KafkaException):
            self._client.purge()
            self._client.flush(1)
        self._hand_over()
        del self._client  # ends librdkafka's threads; it may block, so here

    def _hand_over(self) -> None:
        answers, self._answers = self._answers, []
        if answers:
            self._loop.call_soon_threadsafe(_settle_all, answers)

    def _troubled(self, error: KafkaError) -> None:
        self._trouble = error


def _refusal(error: KafkaError, trouble: KafkaError | None = None) -> DeliveryError:
    message = f"Kafka {error.name()}: {error.str()}"
    cause = error
    if error.name() in CONSEQUENCES and trouble:
        cause = trouble
        message += f"; before: {cause.name()}: {cause.str()}"
    if cause.name() in SETUP:
        return CredentialsError(message)
    if cause.name() in PERMANENT:
        return DeliveryError(message, permanent=True, health="answered")
    return DeliveryError(message, health=None if cause.name() in THROTTLED else "failed")


def _settle_all(answers: list[Answer]) -> None:
    for future, result in answers:
        settle(future, result)


def _configuration(destination: KafkaDestination, context: Context) -> dict[str, Any]:
    credentials = context.credentials
    context.check_credentials("Kafka", CREDENTIALS)
    # librdkafka looks for what timed out once a second; its error should come before the attempt's timeout cuts in
    seconds = context.settings.timeout_seconds
    milliseconds = round(max(seconds - 1.5, seconds / 2) * 1000)
    configuration: dict[str, Any] = {
        "bootstrap.servers": ",".join(destination.brokers),
        "security.protocol": f"{'SASL_' if destination.sasl else ''}{'SSL' if destination.tls else 'PLAINTEXT'}",
        "enable.idempotence": True,
        "acks": "all",
        # a name with a typing error is an error, not a new topic
        "allow.auto.create.topics": False,
        "topic.metadata.propagation.max.ms": round(min(TOPIC_SECONDS * 1000, milliseconds)),
        "message.timeout.ms": milliseconds,
        "request.timeout.ms": milliseconds,
        "socket.timeout.ms": max(milliseconds, 10),
        "reconnect.backoff.max.ms": 1000,
        "batch.size": BATCH_BYTES,
        "message.max.bytes": MESSAGE_BYTES,
        "client.id": "supabase-webhooks",
        # it would say a line each second while a broker is away: the attempt log says it
        "log_level": 2,
    }
    if destination.sasl:
        if destination.sasl == "PLAIN" and not destination.tls:
            raise SetupError("sasl=PLAIN sends the password as it is; add tls=true to the URL")
        if missing := {"username", "password"} - set(credentials):
            raise SetupError(
                f"sasl={destination.sasl} needs a credentials_profile with {' and '.join(sorted(missing))}"
            )
        configuration |= {
            "sasl.mechanisms": destination.sasl,
            "sasl.username": credentials["username"],
            "sasl.password": credentials["password"],
        }
    if "ca_file" in credentials:
        configuration["ssl.ca.location"] = credentials["ca_file"]
    return configuration
