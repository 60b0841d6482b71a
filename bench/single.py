"""One message a delivery: a Dramatiq actor, a pooled sync client, an UPDATE a row. Compared with, never shipped.

It has no attempt log, no breaker, no SSRF check and no REST server between it and Postgres: all that makes it slow is
its form. `dramatiq bench.single:main`.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

import dramatiq
import httpx
import psycopg

from supabase_webhooks.webhooks.queue import create_broker
from supabase_webhooks.webhooks.signing import signature_headers

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.queue import SharedBroker

QUEUE = "bench"
ACTOR = "deliver"

READ = """
update public.webhook_deliveries as d set status = 'processing'
from public.webhook_configurations as c
join webhooks.endpoint_secrets as s on s.webhook_config_id = c.id
where d.id = %s and d.status = 'pending' and c.id = d.webhook_config_id
returning c.url, s.secret_key, d.payload::text
"""
WRITE = """
update public.webhook_deliveries
set status = 'delivered', attempts = attempts + 1, response_status = %s, response_body = %s, last_attempt_at = now(),
    finished_at = now()
where id = %s
"""


def broker() -> SharedBroker:
    """Return the broker."""
    return create_broker(os.environ["REDIS_URL"])


def main() -> None:
    """Declare the actor."""
    own = broker()
    dramatiq.set_broker(own)
    client = httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=16, max_keepalive_connections=16))
    threads = threading.local()

    def deliver(identity: str) -> None:
        if not hasattr(threads, "db"):
            threads.db = psycopg.connect(os.environ["BENCH_DSN"], autocommit=True)
        db: psycopg.Connection[Any] = threads.db
        row = db.execute(READ, (identity,)).fetchone()
        if row is None:
            return
        url, secret, payload = row
        body = payload.encode()
        headers = {
            "Content-Type": "application/json",
            **signature_headers([secret], identity, int(time.time()), body),
        }
        response = client.post(url, content=body, headers=headers)
        db.execute(WRITE, (response.status_code, response.text[:1000], identity))

    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=own)(deliver)
