"""Real servers for all tests: one Postgres a session, a fresh database a test, and what stands on it."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import shutil
import uuid
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from devstack import pgbouncer, rabbitmq
from devstack.pgbouncer import PgBouncer
from devstack.platform import install as install_platform
from devstack.postgres import PROGRAMS, Postgres, available
from devstack.rabbitmq import RabbitMQ
from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate
from devstack.valkey import Valkey
from tests.hosted.bed import Hosted, lacking, push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg import Connection

ROOT = Path(__file__).parent.parent
OPTIONAL = MIGRATIONS.parent / "optional"
PLATFORM = ROOT / "tests" / "platform" / "existing_schema.sql"

#: A file system in memory, and the bytes that it must have left for the databases of tests.
MEMORY = Path("/dev/shm")
ENOUGH = 4 << 30


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their parameter: two processes must collect the same names, and a report must be readable."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_finish() -> None:
    """Look for garbage in what the tests make, not in the 5,000 that were collected: that stops all for 0.25 s."""
    gc.collect()
    gc.freeze()


#: Where clocks and several processes take part. Not tests/chaos and tests/model, which look for faults by chance.
AGAIN = {"adapters", "cli", "e2e", "hosted"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have all others fail at once: `make test` runs a failed test again."""
    for item in items:
        if item.nodeid.split("/")[1] not in AGAIN:
            item.add_marker(pytest.mark.flaky(reruns=0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show how each test that ran again failed at first: it depends on the machine, or a fault comes now and then."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"{report.nodeid} failed, and ran again", "_")
        terminalreporter.write_line(report.longreprtext)
        for title, text in report.sections:
            terminalreporter.section(title, "-")
            terminalreporter.write_line(text)


def quiet(_: str) -> None:
    """Say nothing."""


def emptied(folder: Path) -> Path:
    """Return a folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def with_partitions(directory: Path) -> Path:
    """Return a folder of all migrations, the optional ones that partition history included."""
    folder = emptied(directory / "with-partitions")
    for file in (*MIGRATIONS.glob("*.sql"), *OPTIONAL.glob("*.sql")):
        (folder / file.name).write_text(file.read_text())
    return folder


#: As ANALYZE would leave it next to ten thousand deliveries: claims and records keep their plans.
MANY_KNOWN = "update pg_class set relpages = 1000, reltuples = 10000 where oid = 'public.webhook_deliveries'::regclass"


@pytest.fixture(scope="session")
def directory() -> Iterator[Path]:
    """The session's own folder; a second session on the same checkout waits for the first.

    Of `make test`'s two processes each has its own servers in a folder below.
    """
    path = ROOT / ".devstack" / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "")
    path.mkdir(parents=True, exist_ok=True)
    with (path / "session.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for old in path.glob("*.log"):
            old.unlink()
        yield path


@contextmanager
def in_memory(folder: Path) -> Iterator[Path]:
    """Where a server keeps its data: if there is enough memory, there, for databases are made much faster in it."""
    if not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ENOUGH:
        yield folder
        return
    data = emptied(MEMORY / f"supabase-webhooks-{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}")
    yield data
    shutil.rmtree(data)


@pytest.fixture(scope="session")
def servers(directory: Path) -> Iterator[Callable[[int], Postgres]]:
    """Postgres by version, started on first use. One that the machine lacks is skipped at home, fails in CI."""
    started: dict[int, Postgres] = {}
    with ExitStack() as stack:

        def server(version: int) -> Postgres:
            if version not in started:
                if not available(version) and not os.environ.get("CI"):
                    pytest.skip(f"Postgres {version} is not on this machine (apt install postgresql-{version})")
                folder = emptied(directory / f"postgres-{version}")
                data = stack.enter_context(in_memory(folder))
                started[version] = Postgres(folder, data=data, version=version, say=quiet)
                stack.callback(started[version].stop)
                started[version].start()
            return started[version]

        yield server


@pytest.fixture(scope="session")
def hosted(directory: Path) -> Iterator[Hosted]:
    """A server like hosted Supabase's. One that the machine cannot run is skipped at home, fails in CI."""
    if (problem := lacking()) and not os.environ.get("CI"):
        pytest.skip(problem)
    folder = emptied(directory / "hosted")
    with in_memory(folder) as data:
        server = Hosted(folder, data=data)
        server.start()
        yield server
        server.stop()


@pytest.fixture(scope="session")
def form(request: pytest.FixtureRequest) -> str:
    """What a test's database is: "plain", with "partitioned" history, with "kept" plans, or on "hosted" Supabase.

    Tests that hold for several have it as a parameter, indirectly: then what stands on it is made again for others.
    """
    return str(getattr(request, "param", "plain"))


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, servers: Callable[[int], Postgres], form: str) -> Postgres:
    """The newest Postgres that there is, or one like hosted Supabase's."""
    server: Postgres = request.getfixturevalue("hosted") if form == "hosted" else servers(max(PROGRAMS))
    return server


@pytest.fixture(scope="session")
def apply(directory: Path, form: str) -> Callable[[str, Path], None]:
    """Apply a folder of migrations to a database: with Supabase Lite, or as to a hosted project."""

    def with_lite(dsn: str, folder: Path) -> None:
        migrate(directory, dsn, folder, say=quiet)

    def with_cli(dsn: str, folder: Path) -> None:
        push(directory / "pushed", dsn, sorted(folder.glob("*.sql")))

    return with_cli if form == "hosted" else with_lite


@pytest.fixture(scope="session")
def template(postgres: Postgres, apply: Callable[[str, Path], None], directory: Path, form: str) -> str:
    """A database of an empty Supabase project with our migrations."""
    name = f"template_{form}"
    dsn = postgres.create(name)
    apply(dsn, with_partitions(directory) if form == "partitioned" else MIGRATIONS)
    if form == "kept":
        with psycopg.connect(dsn) as connection:
            connection.execute(MANY_KNOWN)
    return name


@pytest.fixture(scope="session")
def platforms(postgres: Postgres, apply: Callable[[str, Path], None], directory: Path) -> Callable[[str], str]:
    """Databases of the platform with its nine events attached, by their past.

    "empty": our migrations came first, then its tables. "production": the first generation, upgraded.
    """

    def platform(past: str) -> str:
        name = f"platform_{past}"
        if name not in made:
            dsn = postgres.create(name)
            if past == "production":
                before = emptied(directory / "production")
                (before / "20200101000000_platform.sql").write_text(PLATFORM.read_text())
                apply(dsn, before)
                for file in MIGRATIONS.glob("*.sql"):
                    (before / file.name).write_text(file.read_text())
                apply(dsn, before)
            else:
                apply(dsn, MIGRATIONS)
            install_platform(dsn)
            made.add(name)
        return name

    made: set[str] = set()
    return platform


@pytest.fixture
def dsn(postgres: Postgres, template: str) -> Iterator[str]:
    """A fresh database for this test alone."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield postgres.create(name, template=template)
    postgres.drop(name)


@pytest.fixture
def db(dsn: str) -> Iterator[Connection[dict[str, object]]]:
    """A superuser's connection to it, each statement its own transaction."""
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="session")
def valkey_server(directory: Path) -> Iterator[Valkey]:
    """One Valkey a session."""
    valkey = Valkey(directory, say=quiet)
    valkey.start()
    yield valkey
    valkey.stop()


