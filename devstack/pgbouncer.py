"""PgBouncer from Debian's package, before a Postgres of ours, on a loopback port; the machine's is not touched."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psycopg

from devstack.errors import StackError
from devstack.postgres import NOBODY
from devstack.processes import Child, Service, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROGRAM = Path("/usr/sbin/pgbouncer")

#: Several server connections, each transaction on the next, as under load: what relies on a session shows at once.
CONFIG = """
[databases]
* = host=127.0.0.1 port={server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = {mode}
min_pool_size = 4
server_round_robin = 1
auth_type = trust
auth_file = {folder}/users.txt
"""


def available() -> bool:
    """Return whether PgBouncer is on this machine."""
    return PROGRAM.exists()


class PgBouncer(Service):
    """A pooler that passes on what these roles send. As root it runs as nobody: it refuses to run as root."""

    def __init__(
        self,
        directory: Path,
        server: int,
        *,
        mode: Literal["transaction", "session"] = "transaction",
        roles: Sequence[str] = ("postgres",),
        say: Callable[[str], None] = print,
    ) -> None:
        self._log = directory / "pgbouncer.log"
        self._server = server
        self._mode = mode
        self._roles = roles
        self._say = say
        self._folder: Path | None = None
        self.port = 0

    def dsn(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """Return a role's connection string of a database, through this."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, and wait until it responds. Raises StackError."""
        if not available():
            raise StackError("PgBouncer is not on this machine (apt install pgbouncer)")
        self.port = self.port or free_port()
        self._say(f"waiting for PgBouncer on port {self.port}")
        # where its user can read it, wherever the checkout lies
        self._folder = Path(tempfile.mkdtemp(prefix="supabase-webhooks-pgbouncer-"))
        self._folder.chmod(0o755)
        (self._folder / "users.txt").write_text("".join(f'"{role}" ""\n' for role in self._roles))
        config = self._folder / "pgbouncer.ini"
        config.write_text(CONFIG.format(server=self._server, port=self.port, mode=self._mode, folder=self._folder))
        user = NOBODY if os.geteuid() == 0 else None
        self.child = Child("PgBouncer", [PROGRAM, config], log=self._log, cwd=self._folder, user=user)
        self.child.wait_ready(self._responds)

    def stop(self) -> None:
        """Stop it, and remove its configuration."""
        super().stop()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _responds(self) -> bool:
        try:
            psycopg.connect(self.dsn(user=self._roles[0]), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
