"""Google Cloud Pub/Sub: one message for each delivery.

Source: https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#publisher, and for the errors
https://cloud.google.com/pubsub/docs/reference/error-codes
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, cast

import google.auth
import grpc.aio
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import TokenState
from google.pubsub_v1.services.publisher import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PublishResponse, PubsubMessage

from supabase_webhooks.webhooks.deliveries import field
from supabase_webhooks.webhooks.destinations import LIMITS
from supabase_webhooks.webhooks.errors import CredentialsError, DeliveryError
from supabase_webhooks.workers.adapters.receipts import acknowledged
from supabase_webhooks.workers.adapters.tokens import Request, from_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from supabase_webhooks.webhooks.deliveries import Health, Message, Receipt
    from supabase_webhooks.webhooks.destinations import Destination, PubSubDestination
    from supabase_webhooks.workers.adapters import Context

HOST = "pubsub.googleapis.com"
SCOPES = ("https://www.googleapis.com/auth/pubsub",)

#: The address of an emulator, as in all of Google's SDKs.
EMULATOR = "PUBSUB_EMULATOR_HOST"

#: Bytes of a response that are read, and of its head: it has one message's id.
RESPONSE_BYTES, HEAD_BYTES = 64 * 1024, 16 * 1024

OPTIONS = [
    # gRPC waits up to two minutes between its tries to connect: longer than our own backoff
    ("grpc.max_reconnect_backoff_ms", 5000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", RESPONSE_BYTES),
    ("grpc.max_metadata_size", HEAD_BYTES),
    ("grpc.absolute_max_metadata_size", HEAD_BYTES),
]

#: Status codes that a retry cannot change.
PERMANENT = frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED"})

#: The worker's setup: credentials, permissions, and a topic that does not exist (yet).
SETUP = frozenset({"NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"})

#: What other codes say about the topic's health, if not a failure: out of quota means busy, not failing.
HEALTH: dict[str, Health | None] = {"RESOURCE_EXHAUSTED": None, "ABORTED": None}


class PubSubAdapter:
    """Publishes to one topic. The SDK makes one attempt: the worker retries."""

    def __init__(self, destination: Destination, context: Context) -> None:
        self._destination = cast("PubSubDestination", destination)
        self._topic = f"projects/{self._destination.project}/topics/{self._destination.topic}"
        context.check_credentials("Pub/Sub", ("credentials_file",))
        self._file = context.credentials.get("credentials_file")
        self._timeout = context.settings.timeout_seconds
        self._connecting = asyncio.Lock()
        self._client: PublisherAsyncClient | None = None
        #: google.auth's, or None where an emulator needs none
        self._credentials: Any = None

    async def publish(self, message: Message) -> Receipt:
        """Publish the body with the headers as attributes. Raises DeliveryError with the gRPC status code."""
        key = self._destination.ordering_key
        ordering_key = (field(message.body, key) if key else None) or ""
        LIMITS["pubsub"].check(message.headers, ordering_key)
        client = await self._connected()
        try:
            response: PublishResponse | None = await client.publish(
                topic=self._topic,
                messages=[PubsubMessage(data=message.body, attributes=message.headers, ordering_key=ordering_key)],
                retry=None,
                timeout=self._timeout,
                metadata=await self._authorization(),
            )
        except GoogleAPICallError as exc:
            raise _refusal(exc) from exc
        except DeliveryError:
            raise
        except Exception as exc:
            # gRPC may raise anything for a response that is not Pub/Sub's
            raise DeliveryError(f"Pub/Sub: the response is not from Pub/Sub ({type(exc).__name__})") from exc
        # a call that ends without a message is a success to gRPC
        ids = [] if response is None else response.message_ids
        if not ids:
            raise DeliveryError("Pub/Sub did not report the message's result")
        return acknowledged(message_id=ids[0])

    async def close(self) -> None:
        """Close the channel."""
        if self._client is not None:
            await self._client.transport.close()  # type: ignore[no-untyped-call]
            self._client = None

    async def _connected(self) -> PublisherAsyncClient:
        async with self._connecting:
            if self._client is None:
                if emulator := os.environ.get(EMULATOR):
                    channel = grpc.aio.insecure_channel(emulator, options=OPTIONS)
                else:
                    # reads files and asks the metadata server: blocking
                    self._credentials = await _with_google(self._load_credentials)
                    channel = grpc.aio.secure_channel(HOST, grpc.ssl_channel_credentials(), options=OPTIONS)
                self._client = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
            return self._client

    async def _authorization(self) -> list[tuple[str, str]]:
        """Return the headers that carry a token. Raises CredentialsError.

        Not left to gRPC, which would hide why there is no token in an error that reads as an outage of Pub/Sub.
        """
        if self._credentials is None:
            return []
        headers: dict[str, str] = {}
        async with self._connecting:
            if self._credentials.token_state is not TokenState.FRESH:
                await _with_google(self._credentials.refresh, Request())
        self._credentials.apply(headers)
        return [(name.lower(), value) for name, value in headers.items()]

    def _load_credentials(self) -> Any:  # noqa: ANN401 - google.auth is not typed
        if self._file:
            return from_file(self._file, SCOPES)
        return google.auth.default(scopes=SCOPES, request=Request())[0]


async def _with_google(call: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - google.auth is not typed
    """Call google.auth in a thread. Raises CredentialsError: no file, no key in it, or no token for it."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except Exception as exc:
        # besides GoogleAuthError, whatever an invalid file causes
        raise CredentialsError(f"Pub/Sub {type(exc).__name__}: {exc}") from exc


def _refusal(exc: GoogleAPICallError) -> DeliveryError:
    code = exc.grpc_status_code.name if exc.grpc_status_code else "UNKNOWN"
    message = f"Pub/Sub {code}: {exc.message or 'no details'}"
    if code in SETUP:
        return CredentialsError(message)
    permanent = code in PERMANENT
    return DeliveryError(
        message,
        permanent=permanent,
        health="answered" if permanent else HEALTH.get(code, "failed"),
    )
