"""Sample data: a day in the life of a system, for screenshots and for looking at the dashboard. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

from supabase_webhooks.webhooks.signing import generate_secret

if TYPE_CHECKING:
    from collections.abc import Iterable

#: name, URL, events, share of its deliveries that fail, usual latency in milliseconds
ENDPOINTS: Iterable[tuple[str, str, list[str], float, int]] = (
    ("n8n: welcome mails", "https://n8n.example.com/webhook/welcome", ["user.joined_platform"], 0.0, 140),
    ("CRM contacts", "https://crm.example.com/hooks/contacts", ["user.*"], 0.02, 320),
    ("Moderation queue", "sqs://moderation?region=eu-central-1", ["user.flagged_comment"], 0.0, 45),
    ("Analytics topic", "kafka://broker.example.com:9092/events", ["*"], 0.0, 12),
    (
        "Partner portal",
        "https://partner.example.com/api/webhooks",
        ["user.joined_community", "discussion.*"],
        0.12,
        780,
    ),
)

DELIVERIES = """
    insert into public.webhook_deliveries
        (webhook_config_id, event_type, payload, request_id, status, attempts, created_at, last_attempt_at, finished_at,
         next_attempt_at, response_status, response_body, error_message)
    select c.id, t.name,
           jsonb_build_object('event', t.name,
                              'timestamp', to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                              'actor_user_id', gen_random_uuid(), 'data', t.example, 'request_id', r.request_id),
           r.request_id,
           case when s.status in ('waiting', 'retrying') then 'pending' else s.status end,
           case s.status when 'failed' then 3 when 'retrying' then 1 when 'waiting' then 0 else 1 end,
           at, case when s.status <> 'waiting' then at + interval '7 seconds' end,
           case when s.status in ('delivered', 'failed') then at + interval '8 seconds' end,
           case s.status when 'waiting' then now() when 'retrying' then now() + interval '2 minutes' else at end,
           case s.status when 'delivered' then 200 when 'waiting' then null else 503 end,
           case s.status when 'delivered' then '{"ok": true}' when 'waiting' then null
                else 'upstream connect error' end,
           case when s.status in ('failed', 'retrying') then 'the receiver returned 503' end
    from generate_series(1, %(count)s) as n
    cross join lateral (select now() - interval '24 hours' * (n / %(count)s::float8) ^ 1.3 as at) as a
    cross join lateral (
        select t.* from public.webhook_event_types as t, public.webhook_configurations as e
        where e.id = %(endpoint)s and t.data_schema is not null
          and e.events && array[t.name, split_part(t.name, '.', 1) || '.*', '*']
        order by md5(n::text || t.name) limit 1) as t
    cross join lateral (select gen_random_uuid() as request_id, n as again) as r
    cross join lateral (
        select case when n <= 2 then case when %(failing)s > 0 then 'retrying' else 'waiting' end
                    when random() < %(failing)s then 'failed' else 'delivered' end as status,
               n as again) as s
    join public.webhook_configurations as c on c.id = %(endpoint)s
"""

ATTEMPTS = """
    insert into public.webhook_attempts
        (delivery_id, number, started_at, duration_ms, delivered, response_status, response_excerpt, error)
    select d.id, n, d.created_at + make_interval(secs => power(2, n) - 2 + 0.2),
           greatest(3, %(latency)s * (0.6 + 0.5 * random() + case when random() > 0.96 then 2 else 0 end))::integer,
           d.status = 'delivered', d.response_status, d.response_body, d.error_message
    from public.webhook_deliveries as d, generate_series(1, d.attempts) as n
    where d.webhook_config_id = %(endpoint)s
"""

#: What webhooks.record_webhook_attempts() adds up as attempts end: the figures of endpoints and events.
ROLLUPS = """
    with tried as (
        select date_trunc('hour', a.started_at, 'UTC') as hour, d.webhook_config_id, d.event_type, a.delivered,
               width_bucket(a.duration_ms, array(select (2 ^ n)::integer from generate_series(1, 17) as n)) as bucket
        from public.webhook_attempts as a
        join public.webhook_deliveries as d on d.id = a.delivery_id
    ),
    hours as (
        select hour, webhook_config_id, event_type, count(*) as attempts,
               count(*) filter (where not delivered) as failed_attempts, array_agg(bucket) as buckets
        from tried
        group by hour, webhook_config_id, event_type
    )
    insert into webhooks.delivery_rollups
    select hour, webhook_config_id, event_type, attempts, failed_attempts,
           array(select count(b) from generate_series(0, 17) as n left join unnest(buckets) as b on b = n
                 group by n order by n)
    from hours
"""

RUNS = """
    insert into public.webhook_dispatcher_runs (source, due, enqueued, started_at, finished_at)
    select 'webhook-dispatcher (GitHub Actions)', (random() * 4)::integer, 1, now() - n * interval '1 minute',
           now() - n * interval '1 minute' + interval '80 ms'
    from generate_series(0, 1440) as n
    where n not between 700 and 706
"""


def fill(dsn: str, count: int = 400) -> None:
    """Put a day of deliveries into an empty database, `count` for each endpoint."""
    with psycopg.connect(dsn) as connection:
        # the same ones each time
        connection.execute("select setseed(0.7)")
        for name, url, events, failing, latency in ENDPOINTS:
            cursor = connection.execute(
                "insert into public.webhook_configurations (name, url, events, secret_key) values (%s, %s, %s, %s)"
                " returning id",
                (name, url, events, generate_secret()),
            )
            ((endpoint,),) = cursor.fetchall()
            values = {"endpoint": endpoint, "count": count, "failing": failing, "latency": latency}
            connection.execute(DELIVERIES, values)
            connection.execute(ATTEMPTS, values)
        connection.execute(ROLLUPS)
        connection.execute(RUNS)
        connection.execute(
            "update public.webhook_circuits as h set state = 'half_open', since = now() - interval '40 seconds',"
            " consecutive_failures = 5, failing_since = now() - interval '4 minutes', undelivered_at = now(),"
            " last_status = 503, last_error = 'the receiver returned 503' from public.webhook_configurations as c"
            " where c.id = h.webhook_config_id and c.name = 'Partner portal'"
        )
        connection.execute("analyze")
