"""The stack: Postgres, Supabase Lite and Valkey, started in order and ended with the process that started them."""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from devstack.errors import StackError
from devstack.ledger import edited
from devstack.postgres import Postgres
from devstack.supabase_lite import SupabaseLite, migrate
from devstack.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

MIGRATIONS = Path(__file__).parent.parent / "supabase" / "migrations"
DATABASE = "app"


class Stack:
    """A context manager; a second one on the same directory raises StackError. Data stays for the next start.

    `prepare` is given the migrated database's DSN before Supabase Lite starts, which reads the schema only then.
    A database that was created by migrations that have been edited since cannot be migrated: it is created again if its
    data is `disposable`, else StackError is raised.
    """

    def __init__(
        self,
        directory: Path = Path(".devstack"),
        *,
        say: Callable[[str], None] = print,
        prepare: Callable[[str], None] = lambda _: None,
        migrations: Path = MIGRATIONS,
        disposable: bool = False,
    ) -> None:
        self._directory = directory
        self._say = say
        self._prepare = prepare
        self._migrations = migrations
        self._disposable = disposable
        self._exit = ExitStack()
        self.postgres = Postgres(directory / "postgres", say=say)
        self.valkey = Valkey(directory, say=say)
        self.supabase: SupabaseLite

    def __enter__(self) -> Self:
        with self._exit:  # ends what was started when a later start fails
            self._lock()
            self._exit.callback(self.postgres.stop)
            self.postgres.start()
            dsn = self._create()
            migrate(self._directory, dsn, self._migrations, say=self._say)
            self._prepare(dsn)
            self.supabase = SupabaseLite(self._directory, dsn, say=self._say)
            self._exit.callback(self.supabase.stop)
            self.supabase.start()
            self._exit.callback(self.valkey.stop)
            self.valkey.start()
            self._exit = self._exit.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def environment(self) -> dict[str, str]:
        """Return the settings with which gateway and workers reach this stack."""
        return {
            "SUPABASE_URL": self.supabase.url,
            "SUPABASE_SERVICE_ROLE_KEY": self.supabase.keys.secret,
            "SUPABASE_ANON_KEY": self.supabase.keys.publishable,
            "REDIS_URL": self.valkey.url,
            "WEBHOOKS_ALLOW_HTTP": "true",
            "WEBHOOKS_ALLOWED_NETWORKS": "127.0.0.0/8",
            # sign-ins outlive a restart, as the project's keys do
            "WEBHOOKS_SESSION_SECRET": hashlib.sha256(f"session {self.supabase.keys.jwt_secret}".encode()).hexdigest(),
        }

    def listening(self) -> dict[str, str]:
        """Return the setting with which workers listen to its Postgres."""
        return {"WEBHOOKS_DATABASE_URL": self.postgres.dsn(DATABASE)}

    def check(self) -> None:
        """Raise ChildDiedError when a part has ended."""
        for part in (self.postgres, self.supabase, self.valkey):
            part.check()

    def _create(self) -> str:
        dsn = self.postgres.create(DATABASE)
        if labels := edited(dsn, self._migrations):
            problem = f"the database was created by migrations that have been edited since: {', '.join(labels)}"
            if not self._disposable:
                raise StackError(f"{problem}. To create it again, which deletes its data: rm -rf {self.postgres.data}")
            self._say(f"{problem}; creating it again")
            self.postgres.drop(DATABASE)
            self.postgres.create(DATABASE)
        return dsn

    def _lock(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        lock = self._exit.enter_context((self._directory / "stack.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(f"another stack runs on {self._directory.absolute()}; end it first") from None
