"""Supabase Lite: REST, Auth and Studio on one Postgres database, and its migrations."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import httpx
import psycopg

from devstack.errors import StackError
from devstack.node import environment, install, node
from devstack.processes import Child, Service, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: Where Postgres keeps the privileges of tables and of schemas: how to read them, and how to write them.
ACCESS = {
    "select relacl::text, oid::bigint from pg_class": "update pg_class set relacl = %s::aclitem[] where oid = %s",
    "select nspacl::text, oid::bigint from pg_namespace": (
        "update pg_namespace set nspacl = %s::aclitem[] where oid = %s"
    ),
}

#: Starts before it is given up.
TRIES = 5

CONFIG = """project_id = "devstack"
[db]
driver = "postgres"
url = "{dsn}"
[auth]
enabled = true
"""


@dataclass(frozen=True)
class Keys:
    """A project's API keys and the secret of its users' tokens."""

    publishable: str
    secret: str
    jwt_secret: str

    @classmethod
    def load(cls, file: Path) -> Keys:
        """Return the keys in a file, made when there is none: signed-in browsers outlive a restart."""
        if not file.exists():
            keys = cls(
                publishable=f"sb_publishable_{secrets.token_hex(11)}_{secrets.token_hex(4)}",
                secret=f"sb_secret_{secrets.token_hex(11)}_{secrets.token_hex(4)}",
                jwt_secret=secrets.token_hex(32),
            )
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(json.dumps(asdict(keys)))
        return cls(**json.loads(file.read_text()))


class SupabaseLite(Service):
    """A server on a database. `directory` holds the log and the keys."""

    def __init__(
        self, directory: Path, dsn: str, *, name: str = "supabase", say: Callable[[str], None] = print
    ) -> None:
        self._directory = directory
        self._dsn = dsn
        self._name = name
        self._say = say
        self.keys = Keys.load(directory / "keys.json")
        self.port = 0
        self._granted: dict[str, list[tuple[str | None, int]]] = {}

    @property
    def url(self) -> str:
        """The project's URL; Studio is there too."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it responds. Raises StackError."""
        self.port = self.port or free_port()
        self._say(f"waiting for Supabase Lite on port {self.port}")
        self._granted = self._granted or self._privileges()
        for _ in range(TRIES):
            self._launch()
            if self._take_back():
                return
            self.stop()
        raise StackError(f"Supabase Lite was not ready in {TRIES} starts; see {self._directory / self._name}.log")

    def _launch(self) -> None:
        self.child = Child(
            "Supabase Lite",
            [node(), "server.mjs"],
            cwd=install(say=self._say),
            log=self._directory / f"{self._name}.log",
            environment={
                **environment(),
                "DATABASE_URL": self._dsn,
                "PORT": str(self.port),
                "PUBLISHABLE_KEY": self.keys.publishable,
                "SECRET_KEY": self.keys.secret,
                "JWT_SECRET": self.keys.jwt_secret,
            },
        )
        self.child.wait_ready(self.responds)

    def _take_back(self) -> bool:
        """Put the privileges back as they were; return False when Lite fell or was still granting meanwhile.

        At the first request for a table Lite grants all tables of all schemas with row level security to everyone;
        hosted Supabase does not. Several first requests at once make it grant at once, and fall over itself; while it
        still grants, it and this may be each other's deadlock.
        """
        try:
            self._get("webhook_event_types?limit=0")
            with psycopg.connect(self._dsn) as connection:
                for read, write in ACCESS.items():
                    connection.cursor().executemany(write, self._granted[read])
        except (httpx.TransportError, psycopg.errors.InternalError_, psycopg.errors.DeadlockDetected):
            return False
        return True

    def _privileges(self) -> dict[str, list[tuple[str | None, int]]]:
        with psycopg.connect(self._dsn) as connection:
            return {read: connection.execute(read).fetchall() for read in ACCESS}

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}/rest/v1/{path}", headers={"apikey": self.keys.secret}, trust_env=False)

    def responds(self, path: str = "") -> bool:
        """Return whether it responds to a server's request for a path of its REST API."""
        try:
            return self._get(path).is_success
        except httpx.TransportError:
            return False


def migrate(directory: Path, dsn: str, migrations: Path, *, say: Callable[[str], None] = print) -> str:
    """Apply what is pending of a folder of migrations, as `supabase migration up` does; return what it printed.

    The schema `auth` and the roles of a Supabase project are made first, where they are missing.
    """
    packages = install(say=say)
    project = directory.absolute() / "projects" / dsn.rsplit("/", 1)[-1]
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(migrations, project / "supabase" / "migrations")
    (project / "supabase" / "config.toml").write_text(CONFIG.format(dsn=dsn))
    say(f"applying the migrations to the database {project.name}")
    cli = packages / "node_modules" / "@supabase" / "lite" / "dist" / "cli" / "index.js"
    done = subprocess.run(
        [node(), cli, "migration", "up"], cwd=project, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"a migration failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout
