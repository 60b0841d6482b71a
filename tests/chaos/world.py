"""A whole system of its own, whose every part may be killed, and the books on what it was given and delivered."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg
from psycopg.rows import dict_row

from devstack.postgres import DURABLE
from devstack.receiver import Received, Receiver, Reply
from devstack.services import Gateway, Worker
from devstack.stack import DATABASE, Stack
from supabase_webhooks.webhooks.signing import generate_secret
from tests.conftest import quiet
from tests.e2e.conftest import JOINED, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devstack.processes import Service

#: A lease that a test can wait for, at twice the timeout of an attempt.
LEASE, TIMEOUT = 6, 3

#: What a healthy receiver takes, so that some deliveries are always in flight.
LATENCY = 0.2


class World:
    """A context manager. The receiver counts each webhook-id. Postgres is durable, as Supabase's is."""

    def __init__(self, directory: Path, *, workers: int = 2, **settings: str) -> None:
        self.directory = directory
        self.stack = Stack(directory, say=quiet)
        self.stack.postgres.options = DURABLE
        self.stack.postgres.erase()
        self.secret = generate_secret()
        self.seen: Counter[str] = Counter()
        self.receiver = Receiver(answer=self._answer)
        self._settings = settings
        self._workers = workers
        self._replying = threading.Event()
        self._replying.set()
        self._in_flight: Counter[str] = Counter()
        self._exit = ExitStack()
        self._lock = threading.Lock()
        self.keys: list[str] = []

    def __enter__(self) -> Self:
        with self._exit:
            self._exit.enter_context(self.stack)
            self._exit.enter_context(self.receiver)
            settings = {
                **self.stack.environment(),
                "WEBHOOKS_DISPATCH_TOKEN": TOKEN,
                "WEBHOOKS_LEASE_SECONDS": str(LEASE),
                "WEBHOOKS_TIMEOUT_SECONDS": str(TIMEOUT),
                **self._settings,
            }
            self.gateway = Gateway(settings, log=self.directory / "gateway.log")
            self.workers = [self._worker(f"worker-{number}", settings) for number in range(self._workers)]
            for service in (self.gateway, *self.workers):
                self._exit.callback(service.stop)
                service.start()
            self._exit = self._exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @contextmanager
    def delivering(self) -> Iterator[Worker]:
        """Yield a worker with requests in flight. No request gets its response before the end of the block."""
        self._replying.clear()
        try:
            self.dispatch(1)  # for when the load has ended
            self.wait(lambda: self._in_flight.total() > 0)
            yield self.workers[int(self._in_flight.most_common(1)[0][0].removeprefix("worker-"))]
        finally:
            self._replying.set()

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """Return a new connection: old ones do not outlive Postgres."""
        dsn = self.stack.postgres.dsn(DATABASE)
        return psycopg.connect(dsn, autocommit=True, row_factory=dict_row, connect_timeout=5)

    def query(self, sql: str, *parameters: object) -> list[dict[str, Any]]:
        """Run a statement on a new connection."""
        with self.connect() as connection:
            cursor = connection.execute(sql.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def endpoint(self, url: str, **columns: Any) -> str:
        """Make an endpoint; return its id."""
        row = {"name": "receiver", "url": url, "events": "{*}", "secret_key": self.secret, **columns}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        sql = f"insert into public.webhook_configurations ({names}) values ({marks}) returning id"
        return str(self.query(sql, *row.values())[0]["id"])

    def dispatch(self, count: int) -> None:
        """Dispatch this many events, and again what was not acknowledged: an app does so, with idempotency keys."""
        keys = [str(uuid.uuid4()) for _ in range(count)]
        sql = (
            "select public.dispatch_webhook('user.joined_community', %s::jsonb, null, key)"
            " from unnest(%s::text[]) as key"
        )
        while True:
            try:
                self.query(sql, json.dumps(JOINED), keys)
            except psycopg.OperationalError:
                time.sleep(0.2)
            else:
                self.keys += keys
                return

    def rows(self) -> list[dict[str, Any]]:
        """Return the deliveries, without their payloads."""
        return self.query(
            "select d.id::text as id, d.status, d.attempts, d.error_message, c.url from public.webhook_deliveries as d"
            " join public.webhook_configurations as c on c.id = d.webhook_config_id"
        )

    def unfinished(self) -> int:
        """Return how many deliveries are not finished."""
        sql = "select count(*) as n from public.webhook_deliveries where finished_at is null"
        return int(self.query(sql)[0]["n"])

    def wait(self, condition: Callable[[], bool], *, seconds: float = 90) -> float:
        """Wait for a condition and return the seconds; fail with the unfinished rows and the ends of the logs."""
        begun = time.monotonic()
        while not condition():
            self._supervise()
            if time.monotonic() - begun > seconds:
                open_rows = [row for row in self.rows() if row["status"] not in {"delivered", "failed"}][:5]
                logs = "\n".join(f"{log}: {log.read_text()[-1500:]}" for log in self.directory.glob("*.log"))
                raise AssertionError(f"waited {seconds} s in vain: {open_rows}\n{logs}")
            time.sleep(0.1)
        return time.monotonic() - begun

    def lost(self) -> list[dict[str, Any]]:
        """Return deliveries that did not reach the receiver, or whose row does not say so."""
        return [row for row in self.rows() if row["status"] != "delivered" or not self.seen[row["id"]]]

    def duplicates(self) -> int:
        """Return how many requests came a second time or more."""
        return sum(count - 1 for count in self.seen.values())

    def _supervise(self) -> None:
        """Start what has died by itself: Supabase Lite's driver may fall with a Postgres that goes away under it."""
        child = self.stack.supabase.child
        if child and not child.running():
            self.stack.supabase.start()

    def _worker(self, name: str, settings: dict[str, str]) -> Worker:
        """Return a worker that gives its name to receivers."""
        return Worker({**settings, "WEBHOOKS_USER_AGENT": name}, log=self.directory / f"{name}.log", name=name)

    def _answer(self, request: Received) -> Reply:
        assert request.verified(self.secret)
        worker = request.headers["user-agent"]
        with self._lock:
            self.seen[request.headers["webhook-id"]] += 1
            self._in_flight[worker] += 1
        time.sleep(LATENCY)
        self._replying.wait()
        with self._lock:
            self._in_flight[worker] -= 1
        return Reply()


def processes(service: Service) -> list[int]:
    """Return a service's process ids: its own, and of a worker those that Dramatiq's master started."""
    assert service.child
    pid = service.child.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def memory(pid: int, field: str = "VmRSS") -> float:
    """Return a process's memory in MB: VmRSS now, VmHWM at most."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(status[field].split()[0]) / 1024


def files(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
