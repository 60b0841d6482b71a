"""Scenario pages: how long the dashboard's pages take, signed in, over a long history."""

from __future__ import annotations

import json
import re
import time
from statistics import median
from typing import TYPE_CHECKING, Any

import httpx

from bench.world import DATA, EVENT
from devstack.admins import Account, make_admin
from devstack.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.figures import Figures
    from bench.world import World

#: Finished deliveries, by whether the form is short.
ROWS = {True: 100_000, False: 1_000_000}
ENDPOINTS = 100

#: What they are spread over, in days: WEBHOOKS_RETENTION_DAYS's default, and the day that most pages show, which then
#: has all of them.
SPREADS = {"over 30 days": 30, "within a day": 1}

#: The overview loads it after itself, so it does not hold up a page.
CHART = "the overview's chart, 24 h"

#: Times that each page is asked for, in turns; the first is left out.
ROUNDS = 10

ADMIN = Account("bench@example.com", "the password of the benchmark")
SESSION_SECRET = "the session secret of the benchmark"

#: Every 50th has failed, every 50th of these with a rare status; every hundredth waits.
HISTORY = """
with new as (
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, attempts, created_at,
        next_attempt_at, last_attempt_at, finished_at, response_status, response_body, error_message, request_id)
    select e.id,
           (array[%(event)s, 'user.joined_platform', 'user.joined_community', 'discussion.extended'])[1 + s.n %% 4],
           jsonb_build_object('event', %(event)s::text, 'timestamp', s.at::text, 'actor_user_id', null,
                              'data', %(data)s::jsonb || jsonb_build_object('n', s.n), 'request_id', gen_random_uuid()),
           s.status, case s.status when 'pending' then 0 else 1 end, s.at,
           case s.status when 'pending' then now() + interval '1 day' else s.at end,
           case when s.status <> 'pending' then s.at end, case when s.status <> 'pending' then s.at end,
           s.response, 'ok', case s.status when 'failed' then 'HTTP ' || s.response end, gen_random_uuid()
    from (
        select n, now() - (1 - n / %(rows)s::float8) * %(days)s * interval '1 day' as at,
               case when n %% 50 = 0 then 'failed' when n %% 100 = 1 then 'pending' else 'delivered' end as status,
               case when n %% 2500 = 0 then 503 when n %% 50 = 0 then 500 when n %% 100 <> 1 then 200 end as response
        from generate_series(1, %(rows)s) as n
    ) as s
    join (select id, row_number() over (order by id) - 1 as number from public.webhook_configurations) as e
        on e.number = (s.n / 7) %% %(endpoints)s
    returning id, webhook_config_id, created_at, status, finished_at, response_status, error_message
),
failures as (
    insert into webhooks.failed_deliveries (delivery_id, webhook_config_id, created_at)
    select id, webhook_config_id, created_at from new where status = 'failed'
)
insert into public.webhook_attempts
    (delivery_id, number, started_at, duration_ms, delivered, response_status, response_excerpt, error)
select id, 1, finished_at, 5, status = 'delivered', response_status, 'ok', error_message
from new where status <> 'pending'
"""

ROLLUPS = """
insert into webhooks.delivery_rollups (hour, webhook_config_id, event_type, attempts, failed_attempts, durations)
select date_trunc('hour', d.finished_at, 'UTC'), d.webhook_config_id, d.event_type, count(*),
       count(*) filter (where d.status = 'failed'), array[0, 0, 0, count(*)::integer] || array_fill(0, array[14])
from public.webhook_deliveries as d
where d.finished_at is not null
group by 1, 2, 3
"""


