"""All errors of this package.

WebhooksError
├── SettingsError            a setting is missing or wrong
├── DestinationError         an endpoint's URL cannot be delivered to
│   └── SetupError           by this worker, as it is set up
├── SecretError              an endpoint's secret cannot sign
│   └── SealedError          it is encrypted, and this process has not the key
├── DeliveryError            an attempt failed; says whether and when to try again
│   └── CredentialsError     as the destination does not accept this worker's credentials or permissions
├── NoticeError              an alert was not sent; it is tried again
├── MigrationError           a migration could not be applied
├── StoreError               Supabase refused a call
│   ├── Held                 the database belongs to another project
│   ├── VersionError         the database's SQL and this release do not go together
│   ├── StoreDenied          it does not accept the caller; that passes too, when keys are rotated
│   └── StoreUnavailable     Supabase did not answer; the same call may succeed later
└── QueueUnavailable         Redis or RabbitMQ did not answer; nothing is lost, Postgres keeps the deliveries
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import Health


class WebhooksError(Exception):
    """Base of all errors that this package raises."""


class SettingsError(WebhooksError):
    """Raised when a setting is missing or wrong; names the environment variable."""


class DestinationError(WebhooksError):
    """Raised when an endpoint's URL cannot be delivered to; names the part and shows a right example."""


class SetupError(DestinationError):
    """Raised when a worker, as it is set up, does not deliver to an endpoint; with other settings it would.

    An extra, a credentials profile or a setting is missing, or the endpoint's network is not allowed.
    """


class SecretError(WebhooksError):
    """Raised when an endpoint's secret cannot sign; never contains the secret."""


class SealedError(SecretError):
    """Raised when a secret is encrypted with a key that this process has not; with the key it can sign."""


class DeliveryError(WebhooksError):
    """Raised when an attempt failed, with the decision that follows from it.

    `permanent`: no further attempt can succeed. `health`: what it tells of the endpoint: "failed" (it is not there),
    "answered" (it is, and refused) or None (nothing). `retry_after`: seconds that the receiver asked to wait.
    `status` and `excerpt`: what it answered, if it did. `disable_reason`: set when the endpoint is gone. `setup`: the
    worker lacks something, so the attempt does not count.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the decision
        self,
        message: str,
        *,
        permanent: bool = False,
        health: Health | None = "failed",
        retry_after: float | None = None,
        status: int | None = None,
        excerpt: str | None = None,
        disable_reason: str | None = None,
        setup: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.health = health
        self.retry_after = retry_after
        self.status = status
        self.excerpt = excerpt
        self.disable_reason = disable_reason
        self.setup = setup


class CredentialsError(DeliveryError):
    """Raised when a destination does not accept this worker's credentials or permissions, or knows no such queue.

    That is the worker's setup: deliveries wait behind the endpoint's circuit, and credentials are read again.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message, status=status, setup=True)


class NoticeError(WebhooksError):
    """Raised when a channel did not take an alert; names no secret."""


class MigrationError(WebhooksError):
    """Raised when a migration could not be applied; names it, and what Postgres said."""


class StoreError(WebhooksError):
    """Raised when Supabase refused a call; `code` is Postgres's or PostgREST's error code."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class Held(StoreError):  # noqa: N818 - reads as what it is
    """Raised when the database belongs to another project than the worker's: nothing is claimed."""

    def __init__(self, *, project: str, held_for: str, since: str) -> None:
        super().__init__(
            f"this database belongs to {project}, and since {since} workers of {held_for} ask for its deliveries: "
            "everything is held until you run `webhooks adopt --deliver` or `webhooks adopt --discard`"
        )


class VersionError(StoreError):
    """Raised when the database's SQL and this release do not go together; names both versions and what to do."""


class StoreDenied(StoreError):  # noqa: N818 - reads as what it is
    """Raised when Supabase does not accept who calls: 401 and 403.

    Of a process's own key it may pass: while keys are rotated, clocks differ or grants are restored.
    """


class StoreUnavailable(StoreError):  # noqa: N818 - reads as what it is
    """Raised when Supabase did not answer; the same call may succeed later."""


class QueueUnavailable(WebhooksError):  # noqa: N818 - reads as what it is
    """Raised when the broker did not answer; Postgres keeps the deliveries. `service` is "redis" or "rabbitmq"."""

    def __init__(self, message: str, *, service: str) -> None:
        super().__init__(message)
        self.service = service
