"""The world of a benchmark: the stack, a receiver, a gateway and workers, and the rows that they are given."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx
import psycopg
import redis

from bench import usage
from bench.watch import Watch
from devstack.postgres import DURABLE
from devstack.processes import Child, free_port, listening
from devstack.stack import DATABASE, Stack
from supabase_webhooks.webhooks.signing import generate_secret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / ".devstack" / "bench"
TOKEN = "dispatch-token-of-the-benchmark"

#: A body of 600 bytes.
EVENT, DATA = "user.posted_comment", {"discussion_id": "d", "comment_id": "c", "comment_text": "x" * 330}

FILL = """
insert into public.webhook_deliveries (webhook_config_id, event_type, request_id, payload)
select e.id, %(event)s, n.request_id, jsonb_build_object(
    'event', %(event)s::text, 'timestamp', to_char(now() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'actor_user_id', null, 'data', %(data)s::jsonb, 'request_id', n.request_id)
from (select number, gen_random_uuid() as request_id from generate_series(1, %(rows)s) as number) as n
join (select id, row_number() over () - 1 as number, count(*) over () as of from public.webhook_configurations) as e
    on e.number = n.number %% e.of
"""

#: Finished deliveries that are there before events arrive, as in an app that runs: 7 MB. (A new table is planned for
#: differently.)
HISTORY = 5_000

#: In the order of their ids: at random, ten million of them would touch ten million pages of the primary key.
FINISHED = """
insert into public.webhook_deliveries
    (id, webhook_config_id, event_type, payload, status, attempts, finished_at, created_at, request_id)
select n.id, e.ids[1 + n.number %% cardinality(e.ids)], 'user.posted_comment', %(payload)s::jsonb, 'delivered', 1,
       now(), now(), n.id
from (select gen_random_uuid() as id, number from generate_series(1, %(rows)s) as number order by 1) as n
cross join (select array_agg(id) as ids from public.webhook_configurations) as e
"""


#: What the trigger does that `insert` leaves out; an earlier revision has no queue.
QUEUE = """
do $$ begin
    if to_regprocedure('webhooks.queue_all_missing_deliveries()') is not null then
        perform webhooks.queue_all_missing_deliveries();
    end if;
end $$
"""


#: As it is for endpoints that have been there for a while; an earlier revision checks no URLs.
CHECKED = """
do $$ begin
    if exists (
        select from pg_attribute where attrelid = 'public.webhook_circuits'::regclass and attname = 'url_check_at'
    ) then
        update public.webhook_circuits set url_check_at = null, url_checked_at = now() where url_check_at is not null;
    end if;
end $$
"""


def quiet(_: str) -> None:
    """Say nothing."""


def command_line(code: Path) -> str:
    """Return the module of the command line in a checkout; before version 0.2 it had no package around it."""
    return "supabase_webhooks.webhooks.cli" if (code / "supabase_webhooks").is_dir() else "webhooks.cli"


class World:
    """A context manager. `parts` are the process ids whose use is measured, `own` those of our own connections.

    `code` is the checkout whose migrations, gateway and workers it runs; receivers and callers are always this one's.
    """

    def __init__(self, code: Path = ROOT, directory: Path = DIRECTORY) -> None:
        self.code, self.directory = code, directory
        self.stack = Stack(directory, say=quiet, migrations=code / "supabase" / "migrations")
        self.stack.postgres.options = DURABLE
        self.stack.postgres.erase()
        for log in directory.glob("*.log"):
            log.unlink()  # a run's logs are hundreds of megabytes
        self.secret = generate_secret()
        self.parts: dict[str, int] = {}
        self.exit = ExitStack()

    def __enter__(self) -> Self:
        with self.exit:
            self.exit.enter_context(self.stack)
            self.dsn = self.stack.postgres.dsn(DATABASE)
            self.db = self.exit.enter_context(psycopg.connect(self.dsn, autocommit=True))
            self.watch = self.exit.enter_context(Watch(self.dsn))
            # in another database, so that its own commits are not among those that it reads
            self.aside = self.exit.enter_context(psycopg.connect(self.stack.postgres.dsn(), autocommit=True))
            self.own = (self.db.info.backend_pid, self.watch.pid, self.aside.info.backend_pid)
            self.redis = self.exit.enter_context(redis.Redis.from_url(self.stack.valkey.url))
            for name, part in (("postgres", self.stack.postgres), ("rest", self.stack.supabase)):
                self.measure(name, part.child)
            self.measure("valkey", self.stack.valkey.child)
            self.settings = {**self.stack.environment(), **self.stack.listening(), "WEBHOOKS_DISPATCH_TOKEN": TOKEN}
            self.receiver = self.receive()
            self.port = free_port()
            self.serve("gateway", self.port, part="gateway")
            self.exit = self.exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.exit.close()

    def worker(self, processes: int = 2, **settings: str) -> Child:
        """Start workers, and wait until every process is ready."""
        log = self.directory / "worker.log"
        start = log.stat().st_size if log.exists() else 0
        child = self.webhooks("worker", "--processes", str(processes), **settings)
        # each says so once it has booted
        child.wait_ready(lambda: _since(log, start).count("ready for action") >= processes)
        self.measure("worker", child)
        return child

    def serve(self, command: str, port: int, *, part: str, **settings: str) -> Child:
        """Start `webhooks gateway` or `webhooks serve` as a part, and wait until it listens."""
        child = self.webhooks(command, "--port", str(port), **settings)
        child.wait_ready(lambda: listening(port))
        self.measure(part, child)
        return child

    def webhooks(self, command: str, *arguments: str, **settings: str) -> Child:
        """Start a command of the checkout."""
        # python -m looks where it is started before it looks at what is installed
        return self.run(
            command_line(self.code), command, *arguments, environment=settings, code=self.code, name=command
        )

    def unmeasure(self, name: str) -> None:
        """End the measuring of a part, if it has begun."""
        self.parts.pop(name, None)

    def receive(self, certificate: Path | None = None) -> str:
        """Start a receiver, over TLS when there is a certificate; return its URL."""
        port = free_port()
        child = self.run("bench.receiver", str(port), *([str(certificate)] if certificate else []))
        child.wait_ready(lambda: listening(port))
        self.measure("receiver over TLS" if certificate else "receiver", child)
        return f"http{'s' if certificate else ''}://127.0.0.1:{port}"

    def proxy(self, milliseconds: float = 0) -> str:
        """Start a proxy before REST that counts, and delays a call by so much; return its URL."""
        port = free_port()
        child = self.run("bench.proxy", str(port), str(self.stack.supabase.port), str(milliseconds))
        child.wait_ready(lambda: listening(port))
        return f"http://127.0.0.1:{port}"

    def run(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        code: Path = ROOT,
        name: str | None = None,
    ) -> Child:
        """Start a Python module of a checkout as a process of its own, that ends with this one."""
        child = Child(
            name or module,
            [sys.executable, "-m", module, *arguments],
            log=self.directory / f"{name or module}.log",
            cwd=code,
            environment={**os.environ, **self.settings, **(environment or {}), "PYTHONUNBUFFERED": "1"},
        )
        self.exit.callback(child.stop)
        return child

    def fill(self, rows: int, endpoints: int, *, path: str = "hook", receiver: str | None = None) -> int:
        """Put this many pending rows for this many HTTP endpoints, in place of all that there is.

        Return the bytes that their inserting added to the write-ahead log.
        """
        return self.fill_for(rows, [f"{receiver or self.receiver}/{path}/{n}" for n in range(1, endpoints + 1)])

    def begin(self, endpoints: int, *, path: str = "hook", receiver: str | None = None) -> None:
        """Put nothing but a history, of which nothing is pending, and endpoints that may be delivered to."""
        self.fill(0, endpoints, path=path, receiver=receiver)
        self.insert(FINISHED, {"rows": HISTORY, "payload": json.dumps({"event": EVENT, "data": DATA})})
        self.db.execute("vacuum analyze")
        self.allow()

    def fill_for(self, rows: int, urls: Sequence[str]) -> int:
        """Put this many pending rows for these endpoints, as `fill` does; `activate` lets them go."""
        self.empty()
        self.db.execute(
            "insert into public.webhook_configurations (name, url, events, secret_key, is_active)"
            " select 'endpoint ' || n, url, '{*}', %s, false from unnest(%s::text[]) with ordinality as u (url, n)",
            (self.secret, list(urls)),
        )
        before = self.wal()
        self.insert(FILL, {"rows": rows, "event": EVENT, "data": json.dumps(DATA)})
        self.db.execute(QUEUE)
        added = self.wal() - before
        self.db.execute("vacuum analyze")
        return added

    def insert(self, sql: str, parameters: Mapping[str, object]) -> None:
        """Insert deliveries that are complete: without the row trigger, a million take seconds."""
        self.db.execute("set session_replication_role = replica")
        self.db.execute("set work_mem = '1GB'")
        self.db.execute(sql.encode(), parameters)
        self.db.execute("reset work_mem")
        self.db.execute("reset session_replication_role")

    def empty(self) -> None:
        """Remove all endpoints and deliveries. A truncate that deadlocks with a claim is repeated."""
        while True:
            with suppress(psycopg.errors.DeadlockDetected):
                self.db.execute("truncate public.webhook_configurations cascade")
                return

    def allow(self) -> None:
        """Let the endpoints' deliveries go, without the cron. Their URLs count as checked."""
        with self.db.transaction():
            self.db.execute("update public.webhook_configurations set is_active = true")
            self.db.execute(CHECKED)

    def activate(self) -> None:
        """Let the endpoints' deliveries go, and do what the cron does."""
        self.allow()
        self.wake()

    def wake(self) -> None:
        """Do what the cron does."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://127.0.0.1:{self.port}/functions/v1/webhook-dispatcher"
        httpx.post(url, headers=headers, trust_env=False, timeout=30).raise_for_status()

    def count(self, sql: str, *parameters: object) -> int:
        """Return a statement's only number."""
        row = self.db.execute(sql.encode(), parameters).fetchone()
        assert row
        return int(row[0])

    def commands(self) -> int:
        """Return how many commands Redis has run."""
        stats: Any = self.redis.info("commandstats")
        return sum(command["calls"] for command in stats.values())

    def wal(self) -> int:
        """Return how many bytes Postgres has written to its write-ahead log."""
        return self._ask("select (pg_current_wal_insert_lsn() - '0/0')::bigint")

    def commits(self) -> int:
        """Return how many transactions the database has committed, ours of before included.

        Postgres's other processes count theirs when they have been idle for ten seconds, busy ones each second.
        """
        self.db.execute("select pg_stat_force_next_flush()")
        return self._ask("select xact_commit from pg_stat_database where datname = %s", DATABASE)

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds that each part has used so far, without what the benchmark asks of Postgres."""
        return {name: usage.cpu(pid, self.own) for name, pid in self.parts.items()}

    def processes(self) -> dict[str, dict[int, float]]:
        """Return the CPU seconds of each process of each part."""
        return {name: usage.each(pid, self.own) for name, pid in self.parts.items()}

    def measure(self, name: str, child: Child | None) -> None:
        """Make a process, and all that stem from it, a part whose use is measured."""
        assert child
        self.parts[name] = child.pid

    def _ask(self, sql: str, *parameters: object) -> int:
        row = self.aside.execute(sql.encode(), parameters).fetchone()
        assert row
        return int(row[0])


def _since(log: Path, start: int) -> str:
    with log.open(errors="replace") as file:
        file.seek(start)
        return file.read()
