"""Trigger errors: events that the platform's own tables could not dispatch, though the change itself was saved."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.forms import FormError, moment, text
from supabase_webhooks.gateway.dashboard.page import go, page, wake
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

TABLE = "webhook_trigger_errors"

#: The table does not exist: the codes of PostgREST, of older versions, and of Postgres.
MISSING = {"PGRST205", "PGRST200", "42P01", "404"}

PAGE_SIZE = 100

#: Without the events' data, which may be long and personal.
COLUMNS = "id,occurred_at,resolved_at,source,event_type,operation,events,code,message,context"


@get("/trigger-errors")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the newest ones, if the project records them."""
    await admin.call("webhook_admin_check")
    before = _before(request)
    keyset = {"occurred_at": f"lt.{before}"} if before else {}
    try:
        errors = await admin.rows(
            TABLE, select=COLUMNS, limit=str(PAGE_SIZE + 1), order="occurred_at.desc,id", **keyset
        )
    except StoreError as exc:
        if exc.code not in MISSING:
            raise
        return page(request, "trigger_errors.html", admin, errors=None, older=None)
    older = errors[PAGE_SIZE - 1]["occurred_at"] if len(errors) > PAGE_SIZE else None
    return page(request, "trigger_errors.html", admin, errors=errors[:PAGE_SIZE], older=older)


@post("/trigger-errors/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
) -> Redirect:  # fmt: skip
    """Emit again, once and in order, the events of one error, or of all that are not resolved."""
    error = text(await request.form(), "id")
    done = await admin.write("retry_trigger_errors", ids=[error] if error else None)
    await wake(broker, settings)
    if done["failed"]:
        first = done["failed"][0]["message"]
        return go(
            request, "/trigger-errors", f"{done['resolved']} resolved, {len(done['failed'])} not: {first}", kind="error"
        )
    return go(request, "/trigger-errors", f"{done['resolved']} resolved.")


def _before(request: Request[Any, Any, Any]) -> str | None:
    try:
        return moment(request.query_params, "before")
    except FormError:
        return None


ROUTES = [index, retry]
