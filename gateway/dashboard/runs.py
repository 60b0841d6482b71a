"""The dispatcher's runs: the cron's heartbeat."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from supabase_webhooks.gateway.dashboard.forms import FormError, moment
from supabase_webhooks.gateway.dashboard.page import page
from supabase_webhooks.gateway.session import Admin

PAGE_SIZE = 50


@get("/runs")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show a page of them, the newest first."""
    try:
        before = moment(request.query_params, "before")
    except FormError:
        before = None
    keyset = {"started_at": f"lt.{before}"} if before else {}
    runs = await admin.rows(
        "webhook_dispatcher_runs", select="*", order="started_at.desc", limit=str(PAGE_SIZE + 1), **keyset
    )
    shown = await admin.call("webhook_overview")
    older = runs[PAGE_SIZE - 1]["started_at"] if len(runs) > PAGE_SIZE else None
    return page(request, "runs.html", admin, runs=runs[:PAGE_SIZE], older=older, performance=shown["performance"])


ROUTES = [index]
