"""Apache Kafka: one record for each delivery, by librdkafka's idempotent producer with acks=all.

Source: https://kafka.apache.org/protocol#protocol_error_codes and
https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from supabase_webhooks.webhooks.addresses import parse_networks
from supabase_webhooks.webhooks.deliveries import field
from supabase_webhooks.webhooks.errors import CredentialsError, DeliveryError, SetupError
from supabase_webhooks.workers.adapters.connections import checked_addresses
from supabase_webhooks.workers.adapters.receipts import acknowledged, settle

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from confluent_kafka import Message as Record

    from supabase_webhooks.webhooks.deliveries import Message, Receipt
    from supabase_webhooks.webhooks.destinations import Destination, KafkaDestination
    from supabase_webhooks.workers.adapters import Context

#: What a profile of WEBHOOKS_CREDENTIALS may hold.
CREDENTIALS = ("username", "password", "ca_file")

#: A broker rejects a whole batch that exceeds its limit: with small batches, a large delivery does not fail others.
BATCH_BYTES = 64 * 1024

#: Above what brokers usually accept (1 MiB by default), so that their limit applies.
MESSAGE_BYTES = 16 * 1024 * 1024

#: Seconds after which a poll that found nothing checks whether to stop.
POLL_SECONDS = 0.2

#: Bytes of a response, which a broker announces before it sends them; librdkafka's own bound is 100 MB. The largest is
#: a topic's metadata: some 50 bytes a partition, and as few as 13 a broker, for each of which there is a thread.
#: The first limit is for untrusted brokers, the second for those that a profile's password belongs to.
RESPONSE_BYTES, TRUSTED_BYTES = 64 * 1024, 2 * 1024 * 1024

#: Seconds for a topic's own limit; without it, a batch that is rejected is sent again, each record alone.
LIMIT_SECONDS = 2.0

#: Seconds between checks for rejected credentials.
LOOK_SECONDS = 0.05

#: Seconds that a topic may take to appear in the brokers' metadata before it counts as missing.
TOPIC_SECONDS = 2.0

#: The worker's setup: credentials, permissions, and a topic that does not exist (yet).
SETUP = frozenset(
    {
        "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC", "_UNKNOWN_PARTITION", "UNKNOWN_TOPIC_ID",
        "TOPIC_AUTHORIZATION_FAILED", "CLUSTER_AUTHORIZATION_FAILED", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED",
        "SASL_AUTHENTICATION_FAILED", "_AUTHENTICATION", "UNSUPPORTED_SASL_MECHANISM", "ILLEGAL_SASL_STATE", "_SSL",
    }
)  # fmt: skip

#: Verdicts on a whole batch, for one of its records perhaps.
OF_A_BATCH = frozenset(
    {
        "MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD", "POLICY_VIOLATION",
        "_INVALID_DIFFERENT_RECORD",
    }
)  # fmt: skip

#: Verdicts that a retry cannot change.
PERMANENT = (OF_A_BATCH | {"TOPIC_EXCEPTION"}) - {"_INVALID_DIFFERENT_RECORD"}

#: Busy, not failing.
THROTTLED = frozenset({"_QUEUE_FULL", "THROTTLING_QUOTA_EXCEEDED"})

#: Follow-up errors; the earlier error says more.
CONSEQUENCES = frozenset(
    {"_MSG_TIMED_OUT", "_TIMED_OUT", "_TRANSPORT", "_ALL_BROKERS_DOWN", "_PURGE_QUEUE", "_PURGE_INFLIGHT", "_FATAL"}
)


class BatchRejected(DeliveryError):  # noqa: N818 - reads as what it is
    """Raised when a broker rejected a batch that may contain several records."""


Client = TypeVar("Client")

#: Concurrent requests to brokers: each holds a thread until the response, and some brokers never respond.
_ASKING = ThreadPoolExecutor(64, thread_name_prefix="asyncio_kafka")

Report = tuple["asyncio.Future[Receipt]", "Receipt | DeliveryError"]


class KafkaAdapter:
    """Produces to one topic."""

    def __init__(self, destination: Destination, context: Context) -> None:
        self._destination = cast("KafkaDestination", destination)
        self._configuration = _configuration(self._destination, context)
        self._profile = context.profile
        self._connecting = asyncio.Lock()
        self._allowed = parse_networks(context.settings.allowed_networks)
        #: Whether each record is a batch of its own -> the producer.
        self._producers: dict[bool, _Producer] = {}

    async def publish(self, message: Message) -> Receipt:
        """Produce the body with the headers as record headers. Raises DeliveryError with Kafka's own code."""
        key = field(message.body, self._destination.key) if self._destination.key else None
        produced = (await self._producer(alone=False)).produce(self._destination.topic, message, key)
        try:
            return await produced
        except BatchRejected:
            # the whole batch, perhaps because of another record
            return await (await self._producer(alone=True)).produce(self._destination.topic, message, key)

    async def _producer(self, *, alone: bool) -> _Producer:
        async with self._connecting:
            if any(producer.ended for producer in self._producers.values()):
                await self.close()
            if not self._producers:
                await self._prepare()
            if alone not in self._producers:
                configuration = {**self._configuration, **({"batch.num.messages": 1} if alone else {})}
                self._producers[alone] = _Producer(configuration, asyncio.get_running_loop(), alone=alone)
            return self._producers[alone]

    async def _prepare(self) -> None:
        """Check the brokers, and read the topic's limit; raises if either or the credentials are wrong."""
        for broker in self._destination.brokers:
            host, _, port = broker.rpartition(":")
            # librdkafka reports one that does not resolve: another may work
            with suppress(OSError):
                await checked_addresses(host, int(port), self._allowed)
        admin = _Admin(self._configuration)
        try:
            named = await admin.brokers(self._destination.topic)
            # a client connects to any of them, with its password
            self._profile.check(f"{host}:{number}" for host, number in named)
            for host, number in named:
                with suppress(OSError):
                    await checked_addresses(host, number, self._allowed)
            limit = await admin.limit(self._destination.topic)
            self._configuration["batch.size"] = min(BATCH_BYTES, limit or BATCH_BYTES)
        finally:
            admin.close()

    async def close(self) -> None:
        """End the producers' threads, drop records that no caller waits for, and close all connections."""
        producers, self._producers = self._producers, {}
        await asyncio.gather(*(asyncio.to_thread(producer.close) for producer in producers.values()))


