"""The gateway's part in alerts: at each call of the cron, so that people are notified when all workers are down."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.alerts import Alerts
from supabase_webhooks.webhooks.errors import StoreError

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)


async def alert(store: Store, settings: Settings) -> None:
    """Look once and send what is due. A failure is logged: it must not fail the cron."""
    if not settings.alert_seconds:
        return
    try:
        await Alerts(store, settings).once()
    except StoreError as exc:
        logger.warning("alerts are delayed: %s", exc)
