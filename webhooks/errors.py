"""All errors of this package.

WebhooksError
├── SettingsError            a setting is missing or wrong
├── DestinationError         an endpoint's URL cannot be delivered to
│   └── SetupError           by this worker, as it is configured
│       └── AddressError     its host is at an address that deliveries may not go to
├── SecretError              an endpoint's secret cannot sign
│   └── SealedError          it is encrypted, and this process lacks the key
├── DeliveryError            an attempt failed; says whether and when to retry
│   └── CredentialsError     the destination does not accept this worker's credentials or permissions
├── NoticeError              an alert was not sent; it is retried
├── ManifestError            webhooks.toml is wrong, or contradicts what exists
├── MigrationError           a migration could not be applied
├── StoreError               Supabase rejected a call
│   ├── Held                 the database belongs to another project
│   ├── VersionError         the database's SQL and this release are incompatible
│   ├── StoreDenied          it does not accept the caller; may be temporary, while keys are rotated
│   └── StoreUnavailable     Supabase did not respond; the same call may succeed later
└── QueueUnavailable         Redis or RabbitMQ did not respond; nothing is lost, Postgres keeps the deliveries
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
    """Raised when an endpoint's URL cannot be delivered to; names the part and shows an example."""


class SetupError(DestinationError):
    """Raised when a worker, as it is configured, cannot deliver to an endpoint.

    An extra, a credentials profile or a setting is missing, or the endpoint's network is not allowed.
    """


class AddressError(SetupError):
    """Raised when an endpoint's host is at an address that deliveries may not go to; names the address."""


class SecretError(WebhooksError):
    """Raised when an endpoint's secret cannot sign; never contains the secret."""


class SealedError(SecretError):
    """Raised when a secret is encrypted with a key that this process does not have."""


class DeliveryError(WebhooksError):
    """Raised when an attempt failed; says what to do next.

    `permanent`: no further attempt can succeed. `health`: what it says about the endpoint: "failed" (it is down),
    "answered" (it is up, and rejected it) or None (nothing). `retry_after`: seconds that the receiver asked to wait.
    `status`, `headers` and `excerpt`: its response, if any. `disable_reason`: set if the endpoint no longer exists.
    `setup`: the worker lacks something, so the attempt does not count.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the decision
        self,
        message: str,
        *,
        permanent: bool = False,
        health: Health | None = "failed",
        retry_after: float | None = None,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        excerpt: str | None = None,
        disable_reason: str | None = None,
        setup: bool = False,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.health = health
        self.retry_after = retry_after
        self.status = status
        self.headers = headers
        self.excerpt = excerpt
        self.disable_reason = disable_reason
        self.setup = setup


class CredentialsError(DeliveryError):
    """Raised when a destination does not accept this worker's credentials or permissions, or has no such queue.

    The cause is the worker's setup: deliveries wait behind the endpoint's circuit, and credentials are read again.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message, status=status, setup=True)


class NoticeError(WebhooksError):
    """Raised when a channel did not accept an alert; contains no secret."""


class ManifestError(WebhooksError):
    """Raised when webhooks.toml cannot be read, or contradicts what exists; names the place, never a secret."""


class MigrationError(WebhooksError):
    """Raised when a migration could not be applied; names it, with Postgres's error."""


class StoreError(WebhooksError):
    """Raised when Supabase rejected a call; `code` is Postgres's or PostgREST's error code."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class Held(StoreError):  # noqa: N818 - reads as what it is
    """Raised when the database belongs to a different project than the worker: nothing is claimed."""

    def __init__(self, *, project: str, held_for: str, since: str) -> None:
        super().__init__(
            f"this database belongs to {project}, but workers of {held_for} ask for its deliveries since {since}: "
            "all deliveries are held until you run `webhooks adopt --deliver` or `webhooks adopt --discard`"
        )


class VersionError(StoreError):
    """Raised when the database's SQL and this release are incompatible; names both versions and the fix."""


class StoreDenied(StoreError):  # noqa: N818 - reads as what it is
    """Raised when Supabase does not accept the caller: 401 and 403.

    For a process's own key it may be temporary: while keys are rotated, clocks differ or grants are restored.
    """


class StoreUnavailable(StoreError):  # noqa: N818 - reads as what it is
    """Raised when Supabase did not respond; the same call may succeed later."""


class QueueUnavailable(WebhooksError):  # noqa: N818 - reads as what it is
    """Raised when the broker did not respond; Postgres keeps the deliveries. `service` is "redis" or "rabbitmq"."""

    def __init__(self, message: str, *, service: str) -> None:
        super().__init__(message)
        self.service = service
