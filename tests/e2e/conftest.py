"""The whole system on real parts: a database, REST server, gateway and workers for each test."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import httpx
import psycopg
import pytest
import redis
from psycopg.rows import dict_row

from devstack.node import environment, install, node
from devstack.services import Gateway, Serve, Worker
from devstack.supabase_lite import SupabaseLite
from supabase_webhooks.webhooks.signing import generate_secret
from tests.conftest import quiet
from tests.e2e.standing import Standing, all_standing, dsn, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devstack.valkey import Valkey

__all__ = ["all_standing", "dsn", "standing"]

JOINED = {"community_id": "c", "community_name": "Lesekreis Zürich", "community_city": "Zürich"}
TOKEN = "dispatch-token-of-the-tests"


class System:
    """Everything between a database and a receiver, with shorthands for what tests do."""

    def __init__(self, dsn: str, valkey: Valkey, directory: Path, logs: Path, standing: Standing | None = None) -> None:
        self.dsn = dsn
        self.valkey = valkey
        self.logs = logs
        self.secret = generate_secret()
        #: Variables of every gateway and worker, besides the usual ones.
        self.variables: dict[str, str] = {}
        self.standing = standing
        self.supabase = (
            standing.supabase if standing else SupabaseLite(directory, dsn, name=dsn.rsplit("/", 1)[-1], say=quiet)
        )
        self.db = psycopg.connect(dsn, autocommit=True, row_factory=dict_row)
        self.exit = ExitStack()

    def __enter__(self) -> Self:
        with self.exit:
            self.exit.callback(self.db.close)
            if self.standing:
                self.standing.start()
            else:
                self.exit.callback(self.supabase.stop)
                self.supabase.start()
            self.exit = self.exit.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.exit.close()

    def settings(self, **more: str) -> dict[str, str]:
        """Return the environment of gateway and workers."""
        return {
            "SUPABASE_URL": self.supabase.url,
            "SUPABASE_SERVICE_ROLE_KEY": self.supabase.keys.secret,
            "SUPABASE_ANON_KEY": self.supabase.keys.publishable,
            "REDIS_URL": self.valkey.url,
            "WEBHOOKS_DISPATCH_TOKEN": TOKEN,
            "WEBHOOKS_ALLOW_HTTP": "true",
            "WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8",
            **self.variables,
            **more,
        }

    def gateway(self, **more: str) -> Gateway:
        """Start a gateway."""
        gateway = Gateway(self.settings(**more), log=self.logs / "gateway.log")
        self.exit.callback(gateway.stop)
        gateway.start()
        return gateway

    def standing_gateway(self, **more: str) -> Gateway:
        """Return a gateway that outlasts the test."""
        assert self.standing
        return self.standing.gateway(self.settings(**more))

    def serve(self, **more: str) -> Serve:
        """Start gateway and workers in one process, without a broker."""
        serve = Serve(self.settings(REDIS_URL="", **more), log=self.logs / "serve.log")
        self.exit.callback(serve.stop)
        serve.start()
        return serve

    def worker(self, processes: int = 1, **more: str) -> Worker:
        """Start a worker."""
        worker = Worker(self.settings(**more), log=self.logs / f"worker-{time.monotonic_ns()}.log", processes=processes)
        self.exit.callback(worker.stop)
        worker.start()
        return worker

    def endpoint(self, url: str, events: str = "{*}", **columns: Any) -> str:
        """Make an endpoint; return its id."""
        row = {"name": "receiver", "url": url, "events": events, "secret_key": self.secret, **columns}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        sql = f"insert into public.webhook_configurations ({names}) values ({marks}) returning id"
        return str(self.db.execute(sql.encode(), tuple(row.values())).fetchone()["id"])  # type: ignore[index]

    def dispatch(self, count: int = 1, data: Any = JOINED) -> None:
        """Dispatch events as a server-side caller."""
        self.db.execute(
            "select public.dispatch_webhook('user.joined_community', %s::jsonb) from generate_series(1, %s)",
            (json.dumps(data), count),
        )

    def log(self) -> str:
        """Return what gateways and workers have logged."""
        own = "".join(log.read_text() for log in self.logs.glob("*.log"))
        return own + (self.standing.log() if self.standing else "")

    def rows(self) -> list[dict[str, Any]]:
        """Return all deliveries."""
        return self.db.execute("select * from public.webhook_deliveries order by created_at, id").fetchall()

    def attempts(self) -> list[dict[str, Any]]:
        """Return the attempt log."""
        return self.db.execute("select * from public.webhook_attempts order by started_at").fetchall()

    def wait(self, condition: Callable[[], bool], *, seconds: float = 40) -> None:
        """Wait for a condition; fail with the rows and the ends of the logs."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds} s in vain; {self.rows()[:5]}\n{self.log()[-5000:]}")
            time.sleep(0.05)

    def wait_for_status(self, status: str, count: int, *, seconds: float = 40) -> None:
        """Wait until this many deliveries have a status."""
        sql = "select count(*) as n from public.webhook_deliveries where status = %s"
        self.wait(lambda: self.db.execute(sql, (status,)).fetchone() == {"n": count}, seconds=seconds)

    def node(self, script: Path, **variables: str) -> str:
        """Run a script with supabase-js at hand; return what it printed."""
        packages = install(say=quiet)
        target = packages / script.name
        target.write_text(script.read_text())
        keys = {"SUPABASE_URL": self.supabase.url, "PUBLISHABLE_KEY": self.supabase.keys.publishable}
        return subprocess.run(
            [node(), target.name],
            cwd=packages,
            env={**environment(), **keys, **variables},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout


def trigger(url: str) -> httpx.Response:
    """Do what the cron does."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.post(f"{url}/functions/v1/webhook-dispatcher", headers=headers, trust_env=False, timeout=30)


@pytest.fixture
def system(dsn: str, standing: Standing, valkey_server: Valkey, directory: Path, tmp_path: Path) -> Iterator[System]:
    """The parts that every test needs; gateways and workers are started by the test."""
    client = redis.Redis.from_url(valkey_server.url)
    client.flushall()
    client.close()
    with System(dsn, valkey_server, directory, tmp_path, standing) as whole:
        yield whole
