"""Migrations are pushed into a live app: people go on signing in, and a push has hardly ever to be repeated.

Each test pushes three times; as often as the promise says, in some eight minutes:

    LIVE_PUSHES=20 make test ARGS=tests/hosted/test_live_push.py
"""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import psycopg
import pytest

from devstack.platform import tables
from devstack.stack import MIGRATIONS
from tests.conftest import OPTIONAL, PLATFORM
from tests.database.test_migrations import ROWS
from tests.hosted.bed import push, try_to_push

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosted.bed import Hosted

#: Pushes of one test; of twenty at most one may have to be repeated.
PUSHES = int(os.environ.get("LIVE_PUSHES", "3"))
REPEATED = 1

#: Tries of one push before it is given up: each needs but a moment in which nothing is in its way.
TRIES = 5

CONNECTIONS = 4
USERS = 200

#: What Supabase Auth needs for a sign-in, from its first statement to its commit.
TRANSACTION_SECONDS = 0.03

#: After so long Supabase Auth gives up a request (its GOTRUE_API_MAX_REQUEST_DURATION), and the user sees an error.
PATIENCE_SECONDS = 10.0


@dataclass
class SignIns:
    """A context manager: people who sign in, on four connections at once, as Supabase Auth writes it down."""

    dsn: str
    done: int = 0
    longest: float = 0.0
    failed: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        with psycopg.connect(self.dsn) as db:
            db.execute("insert into auth.users (id) select gen_random_uuid() from generate_series(1, %s)", (USERS,))
            users = [row[0] for row in db.execute("select id from auth.users").fetchall()]
        self._threads = [threading.Thread(target=self._go_on, args=(users,)) for _ in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()
        while self.done < CONNECTIONS:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, users: list[uuid.UUID]) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as db:
            while not self._ended.is_set():
                began = time.monotonic()
                try:
                    self._sign_in(db, random.choice(users))
                except psycopg.Error as exc:
                    self.failed.append(f"{exc.sqlstate}: {exc}")
                self.longest = max(self.longest, time.monotonic() - began)
                self.done += 1

    def _sign_in(self, db: psycopg.Connection[tuple[object, ...]], user: uuid.UUID) -> None:
        with db.transaction():
            db.execute(
                "insert into auth.sessions (id, user_id, created_at) values (%s, %s, now())", (uuid.uuid4(), user)
            )
            time.sleep(TRANSACTION_SECONDS)
            db.execute("update auth.users set last_sign_in_at = now() where id = %s", (user,))


@pytest.mark.parametrize("supautils", [False, True], ids=["", "supautils"])
@pytest.mark.parametrize("form", ["plain", "partitioned"])
@pytest.mark.parametrize("past", ["empty", "first generation"])
def test_people_sign_in_while_migrations_are_pushed(
    hosted: Hosted, directory: Path, past: str, form: str, supautils: bool
) -> None:
    """No sign-in fails or waits for seconds, and of twenty pushes at most one is repeated."""
    files = sorted(MIGRATIONS.glob("*.sql")) + (sorted(OPTIONAL.glob("*.sql")) if form == "partitioned" else [])
    repeated: list[str] = []
    failed: list[str] = []
    longest = 0.0
    for number in range(PUSHES):
        name = f"live_{number}"
        hosted.drop(name)
        dsn = hosted.create(name)
        if past == "first generation":
            with psycopg.connect(dsn) as db:
                db.execute((PLATFORM.read_text() + ROWS).encode())
        if supautils:
            hosted.run("supautils.sql", database=name)
        with SignIns(hosted.dsn(name, user="supabase_auth_admin")) as people:
            for _ in range(TRIES):
                pushed = try_to_push(directory / "live", dsn, files)
                if not pushed.returncode:
                    break
                repeated.append(pushed.stderr[-500:])
        hosted.drop(name)
        assert not pushed.returncode, f"not once in {TRIES} tries: {pushed.stderr[-1000:]}"
        failed += people.failed
        longest = max(longest, people.longest)
    assert failed == []
    assert longest < PATIENCE_SECONDS
    assert len(repeated) <= REPEATED, repeated


@pytest.mark.parametrize("supautils", [False, True], ids=["", "supautils"])
def test_people_sign_in_while_events_are_attached(
    hosted: Hosted, directory: Path, project: str, supautils: bool
) -> None:
    """Attaching and detaching the platform's nine events, auth.users among them, fails no sign-in."""
    name = project.rsplit("/", 1)[-1]
    push(directory / "live", project, sorted(MIGRATIONS.glob("*.sql")))
    if supautils:
        hosted.run("supautils.sql", database=name)
    with psycopg.connect(project, autocommit=True) as db:
        db.execute(tables().encode())
        with SignIns(hosted.dsn(name, user="supabase_auth_admin")) as people:
            for _ in range(PUSHES):
                db.execute("select public.install_platform_webhooks()")
                db.execute("select public.uninstall_platform_webhooks()")
    assert people.failed == []
    assert people.longest < PATIENCE_SECONDS
