"""What callers do through the REST API works on the partitioned tables as it does on the ordinary ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.supabase_lite import SupabaseLite, migrate
from tests.conftest import quiet, with_partitions
from tests.database.conftest import claimed_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devstack.postgres import Postgres

RESULT = {
    "attempt": 1,
    "started_at": "2026-11-25T00:00:00Z",
    "duration_ms": 1,
    "delivered": True,
    "health": "answered",
}


@pytest.fixture
def rest(postgres: Postgres, directory: Path) -> Iterator[httpx.Client]:
    """A service role's client of a project with partitions."""
    dsn = postgres.create("partitions_over_rest")
    migrate(directory, dsn, with_partitions(directory), say=quiet)
    lite = SupabaseLite(directory, dsn, name="partitions", say=quiet)
    lite.start()
    key = lite.keys.secret
    headers = {"apikey": key, "Authorization": f"Bearer {key}", "Prefer": "return=representation"}
    with httpx.Client(base_url=f"{lite.url}/rest/v1", headers=headers, trust_env=False) as client:
        yield client
    lite.stop()
    postgres.drop("partitions_over_rest")


def test_a_delivery_s_life(rest: httpx.Client) -> None:
    """Inserted with three columns by an edge function, patched there and back, delivered, retried, deleted, purged."""

    def ask(method: str, path: str, json: Any = None, **params: str) -> Any:
        response = rest.request(method, path, params=params, json=json)
        assert response.is_success, response.text
        return response.json() if response.content else None

    endpoint = {"name": "a", "url": "https://example.com/hook", "events": ["*"]}
    (made,) = ask("POST", "/webhook_configurations", endpoint)
    new = {"webhook_config_id": made["id"], "event_type": "x.y", "payload": {"a": 1}}
    (delivery,) = ask("POST", "/webhook_deliveries", new)
    assert delivery["request_id"]
    one = {"id": f"eq.{delivery['id']}"}

    assert ask("PATCH", "/webhook_deliveries", {"status": "failed"}, **one)[0]["finished_at"]
    assert ask("PATCH", "/webhook_deliveries", {"status": "pending"}, **one)[0]["finished_at"] is None
    for _ in range(2):
        (claimed,) = claimed_rows(ask("POST", "/rpc/claim_webhook_deliveries", {}))
        result = {
            **RESULT,
            "delivery_id": claimed["id"],
            "lease_id": claimed["lease_id"],
            "attempt": claimed["attempt"],
        }
        (recorded,) = ask("POST", "/rpc/record_webhook_attempts", {"results": [result]})["recorded"]
        assert (recorded["status"], recorded["accepted"]) == ("delivered", True)
        ask("POST", "/rpc/retry_webhook_delivery", {"delivery_id": delivery["id"]})
    assert ask("GET", "/webhook_delivery_overview")[0]["status"] == "retrying"
    assert len(ask("GET", "/webhook_attempts")) == 2
    assert len(ask("POST", "/rpc/get_webhook_delivery", {"delivery_id": delivery["id"]})["attempt_log"]) == 2

    assert len(ask("DELETE", "/webhook_deliveries", **one)) == 1
    assert ask("GET", "/webhook_attempts") == []
    assert ask("POST", "/rpc/prepare_webhook_partitions", {}) == 0
    ask("POST", "/rpc/purge_webhook_history", {"older_than": "30 days"})
