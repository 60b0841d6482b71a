"""The database wakes a gateway without workers: a delivery goes out within seconds, without the cron.

pg_net is a stand-in that records requests, and a thread that sends them: tests/pg_net.py.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
from psycopg.rows import dict_row

from devstack.receiver import Receiver
from tests.e2e.conftest import TOKEN
from tests.pg_net import install, send

if TYPE_CHECKING:
    from tests.e2e.conftest import System


def test_deliveries_go_out_without_the_cron(system: System) -> None:
    """Events over some seconds, by commits that overlap: all are delivered by the wake-ups, one a second at most."""
    install(system.db, TOKEN)
    system.db.execute("select webhooks.wake_by_request('https://gateway.example.com', 20)")
    gateway = system.gateway(REDIS_URL="")
    end = threading.Event()

    with Receiver() as receiver, psycopg.connect(system.dsn, autocommit=True, row_factory=dict_row) as net:
        system.endpoint(receiver.url)
        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(send, net, gateway.url, end)
            begun = int(time.time())
            for n in range(40):
                system.dispatch()
                time.sleep(0.01 * (n % 16))
            last = int(time.time())
            system.wait_for_status("delivered", 40)
            end.set()
            sent = sending.result()
    assert 1 <= len(sent) <= last - begun + 1
    assert {status for _, status in sent} == {202}
    assert system.db.execute("select from public.webhook_dispatcher_runs").fetchall() == []