class _Admin:
    """A client that asks before anything is produced: it connects to the brokers of the URL only."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self._trouble: KafkaError | None = None
        self._seconds = configuration["message.timeout.ms"] / 1000
        # an idempotent producer would connect to any broker at once
        self._client = _made(AdminClient, {**configuration, "enable.idempotence": False}, self._troubled)

    async def brokers(self, topic: str) -> list[tuple[str, int]]:
        """Return the hosts and ports of all brokers. Raises DeliveryError."""
        # of one topic, since all of a cluster's may come to more than is read
        metadata = await self._result(_ASKING.submit(self._client.list_topics, topic, self._seconds))
        return [(str(broker.host), broker.port) for broker in metadata.brokers.values()]

    async def limit(self, topic: str) -> int | None:
        """Return the bytes that a topic takes in a batch, or None without permission to ask for it."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        asked = self._client.describe_configs([resource], request_timeout=min(self._seconds / 4, LIMIT_SECONDS))
        try:
            return int((await self._result(asked[resource]))["max.message.bytes"].value)
        except (DeliveryError, KeyError, ValueError, TypeError):
            return None

    def close(self) -> None:
        """Close all connections, aside: it may block for a moment."""
        threading.Thread(target=self._end, name="kafka_closing", daemon=True).start()

    def _end(self) -> None:
        del self._client

    async def _result(self, future: Future[Any]) -> Any:  # noqa: ANN401 - the SDK's own types
        while not future.done():
            # not as an awaited future: cancelled, it would break the SDK's callback
            await asyncio.sleep(LOOK_SECONDS)
            self._client.poll(0)
            if not future.done() and self._trouble and self._trouble.name() == "_AUTHENTICATION":
                # the client would go on trying
                raise _refusal(self._trouble)
        try:
            return future.result()
        except KafkaException as exc:
            raise _refusal(exc.args[0], self._trouble) from exc

    def _troubled(self, error: KafkaError) -> None:
        self._trouble = error


