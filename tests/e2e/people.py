"""Accounts of tests: made once, then put into each test's database, for hashing their passwords takes long."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import System

#: How to read and to write a table, without its generated columns.
COLUMNS = """
    select string_agg(quote_ident(attname), ', ') from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped and attgenerated = ''"""
READ = "select jsonb_agg(to_jsonb(t))::text from {table} as t"
WRITE = "insert into {table} ({columns}) select {columns} from jsonb_populate_recordset(null::{table}, %s)"

#: The rows of each group's tables.
_made: dict[str, dict[str, str]] = {}


def make_people(system: System, group: str, make: Callable[[], None]) -> None:
    """Make a group's accounts with `make`, or restore them."""

    def value(sql: str, *arguments: str) -> str:
        row = system.db.execute(sql.encode(), arguments).fetchone()
        return str(next(iter(row.values()))) if row else ""

    if group not in _made:
        make()
        _made[group] = {table: value(READ.format(table=table)) for table in ("auth.users", "auth.identities")}
        return
    for table, rows in _made[group].items():
        system.db.execute(WRITE.format(table=table, columns=value(COLUMNS, table)).encode(), (rows,))
