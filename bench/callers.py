"""Callers: an app's many clients that dispatch events, through REST or by SQL in a transaction of their own.

For comparison they can also make a call through REST that does as good as nothing.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPConnection
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

import psycopg

from bench.world import EVENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.world import World

    #: Dispatches an event, and returns what dispatch_webhook does.
    Dispatch = Callable[[], dict[str, Any]]

#: With what dispatch_webhook adds, a body of 300 bytes.
DATA = {"discussion_id": "d", "comment_id": "c", "comment_text": "x" * 58}

CALLERS = 32

#: Seconds by which a call may be late, since a thread was not awake in time. What is later waited for a free caller:
#: then its time counts from when it was due.
LATE = 0.01


#: Seconds after which a caller opens a new connection: the server closes one that has been idle for five.
IDLE = 2.0


class Call(NamedTuple):
    """A dispatched event: the moments before and after the call (time.monotonic), and what the call returned."""

    begun: float
    ended: float
    request_id: str
    deliveries: int


class Callers:
    """A context manager: a thread and a connection each."""

    def __init__(self, world: World, way: str, callers: int = CALLERS) -> None:
        self._world = world
        self._connect = {"REST": self._rest, "SQL": self._sql, "nothing": self._nothing}[way]
        self._exit = ExitStack()
        self._callers = callers

    def __enter__(self) -> Self:
        with self._exit:
            self._dispatches = [self._connect() for _ in range(self._callers)]
            self._threads = self._exit.enter_context(ThreadPoolExecutor(self._callers))
            self._exit = self._exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def call(self, events: int, *, per_second: float | None = None) -> list[Call]:
        """Dispatch this many events: at a rate, else each caller as soon as its last call has returned."""
        numbers, begun = count(), time.monotonic()

        def work(dispatch: Dispatch) -> list[Call]:
            calls = []
            while (number := next(numbers)) < events:
                due = begun + number / per_second if per_second else 0.0
                time.sleep(max(0.0, due - time.monotonic()))
                now = time.monotonic()
                done = dispatch()
                calls.append(Call(due if per_second and now > due + LATE else now, time.monotonic(), **done))
            return calls

        return sorted(call for calls in self._threads.map(work, self._dispatches) for call in calls)

    def _rest(self) -> Dispatch:
        ask = self._asking()
        body = json.dumps({"event_type": EVENT, "event_data": DATA})
        return lambda: _done(json.loads(ask("POST", "/rest/v1/rpc/dispatch_webhook", body)))

    def _nothing(self) -> Dispatch:
        ask = self._asking()

        def call() -> dict[str, Any]:
            ask("GET", "/rest/v1/webhook_event_types?select=name&limit=1", None)
            return {"request_id": "", "deliveries": 1}

        return call

    def _asking(self) -> Callable[[str, str, str | None], bytes]:
        settings = self._world.settings
        connection = HTTPConnection(urlsplit(settings["SUPABASE_URL"]).netloc, timeout=60)
        self._exit.callback(connection.close)
        headers = {"apikey": settings["SUPABASE_SERVICE_ROLE_KEY"], "Content-Type": "application/json"}
        used = time.monotonic()

        def ask(method: str, path: str, body: str | None) -> bytes:
            nonlocal used
            if time.monotonic() > used + IDLE:
                connection.close()
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            said, used = response.read(), time.monotonic()
            if response.status != HTTPStatus.OK:
                raise RuntimeError(f"{path} failed through REST: {said.decode()}")
            return said

        return ask

    def _sql(self) -> Dispatch:
        connection = self._exit.enter_context(psycopg.connect(self._world.dsn))
        data = json.dumps(DATA)

        def dispatch() -> dict[str, Any]:
            row = connection.execute("select public.dispatch_webhook(%s, %s::jsonb)", (EVENT, data)).fetchone()
            connection.commit()
            assert row
            return _done(row[0])

        return dispatch


def _done(result: dict[str, Any]) -> dict[str, Any]:
    return {"request_id": result["request_id"], "deliveries": result["deliveries"]}
