"""The listener: hears from Postgres of new deliveries, and wakes its process within milliseconds.

It needs a connection of its own (WEBHOOKS_DATABASE_URL): neither REST nor a transaction pooler can carry LISTEN.
Source: https://www.postgresql.org/docs/current/sql-listen.html and sql-notify.html.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

CHANNEL = "webhook_deliveries"

#: Held by the one process that listens: "whlisten" in ASCII. One is enough: at a low rate it drains by itself, at a
#: high one the sweep gives the others jobs. Postgres frees it with the connection.
LOCK = 0x77686C697374656E

#: Seconds between looks whether the lock is free. To wait in Postgres would hold a snapshot, and hold up vacuum.
TURN_SECONDS = 5.0

#: Seconds after a notification in which others stay silent (webhooks.wake_workers): look again when they have passed.
SILENCE = 0.04

#: A connection that only listens would never find out that its other end is gone: libpq asks after 30 s of silence.
KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

#: Seconds between tries while Postgres is away.
RETRY_SECONDS = 5.0


class Listener:
    """Calls `wake` on each notification, and once more a moment later. `run` goes on until it is cancelled."""

    def __init__(self, database_url: str, wake: Callable[[], None]) -> None:
        self._database_url = database_url
        self._wake = wake
        self._again: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Listen; connect again when the connection is lost. The sweep finds what is missed meanwhile."""
        failing = False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._database_url, autocommit=True, connect_timeout=10, **KEEPALIVE
                ) as connection:
                    failing = False
                    await self._listen(connection)
            except psycopg.OperationalError as exc:
                if not failing:
                    logger.warning("not listening, the sweep goes on: %s", str(exc).strip())
                failing = True
            except Exception as exc:  # noqa: BLE001 - the sweep beside it must go on, whatever this was
                if not failing:
                    # not its text: that of a malformed URL repeats it, password included
                    logger.warning("not listening, the sweep goes on (%s); see: webhooks doctor", type(exc).__name__)
                failing = True
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        waiting = False
        while not await self._take(connection):
            if not waiting:
                logger.info("another process listens; this one takes over when it ends")
            waiting = True
            await asyncio.sleep(TURN_SECONDS)
        await connection.execute(f"listen {CHANNEL}".encode())
        logger.info("listening for new deliveries")
        # what was made before
        self._wake()
        async for _ in connection.notifies():
            self._wake()
            if self._again is None:
                self._again = asyncio.get_running_loop().call_later(SILENCE, self._wake_again)

    async def _take(self, connection: psycopg.AsyncConnection) -> bool:
        row = await (await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))).fetchone()
        return row is not None and bool(row[0])

    def _wake_again(self) -> None:
        self._again = None
        self._wake()
