"""Statistics: the dashboard's figures, its chart, and the dispatcher's runs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from supabase_webhooks.gateway.api.endpoints import Counts
from supabase_webhooks.gateway.api.pages import Page, decode, encode
from supabase_webhooks.gateway.api.problems import RESPONSES
from supabase_webhooks.gateway.scopes import Scope, needs
from supabase_webhooks.gateway.session import Admin


class Reason(msgspec.Struct):
    """Why the status is what it is."""

    severity: Literal["degraded", "down"]
    text: str


class Circuits(msgspec.Struct):
    """Circuits of active endpoints, by state."""

    open: int
    half_open: int
    closed: int


class Performance(msgspec.Struct):
    """Latencies of the last hour's attempts, in milliseconds; the dispatcher's uptime over 24 hours, in percent."""

    attempts: int
    p95_ms: int | None
    max_ms: int | None
    dispatcher_uptime_percent: float | None
    last_run_at: datetime | None


class Backlog(msgspec.Struct):
    """Deliveries that are due now and may go out, counted up to 10,000."""

    due: int
    oldest_due_at: datetime | None


class Overview(msgspec.Struct):
    """The first page of the dashboard."""

    status: Literal["healthy", "degraded", "down"]
    reasons: list[Reason]
    last_hour: Counts
    circuits: Circuits
    performance: Performance
    backlog: Backlog
    as_of: datetime


class Series(msgspec.Struct):
    """Equal buckets up to now, each field a column: `at` is the bucket's start in Unix seconds.

    Latencies of a bucket of ten minutes or more are approximate: about those of the hours that it is in.
    """

    bucket_seconds: float
    at: list[float]
    delivered: list[int]
    failed: list[int]
    pending: list[int]
    p50_ms: list[int | None]
    p95_ms: list[int | None]


class Run(msgspec.Struct):
    """A call of the dispatcher: what was due, and how many jobs it enqueued."""

    id: UUID
    source: str
    due: int
    enqueued: int | None
    error: str | None
    started_at: datetime
    finished_at: datetime | None


@get(
    "/stats",
    summary="Status and the last hour's figures",
    operation_id="getStats",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def stats(caller: NamedDependency[Admin]) -> Overview:
    """Return the figures that the dashboard's first page shows."""
    return msgspec.convert(await caller.call("webhook_overview"), Overview)


@get(
    "/stats/series",
    summary="Deliveries and latency over time",
    operation_id="getSeries",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def series(
    caller: NamedDependency[Admin],
    seconds: Annotated[int, QueryParameter(ge=60, le=604_800, description="How far back")] = 3600,
    buckets: Annotated[int, QueryParameter(ge=1, le=500)] = 60,
) -> Series:
    """Return deliveries by status and attempts' latencies."""
    return msgspec.convert(await caller.call("webhook_series", span=f"{seconds} seconds", buckets=buckets), Series)


@get(
    "/runs",
    summary="List dispatcher runs, newest first",
    operation_id="listRuns",
    responses=RESPONSES,
    **needs(Scope.READ),
)
async def runs(
    caller: NamedDependency[Admin],
    cursor: FromQuery[str | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=500)] = 50,
) -> Page[Run]:
    """Return a page of the cron's heartbeats."""
    await caller.call("webhook_admin_check")
    before = decode(cursor, "started_at")
    keyset = {"started_at": f"lt.{before['started_at']}"} if before else {}
    rows = await caller.rows("webhook_dispatcher_runs", select="*", order="started_at.desc", limit=str(limit), **keyset)
    last = rows[-1]["started_at"] if len(rows) == limit else None
    return Page(msgspec.convert(rows, list[Run]), encode({"started_at": last} if last else None))


ROUTES = [stats, series, runs]
