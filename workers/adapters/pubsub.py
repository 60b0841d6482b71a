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
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1.services.publisher import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.types import PubsubMessage

from webhooks.deliveries import field
from webhooks.destinations import LIMITS
from webhooks.errors import CredentialsError, DeliveryError
from workers.adapters.receipts import acknowledged

if TYPE_CHECKING:
    from webhooks.deliveries import Health, Message, Receipt
    from webhooks.destinations import Destination, PubSubDestination
    from workers.adapters import Context

HOST = "pubsub.googleapis.com"
SCOPES = ("https://www.googleapis.com/auth/pubsub",)

#: The address of an emulator, as in all of Google's SDKs.
EMULATOR = "PUBSUB_EMULATOR_HOST"

#: gRPC waits up to two minutes between its tries to connect: longer than our own backoff.
OPTIONS = [("grpc.max_reconnect_backoff_ms", 5000), ("grpc.max_send_message_length", -1)]

#: Status codes that no retry helps.
PERMANENT = frozenset({"INVALID_ARGUMENT", "OUT_OF_RANGE", "UNIMPLEMENTED"})

#: The worker's setup: credentials, permissions, and a topic that is not there (yet).
SETUP = frozenset({"NOT_FOUND", "PERMISSION_DENIED", "UNAUTHENTICATED"})

#: What other codes tell of the topic's health where it is not a failure: out of quota is busy, not ill.
HEALTH: dict[str, Health | None] = {"RESOURCE_EXHAUSTED": None, "ABORTED": None}


class PubSubAdapter:
    """Publishes to one topic. The SDK makes one try: retries are the worker's."""

    def __init__(self, destination: Destination, context: Context) -> None:
        self._destination = cast("PubSubDestination", destination)
        self._topic = f"projects/{self._destination.project}/topics/{self._destination.topic}"
        context.check_credentials("Pub/Sub", ("credentials_file",))
        self._file = context.credentials.get("credentials_file")
        self._timeout = context.settings.timeout_seconds
        self._connecting = asyncio.Lock()
        self._client: PublisherAsyncClient | None = None

    async def publish(self, message: Message) -> Receipt:
        """Publish the body with the headers as attributes. Raises DeliveryError with the gRPC status code."""
        key = self._destination.ordering_key
        ordering_key = (field(message.body, key) if key else None) or ""
        LIMITS["pubsub"].check(message.headers, ordering_key)
        try:
            client = await self._connected()
            answer = await client.publish(
                topic=self._topic,
                messages=[PubsubMessage(data=message.body, attributes=message.headers, ordering_key=ordering_key)],
                retry=None,
                timeout=self._timeout,
            )
        except GoogleAPICallError as exc:
            raise _refusal(exc) from exc
        except (GoogleAuthError, OSError) as exc:
            # no file, no key in it, or no token for it
            raise CredentialsError(f"Pub/Sub {type(exc).__name__}: {exc}") from exc
        return acknowledged(message_id=answer.message_ids[0])

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
                    credentials = await asyncio.to_thread(self._load_credentials)
                    channel = PublisherGrpcAsyncIOTransport.create_channel(
                        HOST, credentials=credentials, options=OPTIONS
                    )
                self._client = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
            return self._client

    def _load_credentials(self) -> Any:  # noqa: ANN401 - google.auth is not typed
        if self._file:
            return google.auth.load_credentials_from_file(self._file, scopes=SCOPES)[0]  # type: ignore[no-untyped-call]
        return google.auth.default(scopes=SCOPES)[0]


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
