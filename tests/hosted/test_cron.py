"""The documentation's SQL for pg_cron and pg_net runs as it stands, by the project's owner."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from devstack.platform import tables
from devstack.stack import MIGRATIONS
from tests.conftest import ROOT
from tests.hosted.bed import push

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hosted.bed import Hosted

#: pg_cron starts what is due when a minute begins.
MINUTE = 70.0

Connection = psycopg.Connection[tuple[object, ...]]


def blocks(document: str, *words: str) -> list[str]:
    """Return a document's blocks of SQL that name one of these functions."""
    found = re.findall(r"```sql\n(.*?)```", (ROOT / document).read_text(), flags=re.DOTALL)
    return [sql for sql in found if any(word in sql for word in words)]


@pytest.fixture
def db(hosted: Hosted, directory: Path) -> Iterator[Connection]:
    """The one database that pg_cron looks at, with our system and the platform's tables in it."""
    dsn = hosted.dsn("postgres")
    push(directory / "pushed", dsn, sorted(MIGRATIONS.glob("*.sql")))
    with psycopg.connect(dsn, autocommit=True) as connection:
        if connection.execute("select to_regclass('public.discussions')").fetchone() == (None,):
            connection.execute(tables().encode())
        yield connection
        connection.execute("select cron.unschedule(jobname) from cron.job")
        connection.execute("delete from vault.secrets")


def test_the_page_on_the_cron(db: Connection) -> None:
    """The secret is kept, the jobs are scheduled, and pg_cron calls the gateway with it when the minute begins."""
    written = blocks("docs/github-actions.md", "cron.schedule(", "vault.create_secret(")
    assert len(written) == 2
    for sql in written:
        db.execute(sql.encode())
    jobs = dict(db.execute("select jobname, schedule from cron.job where username = 'postgres'").fetchall())
    assert jobs == {"close-discussions": "17 * * * *", "webhook-dispatcher": "* * * * *"}

    queue = "select url, headers, convert_from(body, 'UTF8'), timeout_milliseconds from net.http_request_queue"
    deadline = time.monotonic() + MINUTE
    while not (sent := db.execute(queue).fetchall()):
        assert time.monotonic() < deadline, db.execute("select * from cron.job_run_details").fetchall()
        time.sleep(0.5)
    headers = {"Content-Type": "application/json", "Authorization": "Bearer the dispatch token"}
    assert sent == [("https://gateway.example.com/functions/v1/webhook-dispatcher", headers, "{}", 30_000)]
    db.execute("delete from net.http_request_queue")

    row = db.execute("select command from cron.job where jobname = 'close-discussions'").fetchone()
    assert row is not None
    assert db.execute(str(row[0]).encode()).fetchone() is not None


def test_users_do_not_read_the_secret(hosted: Hosted, db: Connection) -> None:
    """The vault is closed to the roles of a browser's requests."""
    db.execute("select vault.create_secret('the dispatch token', 'webhooks_dispatch_token')")
    with psycopg.connect(hosted.dsn("postgres", user="authenticator"), autocommit=True) as request:
        for role in ("anon", "authenticated"):
            request.execute(f"set role {role}".encode())
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                request.execute("select * from vault.decrypted_secrets")
            request.execute("reset role")
