"""Alerts: the database decides what starts and ends; this module sends each start and end once, to Slack and by e-mail.

Workers check every second, and the gateway at each call of the cron, so that people are notified when either is down.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime  # noqa: TC003 - msgspec resolves it at run time
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from supabase_webhooks.webhooks.alerts.email import Email
from supabase_webhooks.webhooks.alerts.slack import Slack
from supabase_webhooks.webhooks.errors import NoticeError
from supabase_webhooks.webhooks.plain import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

logger = logging.getLogger(__name__)

#: kind -> the channels that are notified, if they are set up; if none of them is, all that are.
ROUTES: dict[str, tuple[str, ...]] = {
    "failure_rate": ("slack",),
    "overdue": ("email",),
    "endpoint_failing": ("slack",),
    "dispatcher_silent": ("slack", "email"),
    "endpoint_disabled": ("slack", "email"),
}

#: Seconds between counts of the last hour's failures, the one condition that reads many rows.
RATE_SECONDS = 30.0

#: Seconds for one notice. Another process may try it after twice that.
SEND_TIMEOUT = 15.0


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The start or end of an alert, for one channel."""

    alert_id: str
    moment: Literal["started", "ended"]
    channel: str
    kind: str
    severity: str
    summary: str
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def title(self) -> str:
        """One plain line, whatever an endpoint's name contains: whether the alert starts or ends, and its summary."""
        mark = "RESOLVED" if self.moment == "ended" else self.severity.upper()
        return " ".join(plain(f"[{mark}] {self.summary}").split())


class Channel(Protocol):
    """Where notices go."""

    async def send(self, notice: Notice) -> None:
        """Send a notice, or raise NoticeError, which names no secret."""
        ...


#: channel -> creates it from the settings, or returns None if they do not set it up.
CHANNELS: dict[str, Callable[[Settings], Channel | None]] = {"slack": Slack.of, "email": Email.of}


class Alerts:
    """Evaluates and sends alerts. `clock` returns monotonic seconds."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        made = {name: make(settings) for name, make in CHANNELS.items()}
        self._channels = {name: channel for name, channel in made.items() if channel}
        self._policy = {
            "failure_rate": settings.alert_failure_rate,
            "failure_minimum": settings.alert_failure_minimum,
            "overdue": settings.alert_overdue,
            "overdue_seconds": settings.alert_overdue_seconds,
            "silence_seconds": settings.alert_silence_seconds,
            "channels": {kind: self._told(names) for kind, names in ROUTES.items()},
        }
        self._counted: float | None = None

    async def once(self) -> int:
        """Evaluate the alerts, and send due notices; return how many were sent. Raises StoreError."""
        now = self._clock()
        with_rate = self._counted is None or now - self._counted >= RATE_SECONDS
        if with_rate:
            self._counted = now
        policy = {**self._policy, "with_rate": with_rate}
        rows = await self._store.call("evaluate_webhook_alerts", {"policy": policy, "lease_seconds": 2 * SEND_TIMEOUT})
        notices = msgspec.convert(rows, list[Notice])
        if not notices:
            return 0
        errors = await asyncio.gather(*(self._send(notice) for notice in notices))
        results = [
            {"alert_id": n.alert_id, "moment": n.moment, "channel": n.channel, "error": error}
            for n, error in zip(notices, errors, strict=True)
        ]
        await self._store.call("record_webhook_alert_notices", {"results": results})
        return errors.count(None)

    def _told(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if name in self._channels] or list(self._channels)

    async def _send(self, notice: Notice) -> str | None:
        """Send a notice; return why it was not sent, or None."""
        channel = self._channels.get(notice.channel)
        if channel is None:
            return f"{notice.channel} is not set up here"
        try:
            async with asyncio.timeout(SEND_TIMEOUT):
                await channel.send(notice)
        except TimeoutError:
            error = f"no response within {SEND_TIMEOUT:g} s"
        except NoticeError as exc:
            error = str(exc)
        except Exception as exc:  # noqa: BLE001 - a bug must not stop the others, nor the concurrent sweep
            error = f"internal error: {type(exc).__name__}"
        else:
            logger.warning("alert %s: %s", notice.moment, notice.summary, extra={"kind": notice.kind})
            return None
        logger.error("the alert was not sent: %s", error, extra={"kind": notice.kind, "channel": notice.channel})
        return error
