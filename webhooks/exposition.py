"""Prometheus's text format, and who may read it."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import CollectorRegistry

    from supabase_webhooks.webhooks.settings import Settings

CONTENT_TYPE = CONTENT_TYPE_LATEST


def render(registry: CollectorRegistry) -> bytes:
    """Return a registry's metrics."""
    return generate_latest(registry)


def may_read(authorization: str | None, settings: Settings) -> bool:
    """Return whether an Authorization header may read metrics: with their own token, the cron's or the service key."""
    scheme, _, token = (authorization or "").partition(" ")
    known: Iterable[str] = filter(None, (settings.metrics_token, settings.dispatch_token, settings.service_key))
    given = token.strip().encode()
    return scheme.lower() == "bearer" and any([hmac.compare_digest(given, one.encode()) for one in known])  # noqa: C419 - all are compared
