"""Amazon SQS: one message for each delivery, up to ten in a request.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, cast

from aiobotocore.config import AioConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    CredentialRetrievalError,
    InvalidConfigError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from supabase_webhooks.webhooks.addresses import parse_networks
from supabase_webhooks.webhooks.destinations import LIMITS
from supabase_webhooks.webhooks.errors import CredentialsError, DeliveryError, DestinationError, SetupError
from supabase_webhooks.workers.adapters.aws import session
from supabase_webhooks.workers.adapters.batcher import Batcher
from supabase_webhooks.workers.adapters.connections import check_address
from supabase_webhooks.workers.adapters.profiles import of_provider
from supabase_webhooks.workers.adapters.receipts import acknowledged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supabase_webhooks.webhooks.deliveries import Message, Receipt
    from supabase_webhooks.webhooks.destinations import Destination, SqsDestination
    from supabase_webhooks.workers.adapters import Context

#: Messages and bytes of one request (API reference, and the quotas page).
BATCH_COUNT, BATCH_BYTES = 10, 1024 * 1024

#: Requests at once to one queue: with ten messages each, more than a worker has in flight.
CONNECTIONS = 32

#: What a profile of WEBHOOKS_CREDENTIALS may hold; AWS's names.
CREDENTIALS = ("profile_name", "aws_access_key_id", "aws_secret_access_key", "aws_session_token")

#: Error codes that a retry cannot change; the last part of the code, as AWS has several spellings of the first.
PERMANENT = frozenset(
    {
        "BatchRequestTooLong", "MessageTooLong", "InvalidMessageContents", "InvalidParameterValue",
        "InvalidParameterValueException", "InvalidAttributeValue", "InvalidBatchEntryId", "UnsupportedOperation",
        "MissingParameter",
    }
)  # fmt: skip

#: The worker's setup: credentials, permissions, keys, and a queue that does not exist (yet). SQS's own errors, those
#: that all services share, and KMS's.
SETUP = frozenset(
    {
        "AccessDenied", "AccessDeniedException", "AccountProblem", "AuthFailure", "ExpiredToken",
        "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidSecurity", "InvalidSignatureException", "InvalidToken",
        "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired",
        "RequestExpired", "SignatureDoesNotMatch", "TokenRefreshRequired", "UnrecognizedClientException",
        "KmsAccessDenied", "KmsDisabled", "KmsInvalidKeyUsage", "KmsInvalidState", "KmsNotFound", "KmsOptInRequired",
        "NonExistentQueue", "QueueDoesNotExist", "InvalidAddress",
    }
)  # fmt: skip

#: The SDK's own errors of the same kind.
NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ConfigNotFound,
    ConfigParseError,
    InvalidConfigError,
    ProfileNotFound,
    TokenRetrievalError,
    SSOError,
)

#: The SDK's variables that lead it to another service than AWS's: the SDK's own credentials belong there too.
OWN_SERVICES = ("AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL")

REDIRECTS = range(300, 400)

#: Busy, not failing: not a failure of the queue's health.
THROTTLED = frozenset(
    {"RequestThrottled", "Throttling", "ThrottlingException", "OverLimit", "KmsThrottled", "SlowDown"}
)


class SqsAdapter:
    """Sends to one queue. The SDK makes one attempt: the worker retries."""

    def __init__(self, destination: Destination, context: Context) -> None:
        self._destination = cast("SqsDestination", destination)
        self._credentials = context.credentials
        if (self._destination.endpoint_url or "").startswith("http:") and not context.settings.allow_http:
            raise SetupError("endpoint_url is plain http; use https, or set WEBHOOKS_ALLOW_HTTP=true in development")
        context.check_credentials("SQS", CREDENTIALS)
        if not context.credentials:
            self._check_own_credentials()
        self._timeout = context.settings.timeout_seconds
        self._allowed = parse_networks(context.settings.allowed_networks)
        self._batcher = Batcher(self._send, count=BATCH_COUNT, size=BATCH_BYTES)
        self._connecting = asyncio.Lock()
        self._connection = AsyncExitStack()
        self._client: Any = None
        self._queue_url = self._destination.queue_url
        self._limited = False

    async def publish(self, message: Message) -> Receipt:
        """Send the body with the headers as message attributes. Raises DeliveryError with SQS's own code."""
        LIMITS["sqs"].check(message.headers)
        body = message.body.decode()
        entry = {
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in message.headers.items()
            },
        }
        if self._destination.fifo:
            entry |= {"MessageGroupId": message.endpoint_id, "MessageDeduplicationId": message.delivery_id}
        size = len(message.body) + sum(len(f"{name}String{value}") for name, value in message.headers.items())
        return await self._batcher.add(entry, size)

    async def close(self) -> None:
        """Finish the requests in progress and close all connections."""
        await self._batcher.close()
        await self._connection.aclose()

    def _check_own_credentials(self) -> None:
        """Raise SetupError for a host that the SDK's own credentials, including a role's session token, are not for."""
        (host,) = self._destination.hosts
        if not of_provider("sqs", host) and self._destination.endpoint_url not in _own_services():
            raise SetupError(
                f"the worker's own AWS credentials are not for {host}; name a credentials_profile with it in hosts, "
                f"or set {OWN_SERVICES[0]} in the workers' environment"
            )

    async def _send(self, entries: list[dict[str, Any]]) -> Sequence[Receipt | Exception]:
        try:
            client, queue_url = await self._connected()
            reply = await client.send_message_batch(
                QueueUrl=queue_url,
                Entries=[{"Id": str(number), **entry} for number, entry in enumerate(entries)],
            )
        except ClientError as exc:
            status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            refusal = _refusal(exc.response.get("Error", {}), status)
            if isinstance(refusal, CredentialsError):
                # the SDK keeps what it read: another session reads again
                session.cache_clear()
            elif len(entries) > 1 and (refusal.permanent or _is_verdict(refusal)):
                # about the whole request, not about an entry
                return await self._send_each(entries)
            raise refusal from exc
        except BotoCoreError as exc:
            if isinstance(cause := exc.kwargs.get("error"), (DestinationError, DeliveryError)):
                raise cause from exc
            if isinstance(exc, NO_CREDENTIALS):
                session.cache_clear()
                raise CredentialsError(f"SQS {type(exc).__name__}: {exc}") from exc
            raise DeliveryError(f"SQS {type(exc).__name__}: {exc}") from exc
        except Exception as exc:
            # the SDK's parsers may raise anything for a response that is not SQS's
            raise DeliveryError(f"SQS: the response is not from SQS ({type(exc).__name__})") from exc
        try:
            return _outcomes(reply, len(entries))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise DeliveryError(f"SQS: the response is not from SQS ({type(exc).__name__})") from exc

    async def _send_each(self, entries: list[dict[str, Any]]) -> Sequence[Receipt | Exception]:
        async def send(entry: dict[str, Any]) -> Receipt | Exception:
            try:
                return (await self._send([entry]))[0]
            except DeliveryError as exc:
                return exc

        return await asyncio.gather(*(send(entry) for entry in entries))

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (host, *_) = address
        check_address(str(host), self._allowed)
        return socket.socket(family, kind, protocol)

    async def _connected(self) -> tuple[Any, str]:
        async with self._connecting:
            if self._client is None:
                keys = {name: value for name, value in self._credentials.items() if name != "profile_name"}
                creating = session(self._credentials.get("profile_name")).create_client(
                    "sqs",
                    region_name=self._destination.region,
                    endpoint_url=self._destination.endpoint_url,
                    config=AioConfig(
                        retries={"total_max_attempts": 1},
                        connect_timeout=self._timeout,
                        read_timeout=self._timeout,
                        max_pool_connections=CONNECTIONS,
                        # AWS's own hosts may well have private addresses (VPC endpoints); others are checked
                        connector_args={"socket_factory": self._socket} if self._destination.endpoint_url else None,
                        # a proxy would connect for us, and its own address is all that could be checked
                        proxies={} if self._destination.endpoint_url else None,
                    ),
                    **keys,
                )
                self._client = await self._connection.enter_async_context(creating)
            if self._queue_url is None:
                self._queue_url = str((await self._client.get_queue_url(QueueName=self._destination.queue))["QueueUrl"])
            if not self._limited:
                await self._learn_limit()
                self._limited = True
            return self._client, self._queue_url

    async def _learn_limit(self) -> None:
        """Limit batches to the queue's MaximumMessageSize; if it may not be read, SQS itself rejects larger ones."""
        with suppress(ClientError, BotoCoreError, KeyError):
            reply = await self._client.get_queue_attributes(
                QueueUrl=self._queue_url, AttributeNames=["MaximumMessageSize"]
            )
            self._batcher.size = min(BATCH_BYTES, int(reply["Attributes"]["MaximumMessageSize"]))


