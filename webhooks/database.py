"""A Supabase project's Postgres, and the migrations of this package."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Self

from supabase_webhooks.webhooks.errors import MigrationError
from supabase_webhooks.webhooks.inventory import remove, take
from supabase_webhooks.webhooks.migration import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from supabase_webhooks.webhooks.inventory import Inventory
    from supabase_webhooks.webhooks.migration import Migration

__all__ = ["Applied", "Database", "shipped"]

#: Held while migrations are applied, so that two concurrent runs wait for each other: "webhooks" in ASCII.
LOCK = 0x776562686F6F6B73

#: Seconds that one run waits for the other before it fails.
LOCK_SECONDS = 60

#: How often a removal is attempted while the tables are in use, and the SQLSTATE of that error.
TRIES, LOCK_NOT_AVAILABLE = 10, "55P03"

#: The name under which Supabase Vault has the dispatch token.
VAULT_NAME = "webhooks_dispatch_token"

#: What our functions raise for a missing extension and a wrong argument.
OUR_ERRORS = {"55000", "22023"}

#: The checksum of a row that was derived from the database: which text was applied is unknown.
UNKNOWN = "unknown"

#: label -> whether a database has what the migration creates, if the ledger lacks its row: after a dump without rows.
#: The upgrade leaves none, and does nothing where the system is.
_TRACES = """
    with partitioned as (
        select c.relkind = 'p' as found from pg_catalog.pg_class as c
        where c.oid = to_regclass('public.webhook_deliveries')
    )
    select coalesce(array_agg(t.label), '{}') from (values
        ('system', to_regclass('webhooks.delivery_queue') is not null),
        ('platform', to_regprocedure('webhooks.platform_triggers()') is not null),
        ('partitions_foresee', (select p.found from partitioned as p)),
        ('partitions_read', (select p.found from partitioned as p)),
        ('partitions_swap', (select p.found from partitioned as p))
    ) as t (label, found) where t.found
"""

_RECORD = """
    insert into webhooks.migrations (name, checksum, package_version) values (%s, %s, %s)
    on conflict (name) do update set checksum = excluded.checksum, package_version = excluded.package_version
