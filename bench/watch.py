"""The watcher: sees when all is recorded, and takes next to nothing from what is measured.

The receiver's own count is asked until nearly all has arrived, then the database, whether its queue is empty.
(Counting what is unfinished reads the whole table: 20 MB, twenty times a second.)
"""

from __future__ import annotations

import json
import ssl
import time
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPSConnection
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

import psycopg

#: Seconds between two questions to the receiver, and to the database: the end is known as exactly as the second.
ARRIVAL_POLL, RECORD_POLL = 0.05, 0.01

#: Of the deliveries that are waited for, what the receiver is waited for: the database is asked well before the end.
NEARLY = 0.98

QUEUE = "webhooks.delivery_queue"
UNFINISHED = f"select exists (select from {QUEUE})"

#: At a revision that has no queue, but an index of each of these.
FORMERLY = """
select exists (select from public.webhook_deliveries where status = 'pending')
    or exists (select from public.webhook_deliveries where status = 'processing')
"""


class Counts(NamedTuple):
    """What a receiver has had: requests, connections, and when the last request came (time.monotonic)."""

    requests: int
    connections: int
    last: float


class Watch:
    """A context manager. `pid` is its Postgres process, which is not to be measured."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._receivers: dict[str, HTTPConnection] = {}
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        self._db = self._exit.enter_context(psycopg.connect(self._dsn, autocommit=True))
        # statistics of before would say that a pending row is met at once
        self._db.execute("set enable_seqscan = off")
        self._db.execute("set enable_bitmapscan = off")
        row = self._db.execute("select to_regclass(%s) is not null", (QUEUE,)).fetchone()
        self._unfinished = UNFINISHED if row == (True,) else FORMERLY
        self.pid = self._db.info.backend_pid
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    def counts(self, receiver: str) -> Counts:
        """Ask a receiver what it has had."""
        return Counts(**self._ask(receiver, "/count"))

    def arrivals(self, receiver: str) -> dict[str, list[float]]:
        """Ask a receiver when what came below /trace did (time.monotonic), by request id."""
        return self._ask(receiver, "/arrivals")

    def recorded(
        self, receiver: str | None = None, requests: int = 0, *, unfinished: str | None = None, seconds: float = 300
    ) -> float:
        """Wait until every result is recorded; return that moment, by time.perf_counter.

        First until the receiver has had nearly `requests` requests, where one is named. Raises TimeoutError.
        """
        deadline = time.monotonic() + seconds
        while receiver and self.counts(receiver).requests < requests * NEARLY:
            _sleep(ARRIVAL_POLL, deadline)
        question = (unfinished or self._unfinished).encode()
        # one commit, however often it asks: commits are counted
        with self._db.transaction():
            while self._db.execute(question).fetchone() != (False,):
                # without a receiver's word the whole run is watched here
                _sleep(RECORD_POLL if receiver else 2 * RECORD_POLL, deadline)
        return time.perf_counter()

    def _ask(self, receiver: str, path: str) -> dict[str, Any]:
        """Ask over a connection that is kept."""
        if receiver not in self._receivers:
            self._receivers[receiver] = _connection(receiver)
            self._exit.callback(self._receivers[receiver].close)
        connection = self._receivers[receiver]
        connection.request("GET", path)
        return dict(json.loads(connection.getresponse().read()))


def _sleep(seconds: float, deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError("not all was delivered in time; the logs are in .devstack/bench")
    time.sleep(seconds)


def _connection(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname
    if parts.scheme == "https":
        # our own child: its certificate is checked by the workers
        context = ssl._create_unverified_context()  # noqa: SLF001 - the documented way (PEP 476)
        return HTTPSConnection(parts.hostname, parts.port, context=context)
    return HTTPConnection(parts.hostname, parts.port)
