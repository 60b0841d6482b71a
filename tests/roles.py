"""Roles of a test. They belong to the whole server, so what a test leaves there, every later one meets."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection


@contextmanager
def made_role(db: Connection[dict[str, object]], name: str, attributes: str = "nologin") -> Iterator[None]:
    """Create a role that may be set, and drop it at the end with all that it owns and may do in this database."""
    role = sql.Identifier(name)
    db.execute(sql.SQL("create role {} ").format(role) + sql.SQL(attributes))  # type: ignore[arg-type]
    try:
        # the owner of a hosted project is not a superuser: it must be a member to set the role, and to reassign
        db.execute(sql.SQL("grant {} to current_user").format(role))
        yield
    finally:
        db.execute("reset role")
        db.execute(sql.SQL("reassign owned by {0} to current_user; drop owned by {0}; drop role {0}").format(role))