def run(world: World, *, short: bool) -> dict[str, Any]:
    """Ask for the dashboard's pages, signed in: the list, each filter and the others, over many finished deliveries."""
    make_admin(world.stack.supabase, ADMIN)
    port = free_port()
    gateway = world.serve("gateway", port, part="dashboard", WEBHOOKS_SESSION_SECRET=SESSION_SECRET)
    found: dict[str, dict[str, Figures]] = {}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            sign_in(client)
            for name, days in SPREADS.items():
                fill(world, ROWS[short], days)
                found[name] = timed(client, addresses(world))
    finally:
        gateway.stop()
        world.unmeasure("dashboard")
    medians = {
        f"{page}, {spread}": times["median ms"] for spread, one in found.items() for page, times in one.items()
        if page != CHART
    }  # fmt: skip
    slowest = max(medians, key=lambda name: medians[name])
    chart = max(one[CHART]["median ms"] for one in found.values())
    return {
        "rows": ROWS[short], "slowest page": slowest, "slowest median ms": medians[slowest], "chart median ms": chart,
        **found,
    }  # fmt: skip


def fill(world: World, rows: int, days: int) -> None:
    """Put a history of this many days in place of all that there is."""
    world.empty()
    world.db.execute("truncate webhooks.delivery_rollups")
    world.db.execute(
        "insert into public.webhook_configurations (name, url, events)"
        " select 'endpoint ' || n, 'https://example.com/' || n, '{*}' from generate_series(1, %s) as n",
        (ENDPOINTS,),
    )
    given = {"rows": rows, "days": days, "endpoints": ENDPOINTS, "event": EVENT, "data": json.dumps(DATA)}
    world.insert(HISTORY, given)
    world.db.execute(ROLLUPS)
    world.db.execute("select webhooks.queue_all_missing_deliveries()")
    world.db.execute("vacuum analyze")


def addresses(world: World) -> dict[str, str]:
    """Return the pages by name; filters that match much, little and nothing."""
    row = world.db.execute(
        "select id, webhook_config_id, request_id from public.webhook_deliveries"
        " order by created_at offset (select count(*) / 2 from public.webhook_deliveries) limit 1"
    ).fetchone()
    assert row
    delivery, endpoint, request = row
    filters = {
        "status delivered": "status=delivered",
        "status failed": "status=failed",
        "status unfinished": "status=unfinished",
        "event": f"event_type={EVENT}",
        "event that never came": "event_type=user.flagged_comment",
        "endpoint": f"webhook_config_id={endpoint}",
        "endpoint and failed": f"webhook_config_id={endpoint}&status=failed",
        "response 200": "response_status=200",
        "response 503": "response_status=503",
        "response that never came": "response_status=418",
        "payload": "payload_path=data.n&payload_value=77",
        "payload that never came": "payload_path=data.none",
        "request id": f"request_id={request}",
        "7 days": "range=7d",
        "30 days": "range=30d",
        "30 days and failed": "range=30d&status=failed",
    }
    return {
        "overview": "/",
        CHART: "/overview/series?span=24h",
        "endpoints": "/endpoints",
        "one endpoint": f"/endpoints/{endpoint}",
        "one delivery": f"/deliveries/{delivery}",
        "events": "/events",
        "deliveries": "/deliveries",
        **{f"deliveries, {name}": f"/deliveries?{query}" for name, query in filters.items()},
    }


def sign_in(client: httpx.Client) -> None:
    """Send the form, as a browser does. Raises AssertionError if it is rejected."""
    form = re.search(r'name="_csrf_token" value="(\w+)"', client.get("/sign-in").text)
    assert form, "the sign-in page has no form"
    response = client.post("/sign-in", data={"_csrf_token": form[1], "next": "/", **ADMIN._asdict()})
    assert response.status_code == httpx.codes.SEE_OTHER, response.text


def timed(client: httpx.Client, pages: Mapping[str, str]) -> dict[str, Figures]:
    """Return each page's median, least and most milliseconds. They take turns, so that a drift counts for all."""
    spent: dict[str, list[float]] = {name: [] for name in pages}
    for _ in range(ROUNDS):
        for name, address in pages.items():
            begun = time.perf_counter()
            response = client.get(address)
            spent[name].append((time.perf_counter() - begun) * 1000)
            assert response.status_code == httpx.codes.OK, f"{address}: {response.status_code}"
    return {
        name: {"median ms": median(values[1:]), "least ms": min(values[1:]), "most ms": max(values[1:])}
        for name, values in spent.items()
    }
