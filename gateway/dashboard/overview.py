"""The first page: what needs attention, the last hour, circuits, performance, and a chart. It refreshes itself."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.response import Template

from supabase_webhooks.gateway.dashboard.levels import WORDS, Figure, level, percent
from supabase_webhooks.gateway.dashboard.page import page
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.steps import checklist

#: What the chart may span: its name, Postgres's interval and the number of bars.
SPANS = {
    "1h": ("1 hour", "1 hour", 60),
    "6h": ("6 hours", "6 hours", 72),
    "24h": ("24 hours", "24 hours", 96),
}

#: What a reason for the status is about, and the list that shows it.
LISTS = {
    "due": "/deliveries?status=unfinished",
    "endpoints": "/endpoints",
    "failed": "/deliveries?status=failed&range=1h",
    "dispatcher": "/runs",
}


@get("/")
async def overview(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the page."""
    shown, day = await asyncio.gather(admin.call("webhook_overview"), admin.call("webhook_figures"))
    # SQL of an earlier version does not rank endpoints
    busiest = day.get("endpoints", [])
    return page(request, "overview.html", admin, spans=SPANS, busiest=busiest, **figures(shown, admin))


@get("/overview/figures")
async def part(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Return the figures alone, for the page to refresh itself."""
    return page(request, "overview_figures.html", admin, **figures(await admin.call("webhook_overview"), admin))


@get("/overview/series")
async def series(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> dict[str, Any]:
    """Return the chart's columns."""
    _, span, buckets = SPANS.get(request.query_params.get("span", ""), SPANS["1h"])
    return dict(await admin.call("webhook_series", span=span, buckets=buckets))


def figures(shown: dict[str, Any], admin: Admin) -> dict[str, Any]:
    """Return the result of webhook_overview() as the cards show it; to viewers without what leads to admins' pages."""
    runs = None if admin.viewer else LISTS["dispatcher"]
    hour, circuits, performance, due = (
        shown["last_hour"],
        shown["circuits"],
        shown["performance"],
        shown["backlog"]["due"],
    )
    total, uptime = hour["total"], performance["dispatcher_uptime_percent"]
    shares = {name: percent(hour[name], total) for name in ("delivered", "failed", "pending")}
    return {
        "shown": shown,
        "words": WORDS,
        # SQL of an earlier version does not know the steps
        "setup": [] if admin.viewer else checklist(shown.get("setup", {})),
        "lists": LISTS | {"dispatcher": runs},
        "notes": {"Last hour": compared(total, shown.get("hour_before", {}).get("total"))},
        "cards": {
            "Last hour": [
                Figure("Total deliveries", total, "plain", link="/deliveries?range=1h"),
                Figure("Successful", hour["delivered"], level("delivered_percent", shares["delivered"]),
                       percent=shares["delivered"], link="/deliveries?status=delivered&range=1h"),
                Figure("Failed", hour["failed"], level("failed_percent", percent(hour["failed"], total)),
                       percent=shares["failed"], link="/deliveries?status=failed&range=1h"),
                # waiting is not a fault; being overdue is
                Figure("Pending", hour["pending"], level("due", due),
                       percent=shares["pending"], link="/deliveries?status=unfinished&range=1h"),
            ],
            "Circuit breakers": [
                Figure("Open", circuits["open"], level("open", circuits["open"]), link="/endpoints"),
                Figure("Half-open", circuits["half_open"], level("half_open", circuits["half_open"]),
                       link="/endpoints"),
                Figure("Closed", circuits["closed"], "good", link="/endpoints"),
            ],
            "Performance": [
                Figure("Latency (p95)", performance["p95_ms"], level("p95_ms", performance["p95_ms"]), " ms",
                       link="/deliveries?range=1h"),
                Figure("Max latency", performance["max_ms"], level("max_ms", performance["max_ms"]), " ms",
                       link="/deliveries?range=1h"),
                Figure("Dispatcher uptime", uptime, level("dispatcher_uptime_percent", uptime), " %", link=runs),
            ],
        },
    }  # fmt: skip


def compared(total: int, before: int | None) -> str | None:
    """Return how many deliveries there were, compared with the hour before."""
    if not before:
        return "None in the hour before." if total and before == 0 else None
    change = round(100 * (total - before) / before)
    if change == 0:
        return f"As many as in the hour before ({before:,})."
    return f"{abs(change):,}% {'more' if change > 0 else 'fewer'} than in the hour before ({before:,})."


ROUTES = [overview, part, series]
