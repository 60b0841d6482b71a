"""Shorthands for SQL tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection


def claimed_rows(claimed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a claim's deliveries, each with its endpoint's settings and the lease."""
    endpoints = {one["id"]: one for one in claimed["endpoints"]}
    return [
        {**row, "endpoint": endpoints[row["endpoint_id"]], "lease_id": claimed["lease_id"]}
        for row in claimed["deliveries"]
    ]


def result(row: dict[str, Any], *, delivered: bool = True, **more: Any) -> dict[str, Any]:
    """Return the result of an attempt of a claimed row, as a worker records it."""
    return {
        "delivery_id": str(row["id"]),
        "lease_id": str(row["lease_id"]),
        "attempt": row["attempt"],
        "started_at": "2026-01-02T03:04:05Z",
        "duration_ms": 7,
        "delivered": delivered,
        "health": "answered" if delivered else "failed",
        **more,
    }


def pages(db: Connection[dict[str, Any]], sql: str, *parameters: object) -> int:
    """Return how many pages a query reads, in memory or on disk."""
    row = db.execute(f"explain (analyze, buffers, format json) {sql}".encode(), parameters or None).fetchone()
    plan = row["QUERY PLAN"][0]["Plan"]  # type: ignore[index]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def record_pages(db: Connection[dict[str, Any]], claimed: list[dict[str, Any]]) -> int:
    """Record that these were delivered; return how many pages that read."""
    return pages(db, "select public.record_webhook_attempts(%s::jsonb)", json.dumps([result(row) for row in claimed]))


JOINED = {"community_id": "c", "community_name": "Lesekreis Zürich", "community_city": "Zürich"}

#: What holds whether history is partitioned or not: the tests of these files run on both forms of the tables.
ON_BOTH_FORMS = {
    "access",
    "alerts",
    "catalog",
    "circuits",
    "claim",
    "due",
    "overview",
    "record",
    "retention",
    "retries",
    "search",
    "secrets_apart",
    "series",
    "steering",
    "studio",
    "table_reads",
    "tenants",
    "unfinished",
    "wake",
}

#: What holds whether plans are kept or not.
WITH_KEPT_PLANS = {"circuits", "claim", "record", "retries"}


#: What cannot hold on a server like hosted Supabase's (tests/hosted), and why.
DROPS_A_TRIGGER = "postgres does not own auth.users; that supautils lets it drop a trigger there is beyond our SQL"
NOT_HOSTED = {
    "test_a_delivery_s_life": "Supabase Lite, which plays the REST API here, must be a superuser",
    "test_installing_reports_and_may_be_repeated": DROPS_A_TRIGGER,
    "test_a_bulk_change_costs_one_dispatch": DROPS_A_TRIGGER,
    "test_factors_that_cannot_be_read_are_not_none": "postgres owns our functions there, and sees every row",
    "test_every_type_has_its_form": "it creates a base type, which only a superuser can",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on hosted Supabase's roles too, and these on both forms of the tables or with kept plans."""
    if "form" not in metafunc.fixturenames:
        return
    name = metafunc.module.__name__.rpartition("test_")[2]
    reason = NOT_HOSTED.get(metafunc.function.__name__)
    hosted = pytest.param("hosted", marks=[pytest.mark.skip(reason=reason)] if reason else [])
    forms = ["plain", "partitioned", hosted] if name in ON_BOTH_FORMS else ["plain", hosted]
    if name in WITH_KEPT_PLANS:
        forms.insert(1, "kept")
    if name == "partitions":
        # about that form alone
        forms = ["partitioned"]
    metafunc.parametrize("form", forms, indirect=True, scope="session")


@pytest.fixture
def endpoint(db: Connection[dict[str, Any]]) -> Callable[..., str]:
    """Make an endpoint; return its id."""

    def make(events: str = "{*}", url: str = "https://example.com/hook", **columns: Any) -> str:
        row = {"name": "receiver", "url": url, "events": events, **columns}
        names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
        sql = f"insert into public.webhook_configurations ({names}) values ({marks}) returning id"
        return str(db.execute(sql.encode(), tuple(row.values())).fetchone()["id"])  # type: ignore[index]

    return make


@pytest.fixture
def dispatch(db: Connection[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Dispatch an event as a server-side caller."""

    def call(event: str = "user.joined_community", data: Any = JOINED, *more: Any) -> dict[str, Any]:
        marks = ", ".join(["%s", "%s::jsonb", *["%s"] * len(more)])
        sql = f"select public.dispatch_webhook({marks}) as result"
        return db.execute(sql.encode(), (event, json.dumps(data), *more)).fetchone()["result"]  # type: ignore[index]

    return call


@pytest.fixture
def claim(db: Connection[dict[str, Any]]) -> Callable[..., list[dict[str, Any]]]:
    """Claim deliveries."""

    def call(size: int = 100, lease: int = 60) -> list[dict[str, Any]]:
        sql = "select public.claim_webhook_deliveries(%s, %s, 'test') as claimed"
        return claimed_rows(db.execute(sql, (size, lease)).fetchone()["claimed"])  # type: ignore[index]

    return call


@pytest.fixture
def record(db: Connection[dict[str, Any]]) -> Callable[..., list[dict[str, Any]]]:
    """Record one result for each claimed row."""

    def call(
        *claimed: dict[str, Any], delivered: bool = True, policy: dict[str, float] | None = None, **more: Any
    ) -> list[dict[str, Any]]:
        results = [result(row, delivered=delivered, **more) for row in claimed]
        sql = "select public.record_webhook_attempts(%s::jsonb, %s::jsonb) as done"
        done = db.execute(sql, (json.dumps(results), json.dumps(policy or {}))).fetchone()["done"]  # type: ignore[index]
        return [*done["recorded"], *done["late"]]

    return call
