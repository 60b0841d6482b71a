"""How many claims a backlog takes, whether it is one endpoint's or a thousand's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from devstack.receiver import Receiver
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.webhooks.store import Store
from supabase_webhooks.workers import places
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.drain import Drain

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import Claimed
    from tests.e2e.conftest import System

# supabase-py's own call
pytestmark = pytest.mark.filterwarnings(
    "ignore:The '(timeout|verify|proxy)' parameter is deprecated:DeprecationWarning"
)

ROWS, BATCH = 2_000, 250

BACKLOG = """
insert into public.webhook_deliveries (webhook_config_id, event_type, payload)
select c.id, 'user.joined_community', jsonb_build_object('n', n)
from public.webhook_configurations as c,
    generate_series(1, %s / (select count(*) from public.webhook_configurations)) as n
"""


class Counting(Store):
    """Notes how many deliveries each claim found."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.found: list[int] = []

    async def claim(self, **arguments: Any) -> Claimed:
        """Claim."""
        claimed = await super().claim(**arguments)
        self.found.append(len(claimed.deliveries))
        return claimed


async def drained(settings: Settings, receiver: Receiver) -> list[int]:
    """Deliver all that is due, in this process; return what each claim found."""
    store, adapters = Counting(settings), AdapterCache(settings)
    drain = Drain(store, adapters, settings, worker="w", wake=lambda _: None)
    await drain.run()
    while len(receiver.received) < ROWS:  # noqa: ASYNC110 - it is a thread's
        await asyncio.sleep(0.01)
    await drain.close()
    await adapters.close()
    await store.close()
    return store.found


@pytest.mark.parametrize("endpoints", [1, 10, 1_000])
def test_a_claim_fills_a_batch_for_few_and_many_endpoints(
    system: System, monkeypatch: pytest.MonkeyPatch, endpoints: int
) -> None:
    """Eight claims of 250 would do; each costs as much as the delivery of ten."""
    # an endpoint is as quick as can be, however busy this machine is
    monkeypatch.setattr(places, "AHEAD_SECONDS", 1000.0)
    monkeypatch.setattr(places, "PATIENCE", 1000.0)
    settings = Settings.from_environment(system.settings())
    with Receiver() as receiver:
        system.db.execute(
            "insert into public.webhook_configurations (name, url, events)"
            " select 'endpoint ' || n, %s || '/' || n, '{*}' from generate_series(1, %s) as n",
            (receiver.url, endpoints),
        )
        system.db.execute(BACKLOG, (ROWS,))
        found = asyncio.run(asyncio.wait_for(drained(settings, receiver), 120))
    rows = system.db.execute("select status, count(*) as n from public.webhook_deliveries group by 1").fetchall()
    assert rows == [{"status": "delivered", "n": ROWS}]
    assert len(receiver.received) == ROWS
    assert sum(found) == ROWS
    # the first claim of an endpoint that is not known yet takes its 50 places
    assert len(found) <= 3 * ROWS / BATCH, found
