"""`python -m devstack.pubsub_server PORT`: a small Google Pub/Sub over gRPC, in memory.

It speaks the published google.pubsub.v1 types: topics, subscriptions, Publish, Pull and Acknowledge.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

if TYPE_CHECKING:
    from collections.abc import Callable

#: A publish request's size at most (https://cloud.google.com/pubsub/quotas#resource_limits).
REQUEST_BYTES = 10_000_000


class PubSub:
    """Topics with their subscriptions; each keeps a message until it is acknowledged."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._topics: dict[str, list[str]] = {}
        self._waiting: dict[str, dict[str, types.PubsubMessage]] = defaultdict(dict)

    def create_topic(self, topic: types.Topic, _: grpc.ServicerContext) -> types.Topic:
        """Make a topic; one that exists stays as it is."""
        with self._lock:
            self._topics.setdefault(topic.name, [])
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
        with self._lock:
            subscriptions = self._subscriptions(request.topic, context)
            for message in request.messages:
                message.message_id = str(next(self._numbers))
                for subscription in subscriptions:
                    self._waiting[subscription][message.message_id] = message
        return types.PublishResponse(message_ids=[message.message_id for message in request.messages])

    def pull(self, request: types.PullRequest, _: grpc.ServicerContext) -> types.PullResponse:
        """Return what is not acknowledged, the oldest first."""
        with self._lock:
            waiting = itertools.islice(self._waiting[request.subscription].items(), request.max_messages)
            messages = [types.ReceivedMessage(ack_id=number, message=message) for number, message in waiting]
        return types.PullResponse(received_messages=messages)

    def acknowledge(self, request: types.AcknowledgeRequest, _: grpc.ServicerContext) -> Empty:
        """Forget messages."""
        with self._lock:
            for number in request.ack_ids:
                self._waiting[request.subscription].pop(number, None)
        return Empty()

    def _subscriptions(self, topic: str, context: grpc.ServicerContext) -> list[str]:
        if topic not in self._topics:
            _refuse(context, grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={topic.rsplit('/', 1)[-1]}).")
        return self._topics[topic]


def _refuse(context: grpc.ServicerContext, code: grpc.StatusCode, details: str) -> NoReturn:
    context.abort(code, details)
    raise AssertionError  # abort raises


def serve(port: int) -> grpc.Server:
    """Return a running server."""
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
        },
    }
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", -1)])
    for service, methods in services.items():
        handlers = {
            name: grpc.unary_unary_rpc_method_handler(
                method, request_deserializer=request.deserialize, response_serializer=_serialize
            )
            for name, (method, request) in methods.items()
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    return server


def _serialize(response: Any) -> bytes:  # noqa: ANN401 - proto-plus and protobuf messages
    return bytes(response.SerializeToString() if isinstance(response, Empty) else type(response).serialize(response))


if __name__ == "__main__":
    serve(int(sys.argv[1])).wait_for_termination()