"""


@dataclass(frozen=True)
class Applied:
    """A row of the ledger."""

    checksum: str
    package_version: str


class Database:
    """A context manager: a connection to a Supabase project's Postgres. Every error is a MigrationError."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None
        #: What Postgres warned of.
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        try:
            import psycopg  # noqa: PLC0415 - of an extra, which gateway and workers do without
        except ModuleNotFoundError as exc:
            raise MigrationError(
                "migrate needs psycopg, which is not installed; install it: pip install 'supabase-webhooks[migrate]'"
            ) from exc
        self._error: type[Exception] = psycopg.Error
        # no prepared statements: a pooler in transaction mode gives each transaction another server connection
        self._connect = partial(psycopg.connect, self._dsn, autocommit=True, connect_timeout=10, prepare_threshold=None)
        with self._translated("connecting"):
            try:
                self._connection = self._connect()
            except psycopg.ProgrammingError:
                # its text repeats the DSN, password included
                raise MigrationError(
                    "the DSN is malformed; example: postgresql://postgres:<password>@db.<ref>.supabase.co:5432/postgres"
                ) from None
        self._connection.add_notice_handler(self._warned)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def problem(self) -> str | None:
        """Return why this is not a Supabase database, or None."""
        with self._translated("inspecting the database"):
            row = self._connection.execute(
                "select to_regprocedure('auth.uid()') is not null,"
                " (select count(*) from pg_catalog.pg_roles"
                "  where rolname in ('anon', 'authenticated', 'service_role'))"
            ).fetchone()
        if row == (True, 3):
            return None
        return "this is not a Supabase database: auth.uid() or the roles anon, authenticated, service_role are missing"

    def applied(self) -> dict[str, Applied]:
        """Return the applied migrations by label; those missing from the ledger are derived from the objects."""
        with self._translated("reading the applied migrations"):
            found = {label: Applied(UNKNOWN, UNKNOWN) for label in self._connection.execute(_TRACES).fetchone()[0]}
            if self._connection.execute("select to_regclass('webhooks.migrations')").fetchone()[0]:
                rows = self._connection.execute("select name, checksum, package_version from webhooks.migrations")
                found |= {label: Applied(checksum, version) for label, checksum, version in rows.fetchall()}
            return found

    def first_generation(self) -> bool:
        """Return whether the database has the platform's first-generation tables, which the upgrade alters."""
        with self._translated("inspecting the database"):
            row = self._connection.execute(
                "select to_regclass('public.webhook_configurations') is not null"
                " and to_regclass('webhooks.delivery_queue') is null"
            ).fetchone()
            return bool(row[0])

    def apply(self, migration: Migration) -> None:
        """Apply a migration, which records itself: both or neither."""
        with self._translated(migration.file.name), self._connection.transaction():
            self._connection.execute(migration.sql)

    def record(self, applied: Mapping[str, Applied]) -> None:
        """Write rows into the ledger, which is created if need be."""
        with self._translated("writing the ledger"), self._connection.transaction():
            if not self._connection.execute("select to_regclass('webhooks.migrations')").fetchone()[0]:
                for name in ("webhooks.sql", "migrations.sql"):
                    self._connection.execute((shipped("schemas/setup") / name).read_text())
            for label, row in applied.items():
                self._connection.execute(_RECORD, (label, row.checksum, row.package_version))

    def inventory(self) -> Inventory:
        """Return what the database contains of this package."""
        with self._translated("inspecting the database"):
            return take(self._connection)

    def uninstall(self) -> None:
        """Remove everything of this package, or nothing."""
        with self.locked(), self._translated("nothing was removed; stop gateway and workers, and run it again"):
            for left in reversed(range(TRIES)):
                try:
                    with self._connection.transaction():
                        if dependents := take(self._connection).dependents:
                            raise MigrationError(
                                f"other objects depend on it; drop them first: {', '.join(dependents)}"
                            )
                        remove(self._connection)
                except self._error as exc:
                    if getattr(exc, "sqlstate", None) != LOCK_NOT_AVAILABLE or not left:
                        raise
                else:
                    return

    def secure(self) -> list[dict[str, Any]]:
        """Repair grants and policies; return what was changed: kind, object, was and should_be."""
        with self._translated("repairing grants and policies"):
            rows = self._connection.execute("select kind, object, was, should_be from webhooks.secure()").fetchall()
        return [dict(zip(("kind", "object", "was", "should_be"), row, strict=True)) for row in rows]

    def reattach(self) -> list[dict[str, str]]:
        """Create the missing triggers of attached events; return each with its outcome."""
        with self._translated("attaching"):
            rows = self._connection.execute(
                "select source, event_type, operation, outcome from public.webhook_reattach()"
            )
            return [dict(zip(("source", "event", "operation", "outcome"), row, strict=True)) for row in rows.fetchall()]

    def keep_token(self, token: str) -> Literal["kept", "created"]:
        """Put the dispatch token into Supabase Vault, where pg_cron's job reads it; another one there is an error."""
        with self._translated("Supabase Vault"):
            if not self._connection.execute("select to_regclass('vault.decrypted_secrets')").fetchone()[0]:
                raise MigrationError("Vault is not enabled: enable supabase_vault under Database > Extensions")
            row = self._connection.execute(
                "select decrypted_secret from vault.decrypted_secrets where name = %s", (VAULT_NAME,)
            ).fetchone()
            if row is None:
                self._connection.execute("select vault.create_secret(%s, %s)", (token, VAULT_NAME))
                return "created"
        if row[0] != token:
            raise MigrationError(
                f"Vault's secret {VAULT_NAME} is another token than WEBHOOKS_DISPATCH_TOKEN; set the setting to it, or "
                "delete the secret under Project Settings > Vault if the gateway has the new one"
            )
        return "kept"

    def call_by_cron(self, gateway_url: str | None) -> str:
        """Make pg_cron call a gateway once a minute, or none; return what it does now."""
        with self._translated("pg_cron"):
            try:
                row = self._connection.execute("select webhooks.call_by_cron(%s)", (gateway_url,)).fetchone()
            except self._error as exc:
                # ours: one line with its cure
                if getattr(exc, "sqlstate", None) not in OUR_ERRORS:
                    raise
                raise MigrationError(str(exc).partition("\n")[0]) from exc
        return str(row[0])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of migrations.

        A transaction on a second connection holds it: a pooler in transaction mode keeps a session's lock forever, and
        ends a transaction with its client. Between statements it holds no snapshot.
        """
        with self._translated("connecting"):
            holder = self._connect()
        with closing(holder):
            with self._translated("another `webhooks migrate` is running, or its connection is still open"):
                holder.execute("begin; set local idle_in_transaction_session_timeout = 0")
                holder.execute(f"set local lock_timeout = '{LOCK_SECONDS}s'")
                holder.execute("select pg_advisory_xact_lock(%s)", (LOCK,))
            yield
            with suppress(self._error):
                # the server would find out a moment after the connection is closed
                holder.execute("rollback")

    def _warned(self, notice: Any) -> None:  # noqa: ANN401 - psycopg is of an extra
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(str(notice.message_primary))

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except self._error as exc:
            # psycopg names host, user and database when a connection fails, never the password
            raise MigrationError(f"{doing}: {str(exc).strip()}") from exc
