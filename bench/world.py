"""The world of a benchmark: the stack, a receiver, a gateway and workers, and the rows that they are given."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import psycopg
import redis

from bench import usage
from devstack.processes import Child, free_port, listening
from devstack.services import Gateway, Worker
from devstack.stack import DATABASE, Stack
from webhooks.signing import generate_secret

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / ".devstack" / "bench"
TOKEN = "dispatch-token-of-the-benchmark"

#: A body of 600 bytes.
EVENT, DATA = "user.posted_comment", {"discussion_id": "d", "comment_id": "c", "comment_text": "x" * 330}

#: Seconds between two looks at what is waited for.
POLL = 0.05

FILL = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload)
select e.id, %(event)s, jsonb_build_object(
    'event', %(event)s::text, 'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'actor_user_id', null, 'data', %(data)s::jsonb, 'request_id', gen_random_uuid())
from generate_series(1, %(rows)s) as n
join (select id, row_number() over () - 1 as number, count(*) over () as of from public.webhook_configurations) as e
    on e.number = n %% e.of
"""


def quiet(_: str) -> None:
    """Say nothing."""


class World:
    """A context manager. `parts` are the process ids whose use is measured."""

    def __init__(self) -> None:
        self.stack = Stack(DIRECTORY, say=quiet)
        self.stack.postgres.erase()
        self.secret = generate_secret()
        self.parts: dict[str, int] = {}
        self.exit = ExitStack()

    def __enter__(self) -> Self:
        with self.exit:
            self.exit.enter_context(self.stack)
            self.dsn = self.stack.postgres.dsn(DATABASE)
            self.db = self.exit.enter_context(psycopg.connect(self.dsn, autocommit=True))
            self.redis = self.exit.enter_context(redis.Redis.from_url(self.stack.valkey.url))
            for name, part in (("postgres", self.stack.postgres), ("rest", self.stack.supabase)):
                self._watch(name, part.child)
            self._watch("valkey", self.stack.valkey.child)
            self.settings = {**self.stack.environment(), **self.stack.listening(), "WEBHOOKS_DISPATCH_TOKEN": TOKEN}
            self.receiver = self.receive()
            self.gateway = Gateway(self.settings, log=DIRECTORY / "gateway.log")
            self.exit.callback(self.gateway.stop)
            self.gateway.start()
            self._watch("gateway", self.gateway.child)
            self.exit = self.exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.exit.close()

    def worker(self, processes: int = 2, **settings: str) -> Worker:
        """Start workers."""
        worker = Worker({**self.settings, **settings}, log=DIRECTORY / "worker.log", processes=processes)
        self.exit.callback(worker.stop)
        worker.start()
        self._watch("worker", worker.child)
        time.sleep(1)  # the other processes boot too
        return worker

    def receive(self, *arguments: str) -> str:
        """Start a receiver; return its URL."""
        port = free_port()
        child = self.run("bench.receiver", str(port), *arguments)
        child.wait_ready(lambda: listening(port))
        self._watch("receiver", child)
        return f"http{'s' if arguments else ''}://127.0.0.1:{port}"

    def run(self, module: str, *arguments: str, **environment: str) -> Child:
        """Start a Python module as a process of its own, that ends with this one."""
        child = Child(
            module,
            [sys.executable, "-m", module, *arguments],
            log=DIRECTORY / f"{module}.log",
            cwd=ROOT,
            environment={**os.environ, **self.settings, **environment, "PYTHONUNBUFFERED": "1"},
        )
        self.exit.callback(child.stop)
        return child

    def fill(self, rows: int, endpoints: int, *, path: str = "hook", receiver: str | None = None) -> None:
        """Put so many pending rows for so many endpoints, in place of all that there is; `activate` lets them go."""
        self.db.execute("truncate public.webhook_configurations cascade")
        self.db.execute(
            "insert into public.webhook_configurations (name, url, events, secret_key, is_active)"
            " select 'endpoint ' || n, %s || n, '{*}', %s, false from generate_series(1, %s) as n",
            (f"{receiver or self.receiver}/{path}/", self.secret, endpoints),
        )
        self.db.execute(FILL, {"rows": rows, "event": EVENT, "data": json.dumps(DATA)})
        self.db.execute("vacuum analyze public.webhook_deliveries, public.webhook_configurations")

    def activate(self) -> None:
        """Let the endpoints' deliveries go, and do what the cron does."""
        self.db.execute("update public.webhook_configurations set is_active = true")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{self.gateway.url}/functions/v1/webhook-dispatcher"
        httpx.post(url, headers=headers, trust_env=False, timeout=30).raise_for_status()

    def count(self, sql: str, *parameters: object) -> int:
        """Return a statement's only number."""
        row = self.db.execute(sql.encode(), parameters).fetchone()
        assert row
        return int(row[0])

    def unfinished(self) -> int:
        """Return how many deliveries are not finished."""
        return self.count("select count(*) from public.webhook_deliveries where finished_at is null")

    def received(self) -> int:
        """Return how many requests the receiver has answered."""
        return int(httpx.get(f"{self.receiver}/count", trust_env=False).json()["count"])

    def commands(self) -> int:
        """Return how many commands Redis has run."""
        stats: Any = self.redis.info("commandstats")
        return sum(command["calls"] for command in stats.values())

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used so far."""
        return {name: usage.cpu(pid) for name, pid in self.parts.items()}

    def _watch(self, name: str, child: Child | None) -> None:
        assert child
        self.parts[name] = child.pid


def wait(condition: Callable[[], bool], *, seconds: float = 120) -> None:
    """Wait for a condition; raise TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain; the logs are in {DIRECTORY}")
        time.sleep(POLL)
