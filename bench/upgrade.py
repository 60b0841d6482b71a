"""`python -m bench.upgrade`: how long the upgrade of the first generation holds its tables, at 500,000 deliveries."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from bench.progress import say
from devstack.postgres import Postgres
from devstack.stack import MIGRATIONS
from devstack.supabase_lite import migrate

DELIVERIES = 500_000
PLATFORM = Path(__file__).parents[1] / "tests" / "platform" / "existing_schema.sql"
ROWS = f"""
    insert into auth.users (id) values ('00000000-0000-0000-0000-00000000000a');
    insert into public.webhook_configurations (name, url, events, created_by, secret_key)
    select 'endpoint ' || n, 'https://example.com/hook', '{{user.referred_user}}', u.id, 'secret'
    from auth.users as u, generate_series(1, 10) as n;
    insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status, attempts, created_at)
    select id, 'user.referred_user',
           jsonb_build_object('event', 'user.referred_user', 'data', jsonb_build_object('filler', repeat('a', 300))),
           case when n % 50 = 0 then 'failed' when n % 1000 = 1 then 'pending' else 'delivered' end, 1,
           now() - n * interval '10 seconds'
    from public.webhook_configurations, generate_series(1, {DELIVERIES // 10}) as n;
"""


def main() -> None:
    """Measure, and print the seconds of each migration."""
    directory = Path(".devstack/bench/upgrade")
    (directory / "before").mkdir(parents=True, exist_ok=True)
    server = Postgres(directory / "postgres", say=say)
    server.start()
    try:
        server.drop("upgrade")
        dsn = server.create("upgrade")
        (directory / "before" / "20200101000000_platform.sql").write_text(PLATFORM.read_text())
        migrate(directory, dsn, directory / "before", say=say)
        with psycopg.connect(dsn, autocommit=True) as db:
            db.execute(ROWS.encode())
            db.execute("vacuum analyze public.webhook_deliveries")
            for file in sorted(MIGRATIONS.glob("*.sql")):
                began = time.perf_counter()
                with db.transaction():
                    db.execute(file.read_bytes())
                print(f"{file.name:<48} {time.perf_counter() - began:6.2f} s")
    finally:
        server.stop()


if __name__ == "__main__":
    main()
