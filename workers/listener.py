"""The listener: is notified by Postgres of new deliveries, and wakes its process within milliseconds.

It needs a connection of its own (WEBHOOKS_DATABASE_URL): neither REST nor a transaction pooler can carry LISTEN. So it
first sends itself a notification over a second connection: where that does not arrive, it says so and leaves the work
to the sweep, before it has taken a lock that a pooler would keep.
Source: https://www.postgresql.org/docs/current/sql-listen.html and sql-notify.html.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
import uuid
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import psycopg

from supabase_webhooks.workers.notifications import notifications

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

CHANNEL = "webhook_deliveries"

#: What the process that listens sends, so that it and those that wait know that it does.
PULSE = "webhook_listener"

#: Held by the one process that listens: "whlisten" in ASCII. One is enough: at a low rate it drains by itself, at a
#: high one the sweep gives the others jobs. Postgres frees it with the connection.
LOCK = 0x77686C697374656E

#: Seconds between pulses, and between looks whether the lock is free. To wait in Postgres would hold a snapshot, and
#: hold up vacuum.
TURN_SECONDS = 5.0

#: Turns without a pulse after which the lock counts as leaked: a pooler's connection holds it, or one whose client has
#: vanished. At random, so that one of several waiting processes is first, and the others receive its pulse.
PATIENCE_TURNS = (3.0, 6.0)

#: Seconds that a notification may take to arrive. It takes milliseconds.
ARRIVAL_SECONDS = 5.0

#: A connection that only listens would never notice that its peer has vanished: libpq probes after 30 s of silence.
KEEPALIVE: dict[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

#: Seconds between attempts while Postgres is unavailable.
RETRY_SECONDS = 5.0

#: Seconds between attempts while notifications do not arrive: a pooler stays a pooler.
DEAF_RETRY_SECONDS = 60.0

DEAF = (
    "a notification that was sent did not arrive; WEBHOOKS_DATABASE_URL must be a direct or session-mode connection"
    " string (port 5432, not 6543)"
)


class DeafError(Exception):
    """Raised when a connection does not receive what was sent to it."""


class Listener:
    """Calls `wake` on each notification. `run` goes on until it is cancelled.

    `here` tells whether this process listens.
    """

    def __init__(self, database_url: str, wake: Callable[[], None]) -> None:
        self._database_url = database_url
        self._wake = wake
        self._failing = False
        self._pulse_at = -math.inf
        self.here = False

    @property
    def elsewhere(self) -> bool:
        """Whether another process listens: this one has received its pulse."""
        return not self.here and time.monotonic() - self._pulse_at < PATIENCE_TURNS[0] * TURN_SECONDS

    async def run(self) -> None:
        """Listen; connect again when the connection is lost. The sweep finds what is missed meanwhile."""
        while True:
            pause = RETRY_SECONDS
            try:
                async with await self._connect() as connection:
                    await self._probe(connection)
                    self._failing = False
                    while True:
                        try:
                            await self._listen(connection, locked=await self._turn(connection))
                        finally:
                            self.here = False
            except DeafError:
                self._report(f"not listening, the sweep continues: {DEAF}")
                pause = DEAF_RETRY_SECONDS
            except psycopg.OperationalError as exc:
                self._report(f"not listening, the sweep continues: {str(exc).strip()}")
            except Exception as exc:  # noqa: BLE001 - the sweep must continue, whatever this was
                # not its text: that of a malformed URL repeats it, password included
                self._report(f"not listening, the sweep continues ({type(exc).__name__}); see: webhooks doctor")
            await asyncio.sleep(pause)

    async def _connect(self) -> psycopg.AsyncConnection:
        return await psycopg.AsyncConnection.connect(
            self._database_url, autocommit=True, connect_timeout=10, **KEEPALIVE
        )

    async def _probe(self, connection: psycopg.AsyncConnection) -> None:
        """Send a notification over a second connection: over this one it would arrive with the statement's result."""
        token = uuid.uuid4().hex
        await connection.execute(f"listen {PULSE}".encode())
        async with await self._connect() as sender:
            await sender.execute("select pg_notify(%s, %s)", (PULSE, token))
        async with aclosing(notifications(connection, ARRIVAL_SECONDS)) as arriving:
            async for heard in arriving:
                if heard.payload == token:
                    return
        raise DeafError

    async def _turn(self, connection: psycopg.AsyncConnection) -> bool:
        """Wait until this process is to listen; return whether it holds the lock."""
        waiting = False
        patience = random.uniform(*PATIENCE_TURNS) * TURN_SECONDS
        last_pulse = time.monotonic()
        while not await self._take(connection):
            if not waiting:
                logger.info("another process listens; this one takes over when it ends")
            waiting = True
            async for heard in notifications(connection, TURN_SECONDS):
                if _is_pulse(heard):
                    last_pulse = self._pulse_at = time.monotonic()
            if time.monotonic() - last_pulse > patience:
                logger.warning("the process that holds the listener's lock does not listen; this one does, without it")
                return False
        return True

    async def _listen(self, connection: psycopg.AsyncConnection, *, locked: bool) -> None:
        """Listen; return when another process turns out to, while this one has not the lock."""
        await connection.execute(f"listen {CHANNEL}".encode())
        logger.info("listening for new deliveries")
        self.here = True
        # what was created before
        self._wake()
        while True:
            pid = await self._pulse(connection)
            arrived = another = False
            async for heard in notifications(connection, TURN_SECONDS):
                if heard.channel == CHANNEL:
                    self._wake()
                elif _is_pulse(heard):
                    arrived = arrived or heard.pid == pid
                    another = another or heard.pid != pid
            if not arrived:
                raise DeafError
            locked = locked or await self._take(connection)
            if another and not locked:
                await connection.execute(f"unlisten {CHANNEL}".encode())
                return

    async def _pulse(self, connection: psycopg.AsyncConnection) -> int:
        """Send a pulse; return the server process that sent it, which this connection belongs to."""
        row = await (await connection.execute("select pg_backend_pid(), pg_notify(%s, '')", (PULSE,))).fetchone()
        assert row is not None  # noqa: S101 - a select without a table returns a row
        return int(row[0])

    async def _take(self, connection: psycopg.AsyncConnection) -> bool:
        row = await (await connection.execute("select pg_try_advisory_lock(%s)", (LOCK,))).fetchone()
        return row is not None and bool(row[0])

    def _report(self, text: str) -> None:
        """Log a failure once, until it is over."""
        if not self._failing:
            logger.warning(text)
        self._failing = True


def _is_pulse(heard: psycopg.Notify) -> bool:
    """Return whether a notification is a pulse, rather than a process's self-test."""
    return heard.channel == PULSE and not heard.payload