@pytest.fixture(scope="session")
def start_rabbitmq() -> Callable[[Path], RabbitMQ]:
    """Start a RabbitMQ in a folder. One that the machine lacks is skipped at home, fails in CI."""

    def start(folder: Path) -> RabbitMQ:
        if not rabbitmq.available() and not os.environ.get("CI"):
            pytest.skip("RabbitMQ is not on this machine (apt install rabbitmq-server)")
        server = RabbitMQ(folder, say=quiet)
        server.start()
        return server

    return start


@pytest.fixture(scope="session")
def rabbitmq_server(directory: Path, start_rabbitmq: Callable[[Path], RabbitMQ]) -> Iterator[RabbitMQ]:
    """One RabbitMQ a session."""
    server = start_rabbitmq(directory)
    yield server
    server.stop()


@pytest.fixture
def pool(directory: Path) -> Iterator[Callable[..., PgBouncer]]:
    """Start a PgBouncer before a server's port. One that the machine lacks is skipped at home, fails in CI."""
    with ExitStack() as stack:

        def start(server: int, **options: Any) -> PgBouncer:
            if not pgbouncer.available() and not os.environ.get("CI"):
                pytest.skip("PgBouncer is not on this machine (apt install pgbouncer)")
            pooler = PgBouncer(directory, server, say=quiet, **options)
            stack.callback(pooler.stop)
            pooler.start()
            return pooler

        yield start


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the workers do."""
    return "asyncio"
