"""The command line as people run it: its output and its exit code, on real servers."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import psycopg
import pytest

from devstack.supabase_cli import supabase
from devstack.supabase_lite import migrate
from supabase_webhooks.webhooks.cli import main
from tests.conftest import quiet
from tests.e2e.conftest import all_standing, dsn, standing, system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devstack.postgres import Postgres
    from tests.e2e.conftest import System

__all__ = ["all_standing", "dsn", "standing", "system"]

#: A migration of the app's own, in its database already.
VERSION = "20200101000000"
APP = f"{VERSION}_app.sql"


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


def environment(variables: dict[str, str]) -> dict[str, str]:
    """Return a process's environment without settings of ours but those given."""
    ours = ("SUPABASE_", "WEBHOOKS_", "REDIS_", "DATABASE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # someone who runs the tests may be logged in somewhere
    return {**kept, "TERM": "dumb", "XDG_CONFIG_HOME": "/nonexistent", "WEBHOOKS_ENV_FILE": "", **variables}


def start(*arguments: str, variables: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """Start a command."""
    return subprocess.Popen(
        [sys.executable, "-m", "supabase_webhooks.webhooks.cli", *arguments],
        env={**environment(variables or {}), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(*arguments: str, variables: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Lend a running command, which does not outlive the test, however that ends: nor do its own children."""
    process = start(*arguments, variables=variables)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def run(*arguments: str, variables: dict[str, str] | None = None, given: str = "") -> Done:
    """Run a command to its end, in this process: a new one takes a second to start."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment(variables or {}), clear=True),
        patch.object(sys, "argv", ["webhooks", *arguments]),
        patch.object(sys, "stdin", io.StringIO(given)),
        redirect_stdout(out),
        redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        # supabase-py calls its own parts in ways that they deprecate
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            main()
        except SystemExit as exc:
            return Done(int(exc.code or 0), out.getvalue(), err.getvalue())
    return Done(0, out.getvalue(), err.getvalue())


@pytest.fixture
def project(postgres: Postgres, directory: Path) -> Iterator[str]:
    """An empty Supabase project: auth and roles, and one migration of the app's own."""
    folder = directory / "app-migrations"
    folder.mkdir(exist_ok=True)
    (folder / APP).write_text("create table public.app (id int);")
    dsn = postgres.create("migrate_project")
    migrate(directory, dsn, folder, say=quiet)
    with psycopg.connect(dsn) as db:
        # Supabase Lite makes its roles for the whole cluster when it starts
        for role in ("anon", "authenticated", "service_role"):
            if not db.execute("select from pg_roles where rolname = %s", (role,)).rowcount:
                # as Lite makes it, for tests after this one
                db.execute(f"create role {role} {'bypassrls' if role == 'service_role' else ''}".encode())
    yield dsn
    postgres.drop("migrate_project")


class App:
    """An app's own folder and database, and the Supabase CLI between them."""

    def __init__(self, folder: Path, dsn: str, own: Path) -> None:
        self._folder = folder
        self._dsn = dsn
        self.migrations = folder / "supabase" / "migrations"
        self.migrations.mkdir(parents=True)
        (self.migrations.parent / "config.toml").write_text('project_id = "app"\n')
        shutil.copyfile(own, self.migrations / APP)

    def own(self, version: str) -> None:
        """Add a migration of the app's own."""
        (self.migrations / f"{version}_own.sql").write_text(f"create table public.own_{version} ();")

    def push(self) -> None:
        """Run `supabase db push`."""
        self.supabase("db", "push")

    def supabase(self, *arguments: str) -> None:
        """Run the Supabase CLI on the database."""
        done = supabase(*arguments, "--db-url", f"{self._dsn}?sslmode=disable", cwd=self._folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def application(project: str, directory: Path, tmp_path: Path) -> App:
    """The app."""
    return App(tmp_path / "app", project, directory / "app-migrations" / APP)


@pytest.fixture
def webhooks(system: System) -> Callable[..., Done]:
    """Run a command on the system."""

    def call(*arguments: str, given: str = "", **variables: str) -> Done:
        return run(*arguments, variables={**system.settings(), **variables}, given=given)

    return call
