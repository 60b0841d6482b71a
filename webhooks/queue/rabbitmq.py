"""RabbitMQ: a queue of jobs, and for each turn a queue with room for one message. Needs the extra `rabbitmq`."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.errors import BrokerConnectionError
from pika import BasicProperties, BlockingConnection, URLParameters
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError, ChannelClosedByBroker, ConnectionBlockedTimeout, NackError

from supabase_webhooks.webhooks.errors import QueueUnavailable, SettingsError
from supabase_webhooks.webhooks.queue.port import (
    QUEUE,
    READY,
    READY_SECONDS,
    READY_TIMEOUT,
    TIMEOUT,
    SharedBroker,
    drain,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dramatiq import Consumer, Message, Middleware

Result = TypeVar("Result")

#: Seconds for a connection from TCP to AMQP. pika requires more than for TCP alone.
CONNECT_MORE = 2

#: Seconds after which a call fails, whatever pika waits for: pika has no time limit for calls.
PATIENCE = 10.0

#: Network errors. A timeout on the way is not one of pika's AMQPErrors.
FAILURES = (AMQPError, AMQPConnectorException, BrokerConnectionError, OSError)

#: A turn's queue holds one message; RabbitMQ rejects a second one until the first has expired. One that someone else
#: published expires too.
TURN_ARGUMENTS = {"x-max-length": 1, "x-overflow": "reject-publish", "x-message-ttl": 60_000}

#: The suffix of such a queue's name: RabbitMQ would not redeclare an earlier version's queue with other arguments.
TURN_SUFFIX = ":1m"

#: AMQP's reply to declaring a queue that exists with other arguments: PRECONDITION_FAILED.
OTHERWISE = 406

#: The queue of ping holds the last message only.
READY_ARGUMENTS = {"x-max-length": 1}


class RabbitMQ(RabbitmqBroker, SharedBroker):
    """Dramatiq's broker on RabbitMQ. Messages are confirmed, so that one that was not accepted is an error here too.

    pika's connections belong to one thread, and RabbitMQ closes an idle one, which sends no heartbeats. So
    our calls run in one thread, which starts with the first call, and every connection is closed after its use,
    except that of a process that takes turns, a worker: it is used again within a second.
    """

    service: ClassVar[str] = "RabbitMQ"

    def __init__(self, url: str, middleware: Sequence[Middleware] = ()) -> None:
        super().__init__(confirm_delivery=True, middleware=list(middleware))
        self._url = url
        self.parameters = _parameters(url)
        # it logs each failure in a dozen lines, with tracebacks; we also get it as an error, and log it once
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rabbitmq")
        self._takes_turns = False

    def announce(self, jobs: int) -> int:
        """Count what is ready, enqueue what is missing. Counting declares the queues in case they were deleted."""

        def top_up() -> int:
            waiting, _, _ = self.get_queue_message_counts(QUEUE)
            missing = max(0, jobs - waiting)
            for _ in range(missing):
                self.enqueue(drain())
            return missing

        return self._ask("did not accept the jobs", top_up)

    def announce_later(self, milliseconds: int) -> None:
        """Enqueue to Dramatiq's delay queue: a worker holds the message, and loses it when it is killed."""
        self._ask("did not accept the wake-up call", lambda: self.enqueue(drain(), delay=milliseconds))

    def take_turn(self, turn: str, *, owner: str, milliseconds: int) -> bool:
        """Publish a message that expires to a queue with room for one."""
        self._takes_turns = True

        def publish() -> bool:
            queue = f"{turn}{TURN_SUFFIX}"
            try:
                self.channel.queue_declare(queue, durable=True, arguments=TURN_ARGUMENTS)
            except ChannelClosedByBroker as exc:
                if exc.reply_code != OTHERWISE:
                    raise
                # someone else's, in which a turn might never end
                del self.connection
                self.channel.queue_delete(queue)
                self.channel.queue_declare(queue, durable=True, arguments=TURN_ARGUMENTS)
            try:
                self.channel.basic_publish("", queue, owner.encode(), BasicProperties(expiration=str(milliseconds)))
            except NackError:
                return False
            return True

        return self._ask("did not respond", publish)

    def ping(self) -> None:
        """Publish to a queue of its own: one that is short of memory or disk responds, but accepts no message."""
        try:
            with BlockingConnection(_parameters(self._url, READY_TIMEOUT)) as connection:
                channel = connection.channel()
                channel.confirm_delivery()
                channel.queue_declare(READY, durable=True, arguments=READY_ARGUMENTS)
                expiration = str(READY_SECONDS * 1000)
                channel.basic_publish("", READY, b"", BasicProperties(expiration=expiration), mandatory=True)
        except ConnectionBlockedTimeout as exc:
            raise QueueUnavailable(
                "RabbitMQ accepts no messages: it is short of memory or disk space", service="rabbitmq"
            ) from exc
        except FAILURES as exc:
            raise self.unavailable("did not respond", exc) from exc

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Consumer:
        """As Dramatiq; the consumer has a connection of its own."""
        try:
            return super().consume(queue_name, prefetch, timeout)
        finally:
            self._let_go()

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        """As Dramatiq, whose consumers too enqueue what they held."""
        try:
            return super().enqueue(message, delay=delay)
        finally:
            self._let_go()

    def close(self) -> None:
        """Close all connections, and end our thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _ask(self, failure: str, work: Callable[[], Result]) -> Result:
        asked = self._thread.submit(self._connected, work)
        try:
            return asked.result(PATIENCE)
        except FAILURES as exc:
            asked.cancel()
            raise self.unavailable(failure, exc) from exc

    def _connected(self, work: Callable[[], Result]) -> Result:
        """Use this thread's connection; retry once if it was an old one, which may have ended unnoticed."""
        old = hasattr(self.state, "connection")
        self.state.held = True
        try:
            try:
                return work()
            except AMQPError:
                if not old:
                    raise
                del self.connection
                return work()
        finally:
            self.state.held = self._takes_turns
            self._let_go()

    def _let_go(self) -> None:
        """Close this thread's connection, unless it is held."""
        if not getattr(self.state, "held", False):
            del self.connection


def _parameters(url: str, timeout: float = TIMEOUT) -> Any:  # noqa: ANN401 - pika is not typed
    try:
        parameters = URLParameters(url)
    except (ValueError, TypeError):
        # not repeated: it holds a password
        raise SettingsError("RabbitMQ's URL must be like amqp://user:password@host:5672/vhost?heartbeat=30") from None
    parameters.socket_timeout = timeout
    parameters.stack_timeout = timeout + CONNECT_MORE
    # how long RabbitMQ, when short of memory or disk, may block publishing
    parameters.blocked_connection_timeout = timeout
    parameters.client_properties = {"connection_name": "supabase-webhooks"}
    return parameters