class _Producer:
    """librdkafka's producer, with a thread that polls it: all reports of a poll are one call of the event loop.

    After a fatal error (for example, the broker forgot the producer's id) it has `ended`: create another.
    """

    def __init__(self, configuration: dict[str, Any], loop: asyncio.AbstractEventLoop, *, alone: bool) -> None:
        self._loop = loop
        self._alone = alone
        self._trouble: KafkaError | None = None
        self._reports: list[Report] = []
        self._stop = threading.Event()
        self._client = _made(Producer, configuration, self._troubled)
        self._thread = threading.Thread(target=self._poll, name="kafka", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether nothing more can be produced."""
        return self._stop.is_set()

    def produce(self, topic: str, message: Message, key: str | None) -> asyncio.Future[Receipt]:
        """Hand a record over; return the future of its receipt. Raises DeliveryError."""
        future: asyncio.Future[Receipt] = self._loop.create_future()

        def report(error: KafkaError | None, record: Record) -> None:
            if error is not None:
                refusal = _refusal(error, self._trouble)
                if not self._alone and error.name() in OF_A_BATCH:
                    refusal = BatchRejected(str(refusal))
                self._reports.append((future, refusal))
            else:
                self._trouble = None
                self._reports.append((future, acknowledged(partition=record.partition(), offset=record.offset())))

        try:
            self._client.produce(
                topic,
                message.body,
                key,
                headers=[(name, value.encode()) for name, value in message.headers.items()],
                on_delivery=report,
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
        reports, self._reports = self._reports, []
        if reports:
            self._loop.call_soon_threadsafe(_settle_all, reports)

    def _troubled(self, error: KafkaError) -> None:
        self._trouble = error
        if error.fatal():
            self._stop.set()


def _made(kind: Callable[..., Client], configuration: dict[str, Any], troubled: Callable[[KafkaError], None]) -> Client:
    try:
        return kind(configuration, error_cb=troubled)
    except KafkaException as exc:
        raise SetupError(f"Kafka's client rejects its configuration: {exc.args[0].str()}") from exc


def _refusal(error: KafkaError, trouble: KafkaError | None = None) -> DeliveryError:
    message = f"Kafka {error.name()}: {error.str()}"
    cause = error
    if error.name() in CONSEQUENCES and trouble:
        cause = trouble
        message += f"; earlier: {cause.name()}: {cause.str()}"
    if cause.name() in SETUP:
        return CredentialsError(message)
    if cause.name() in PERMANENT:
        return DeliveryError(message, permanent=True, health="answered")
    return DeliveryError(message, health=None if cause.name() in THROTTLED else "failed")


def _settle_all(reports: list[Report]) -> None:
    for future, result in reports:
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
        # a misspelled name is an error, not a new topic
        "allow.auto.create.topics": False,
        "topic.metadata.propagation.max.ms": round(min(TOPIC_SECONDS * 1000, milliseconds)),
        "message.timeout.ms": milliseconds,
        "request.timeout.ms": milliseconds,
        "socket.timeout.ms": max(milliseconds, 10),
        "reconnect.backoff.max.ms": 1000,
        "batch.size": BATCH_BYTES,
        "message.max.bytes": MESSAGE_BYTES,
        "receive.message.max.bytes": TRUSTED_BYTES if destination.sasl else RESPONSE_BYTES,
        # brokers may ask a client for its metrics (KIP-714); and what it keeps for that is 60 KB a broker
        "enable.metrics.push": False,
        "client.id": "supabase-webhooks",
        # it would log a line each second while a broker is down: the attempt log has it
        "log_level": 2,
    }
    if destination.sasl:
        if destination.sasl == "PLAIN" and not destination.tls:
            raise SetupError("sasl=PLAIN sends the password in plain text; add tls=true to the URL")
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
