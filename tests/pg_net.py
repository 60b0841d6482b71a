"""Stand-ins for pg_net and Vault, which no package registry has: requests are recorded, secrets are plain.

They are those of tests/hosted/sql, where it says what they were checked against.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

from tests.hosted.bed import SQL

if TYPE_CHECKING:
    import threading

    from psycopg import Connection

TAKE = """
    delete from net.http_request_queue
    returning url, headers, timeout_milliseconds, convert_from(body, 'UTF8') as body
"""


def install(db: Connection[dict[str, Any]], token: str | None) -> None:
    """Create what the database lacks of both, and keep the dispatch token in Vault unless it is None."""
    for schema, file in (("vault", "05_vault.sql"), ("net", "06_net.sql")):
        if not db.execute("select from pg_namespace where nspname = %s", (schema,)).rowcount:
            # where the superuser owns everything
            text = (SQL / file).read_text().replace(" authorization supabase_admin", "")
            db.execute(text.replace("to postgres with", "to current_user with").encode())
    if token is not None:
        db.execute("select vault.create_secret(%s, 'webhooks_dispatch_token')", (token,))


def requests(db: Connection[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the requests that were committed, and take them off the queue."""
    return db.execute(TAKE).fetchall()


def send(db: Connection[dict[str, Any]], gateway: str, end: threading.Event) -> list[tuple[float, int]]:
    """Send requests to a gateway, as pg_net's worker does, until the end; return their times and statuses."""
    sent = []
    with httpx.Client(trust_env=False) as client:
        while not end.wait(0.02):
            for one in requests(db):
                path = one["url"].removeprefix("https://gateway.example.com")
                began = time.monotonic()
                response = client.post(
                    f"{gateway}{path}", headers=one["headers"], content=one["body"],
                    timeout=one["timeout_milliseconds"] / 1000,
                )  # fmt: skip
                sent.append((began, response.status_code))
    return sent
