"""`python -m devstack.pubsub_server PORT`: a small Google Pub/Sub over gRPC, in memory.

It speaks the published google.pubsub.v1 types: topics, subscriptions, Publish, Pull, StreamingPull and Acknowledge,
within Google's limits of a message. Publishing to a topic fails with the gRPC status code that its label `fails_with`
names, such as permission_denied; creating it again takes its labels.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: A publish request's size at most (https://cloud.google.com/pubsub/quotas#resource_limits).
REQUEST_BYTES = 10_000_000

#: Messages in a publish request at most, from the same page.
REQUEST_MESSAGES = 1000

#: Of one message, from the same page: attributes, bytes of a name, of a value, and of an ordering key.
ATTRIBUTES, NAME_BYTES, VALUE_BYTES, ORDERING_KEY_BYTES = 100, 256, 1024, 1024

#: Seconds after which a stream looks whether its client is still there.
LOOK = 0.5

#: Calls at once: an open stream takes one, and npm's client opens five for each subscription.
CALLS = 64


class PubSub:
    """Topics with their subscriptions; each keeps a message until it is acknowledged.

    A message goes to one stream of a subscription, and to another when that ends or the client rejects it. No deadline
    passes here.
    """

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._numbers = itertools.count(1)
        self._topics: dict[str, list[str]] = {}
        self._codes: dict[str, grpc.StatusCode] = {}
        self._waiting: dict[str, dict[str, types.PubsubMessage]] = defaultdict(dict)
        #: subscription -> message -> the stream that has it
        self._taken: dict[str, dict[str, object]] = defaultdict(dict)

    def create_topic(self, topic: types.Topic, _: grpc.ServicerContext) -> types.Topic:
        """Make a topic; of one that exists, only its label is replaced."""
        with self._lock:
            self._topics.setdefault(topic.name, [])
            self._codes.pop(topic.name, None)
            if code := topic.labels.get("fails_with"):
                self._codes[topic.name] = grpc.StatusCode[code.upper()]
        return topic

    def create_subscription(self, wanted: types.Subscription, context: grpc.ServicerContext) -> types.Subscription:
        """Make a subscription to a topic."""
        with self._lock:
            self._subscriptions(wanted.topic, context).append(wanted.name)
        return wanted

    def publish(self, request: types.PublishRequest, context: grpc.ServicerContext) -> types.PublishResponse:
        """Hand the messages to all subscriptions of the topic."""
        if types.PublishRequest.pb(request).ByteSize() > REQUEST_BYTES:
            _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, "The request is larger than 10000000 bytes.")
        if len(request.messages) > REQUEST_MESSAGES:
            _refuse(
                context, grpc.StatusCode.INVALID_ARGUMENT, f"The request has more than {REQUEST_MESSAGES} messages."
            )
        for message in request.messages:
            if problem := _problem(message):
                _refuse(context, grpc.StatusCode.INVALID_ARGUMENT, problem)
        if code := self._codes.get(request.topic):
            _refuse(context, code, "User not authorized to perform this action.")
        with self._lock:
            subscriptions = self._subscriptions(request.topic, context)
            for message in request.messages:
                message.message_id = str(next(self._numbers))
                for subscription in subscriptions:
                    self._waiting[subscription][message.message_id] = message
            self._lock.notify_all()
        return types.PublishResponse(message_ids=[message.message_id for message in request.messages])

    def pull(self, request: types.PullRequest, _: grpc.ServicerContext) -> types.PullResponse:
        """Return what is not acknowledged, the oldest first."""
        with self._lock:
            waiting = itertools.islice(self._waiting[request.subscription].items(), request.max_messages)
            messages = [types.ReceivedMessage(ack_id=number, message=message) for number, message in waiting]
        return types.PullResponse(received_messages=messages)

    def streaming_pull(
        self, requests: Iterator[types.StreamingPullRequest], context: grpc.ServicerContext
    ) -> Iterator[types.StreamingPullResponse]:
        """Send messages as they come, each once, until the client ends the stream."""
        stream, first = object(), next(requests)
        subscription = first.subscription
        with self._lock:
            if not any(subscription in names for names in self._topics.values()):
                _refuse(context, grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={subscription}).")
        threading.Thread(target=self._listen, args=(subscription, requests), daemon=True).start()
        try:
            while context.is_active():
                with self._lock:
                    taken = self._taken[subscription]
                    free = [(number, m) for number, m in self._waiting[subscription].items() if number not in taken]
                    taken |= dict.fromkeys((number for number, _ in free), stream)
                    if not free:
                        self._lock.wait(LOOK)
                if free:
                    received = [types.ReceivedMessage(ack_id=number, message=message) for number, message in free]
                    yield types.StreamingPullResponse(received_messages=received)
        finally:
            with self._lock:
                self._reject(subscription, [n for n, by in self._taken[subscription].items() if by is stream])

    def acknowledge(self, request: types.AcknowledgeRequest, _: grpc.ServicerContext) -> Empty:
        """Forget messages."""
        with self._lock:
            self._forget(request.subscription, request.ack_ids)
        return Empty()

    def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest, _: grpc.ServicerContext) -> Empty:
        """Take messages back for which there are 0 seconds left."""
        if request.ack_deadline_seconds == 0:
            with self._lock:
                self._reject(request.subscription, request.ack_ids)
        return Empty()

    def _listen(self, subscription: str, requests: Iterator[types.StreamingPullRequest]) -> None:
        # the stream's end
        with suppress(grpc.RpcError):
            for request in requests:
                deadlines = zip(request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True)
                with self._lock:
                    self._forget(subscription, request.ack_ids)
                    self._reject(subscription, [number for number, seconds in deadlines if seconds == 0])

    def _forget(self, subscription: str, numbers: Iterable[str]) -> None:
        for number in numbers:
            self._waiting[subscription].pop(number, None)
            self._taken[subscription].pop(number, None)

    def _reject(self, subscription: str, numbers: Iterable[str]) -> None:
        for number in numbers:
            self._taken[subscription].pop(number, None)
        self._lock.notify_all()

    def _subscriptions(self, topic: str, context: grpc.ServicerContext) -> list[str]:
        if topic not in self._topics:
            _refuse(context, grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={topic.rsplit('/', 1)[-1]}).")
        return self._topics[topic]


def _problem(message: types.PubsubMessage) -> str | None:
    """Return what of a message is beyond the limits."""
    if len(message.attributes) > ATTRIBUTES:
        return f"The message has more than {ATTRIBUTES} attributes."
    for name, value in message.attributes.items():
        if not name or len(name.encode()) > NAME_BYTES or name.startswith("goog"):
            return f"The attribute key is not valid: {name[:NAME_BYTES]!r}."
        if len(value.encode()) > VALUE_BYTES:
            return f"The value of attribute {name!r} is larger than {VALUE_BYTES} bytes."
    if len(message.ordering_key.encode()) > ORDERING_KEY_BYTES:
        return f"The ordering key is larger than {ORDERING_KEY_BYTES} bytes."
    return None


def _refuse(context: grpc.ServicerContext, code: grpc.StatusCode, details: str) -> NoReturn:
    context.abort(code, details)
    raise AssertionError  # abort raises


#: Whether both sides stream -> gRPC's handler.
HANDLERS = {False: grpc.unary_unary_rpc_method_handler, True: grpc.stream_stream_rpc_method_handler}


def serve(
    port: int, credentials: grpc.ServerCredentials | None = None, *interceptors: grpc.ServerInterceptor
) -> grpc.Server:
    """Return a running server; with credentials it speaks TLS."""
    pubsub = PubSub()
    services: dict[str, dict[str, tuple[Callable[..., Any], Any]]] = {
        "google.pubsub.v1.Publisher": {
            "CreateTopic": (pubsub.create_topic, types.Topic),
            "Publish": (pubsub.publish, types.PublishRequest),
        },
        "google.pubsub.v1.Subscriber": {
            "CreateSubscription": (pubsub.create_subscription, types.Subscription),
            "Pull": (pubsub.pull, types.PullRequest),
            "Acknowledge": (pubsub.acknowledge, types.AcknowledgeRequest),
            "ModifyAckDeadline": (pubsub.modify_ack_deadline, types.ModifyAckDeadlineRequest),
            "StreamingPull": (pubsub.streaming_pull, types.StreamingPullRequest),
        },
    }
    options = [("grpc.max_receive_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(CALLS), options=options, interceptors=interceptors)
    for service, methods in services.items():
        handlers = {
            name: HANDLERS[name == "StreamingPull"](
                method, request_deserializer=request.deserialize, response_serializer=_serialize
            )
            for name, (method, request) in methods.items()
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    address = f"127.0.0.1:{port}"
    if credentials:
        server.add_secure_port(address, credentials)
    else:
        server.add_insecure_port(address)
    server.start()
    return server


def _serialize(response: Any) -> bytes:  # noqa: ANN401 - proto-plus and protobuf messages
    return bytes(response.SerializeToString() if isinstance(response, Empty) else type(response).serialize(response))


if __name__ == "__main__":
    serve(int(sys.argv[1])).wait_for_termination()