def _own_services() -> set[str]:
    """Return the addresses that the workers' environment gives for SQS, by the SDK's own variables."""
    return {os.environ[name] for name in OWN_SERVICES if os.environ.get(name)}


def _outcomes(reply: Mapping[str, Any], count: int) -> list[Receipt | Exception]:
    """Return the result of each entry of a batch."""
    results: dict[int, Receipt | Exception] = {
        int(sent["Id"]): acknowledged(message_id=sent["MessageId"], sequence_number=sent.get("SequenceNumber"))
        for sent in reply.get("Successful", [])
    }
    for failed in reply.get("Failed", []):
        results[int(failed["Id"])] = _refusal(failed)
    missing = DeliveryError("SQS did not report the message's result")
    return [results.get(number, missing) for number in range(count)]


def _refusal(error: Mapping[str, Any], status: int | None = None) -> DeliveryError:
    code = str(error.get("Code", "no code"))
    message = str(error.get("Message") or "no details")
    last = code.rsplit(".", 1)[-1]
    if status in REDIRECTS:
        message = "redirects are not followed; give the endpoint its final endpoint_url"
    if last in SETUP:
        return CredentialsError(f"SQS {code}: {message}", status=status)
    if last in PERMANENT:
        return DeliveryError(f"SQS {code}: {message}", permanent=True, health="answered", status=status)
    return DeliveryError(f"SQS {code}: {message}", health=None if last in THROTTLED else "failed", status=status)


def _is_verdict(refusal: DeliveryError) -> bool:
    """Return whether a service, which has its own codes, rejected a request because of its contents."""
    return refusal.health == "failed" and refusal.status in {400, 413}
