"""`python -m bench.before_after`: dispatch, claim and record beside those of an earlier commit, in alternating rounds.

Both databases are on one server with durable settings (fsync and synchronous_commit on). Medians of the rounds; WAL in
bytes a delivery. Each side fetches what a worker needs: bodies and settings too.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import tuple_row

from bench.progress import say
from devstack.postgres import Postgres
from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The last commit before deliveries and their queue were taken apart.
BEFORE = "8c43fae"
ROUNDS = 60
DISPATCH = "select public.dispatch_webhook('user.posted_comment', %s::jsonb)"
DATA = json.dumps({"discussion_id": "d", "comment_id": "c", "comment_text": "x" * 330})
CLAIM = {"before": "select * from public.claim_webhook_deliveries(100, 60, 'bench')",
         "after": "select public.claim_webhook_deliveries(100, 60, 'bench')"}  # fmt: skip
RECORD = {"before": "select * from public.record_webhook_attempts(%s::jsonb)",
          "after": "select public.record_webhook_attempts(%s::jsonb)"}  # fmt: skip


class Durable(Postgres):
    """A server that loses nothing in a power cut."""

    options: Mapping[str, str] = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class Side:
    """One of the two databases, with its figures."""

    def __init__(self, name: str, dsn: str) -> None:
        self.name = name
        self.db = psycopg.connect(dsn, autocommit=True, row_factory=tuple_row)
        self.ms: dict[str, list[float]] = defaultdict(list)
        self.wal: dict[str, list[float]] = defaultdict(list)

    def timed(self, what: str, sql: str, *arguments: str, deliveries: int) -> list[tuple[Any, ...]]:
        """Run a statement, and note its milliseconds and bytes."""
        before = self._position()
        began = time.perf_counter()
        rows = self.db.execute(sql.encode(), arguments).fetchall()
        self.ms[what].append((time.perf_counter() - began) * 1000)
        self.wal[what].append((self._position() - before) / deliveries)
        return rows

    def round(self) -> None:
        """Dispatch ten events to ten endpoints, claim a hundred, record them."""
        for _ in range(10):
            self.timed("dispatch", DISPATCH, DATA, deliveries=10)
        rows = self.timed("claim", CLAIM[self.name], deliveries=100)
        if self.name == "before":
            leases = [(str(row[0]), str(row[5])) for row in rows]
        else:
            leases = [(one["id"], rows[0][0]["lease_id"]) for one in rows[0][0]["deliveries"]]
        result = {"attempt": 1, "started_at": "now", "duration_ms": 5, "delivered": True, "health": "answered",
                  "response_status": 200, "response_excerpt": "ok"}  # fmt: skip
        results = [{**result, "delivery_id": delivery, "lease_id": lease} for delivery, lease in leases]
        self.timed("record", RECORD[self.name], json.dumps(results), deliveries=len(leases))

    def _position(self) -> float:
        row = self.db.execute("select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8").fetchone()
        return float(row[0]) if row else 0.0


def main() -> None:
    """Measure, and print a table."""
    directory = Path(".devstack/bench/before-after")
    old = directory / "migrations"
    old.mkdir(parents=True, exist_ok=True)
    names = _git("ls-tree", "--name-only", BEFORE, "supabase/migrations/").split()
    for name in names:
        (old / Path(name).name).write_text(_git("show", f"{BEFORE}:{name}"))
    server = Durable(directory / "postgres", say=say)
    server.erase()
    server.start()
    try:
        sides = []
        for name, folder in (("before", old), ("after", MIGRATIONS)):
            dsn = server.create(name)
            migrate(directory, dsn, folder, say=say)
            side = Side(name, dsn)
            side.db.execute(
                "insert into public.webhook_configurations (name, url, events)"
                " select 'e' || n, 'https://example.com/' || n, '{*}' from generate_series(1, 10) as n"
            )
            for _ in range(300):
                side.db.execute(DISPATCH.encode(), (DATA,))
            side.db.execute("vacuum analyze")
            side.db.execute("checkpoint")
            sides.append(side)
        for number in range(ROUNDS):
            for side in sides if number % 2 else reversed(sides):
                side.round()
        before, after = sides
        print("|  | before, ms | after, ms | ratio | WAL before | WAL after | ratio |\n|---|---|---|---|---|---|---|")
        for what in ("dispatch", "claim", "record"):
            ms, wal = (
                [statistics.median(getattr(side, kind)[what][3:]) for side in (before, after)] for kind in ("ms", "wal")
            )
            times = f"{ms[0]:.2f} | {ms[1]:.2f} | {ms[1] / ms[0]:.2f}"
            print(f"| {what} | {times} | {wal[0]:.0f} | {wal[1]:.0f} | {wal[1] / wal[0]:.2f} |")
    finally:
        server.stop()


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"git {arguments[0]} failed: {done.stderr.strip()}; this needs the repository's history")
    return done.stdout


if __name__ == "__main__":
    main()
