"""Trigger errors: events that the platform's own tables could not dispatch, though the change itself went through."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from gateway.dashboard.page import page
from gateway.session import Admin
from webhooks.errors import StoreError

TABLE = "webhook_trigger_errors"

#: There is no such table: PostgREST's code, older ones' and Postgres's.
MISSING = {"PGRST205", "PGRST200", "42P01", "404"}

PAGE_SIZE = 100


@get("/trigger-errors")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the newest ones, if the project records them."""
    await admin.call("webhook_admin_check")
    try:
        errors = await admin.rows(TABLE, select="*", limit=str(PAGE_SIZE), order="occurred_at.desc")
    except StoreError as exc:
        if exc.code not in MISSING:
            raise
        return page(request, "trigger_errors.html", admin, errors=None)
    return page(request, "trigger_errors.html", admin, errors=errors)


ROUTES = [index]
