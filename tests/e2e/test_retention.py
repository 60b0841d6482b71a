"""Retention under a steady load, on a clock of seconds instead of days."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from devstack.receiver import Receiver

if TYPE_CHECKING:
    from tests.e2e.conftest import System


def test_the_tables_stay_as_large_as_the_traffic_of_the_time_they_are_kept(system: System) -> None:
    """A hundred events in each of 24 half seconds, kept for three: never all of the 2,400, and none at the end."""
    sizes: list[int] = []
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker(WEBHOOKS_RETENTION_DAYS=str(3 / 86_400))
        for _ in range(24):
            system.dispatch(100)
            time.sleep(0.5)
            sizes.append(len(system.rows()))
        system.wait(lambda: len(receiver.received) == 2400)
        system.wait(lambda: system.rows() == [])
    assert max(sizes) < 1800, sizes
    assert max(sizes[12:]) < 1.5 * max(sizes[:12]), sizes
    assert system.attempts() == []


def test_what_a_restore_left_without_a_place_is_found_while_nothing_is_deleted(system: System) -> None:
    """With WEBHOOKS_RETENTION_DAYS=0, too: a row that was loaded without triggers is queued and delivered."""
    with Receiver() as receiver:
        endpoint = system.endpoint(receiver.url)
        with system.db.transaction():
            system.db.execute("set local session_replication_role = replica")
            system.db.execute(
                "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, created_at)"
                " values (%s, 'user.joined_community', '{}', now() - interval '1 year')",
                (endpoint,),
            )
        system.worker(WEBHOOKS_RETENTION_DAYS="0")
        system.wait_for_status("delivered", 1)
        assert len(receiver.received) == 1
