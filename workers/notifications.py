"""What Postgres notifies a connection of, without a look ten times a second.

psycopg's own `notifies` wakes up that often to see whether the program was interrupted. The event loop can wait for the
socket instead.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from psycopg import AsyncConnection, Notify

#: Seconds to read what has arrived. It may be something else than a notification.
READ_SECONDS = 1.0


async def notifications(connection: AsyncConnection, seconds: float) -> AsyncGenerator[Notify]:
    """Yield what arrives within these seconds, and what came with the result of an earlier statement.

    Raise psycopg.OperationalError when the connection is lost.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    async with aclosing(connection.notifies(timeout=0)) as earlier:
        async for one in earlier:
            yield one
    while await _readable(connection.fileno(), deadline - loop.time()):
        async with aclosing(connection.notifies(timeout=READ_SECONDS, stop_after=1)) as arrived:
            async for one in arrived:
                yield one


async def _readable(file: int, seconds: float) -> bool:
    """Wait until there is something to read, or until these seconds have passed; return whether there is."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def say(is_there: bool) -> None:
        if not answer.done():
            answer.set_result(is_there)

    timer = loop.call_later(seconds, say, False)  # noqa: FBT003
    loop.add_reader(file, say, True)  # noqa: FBT003
    try:
        return await answer
    finally:
        timer.cancel()
        loop.remove_reader(file)
