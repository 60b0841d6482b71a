"""A 401 or 403 from Supabase that passes: nothing is delivered twice for it, and no one is signed out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Received, Receiver, Reply
from tests.e2e.dashboard.conftest import Site
from tests.e2e.proxy import NO_GRANT, NO_KEY, NOT_YET, TOO_MANY, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import System

RPC = "/rest/v1/rpc"


@pytest.fixture
def proxy(system: System) -> Iterator[Proxy]:
    """A proxy before the test's Supabase, for its gateways and workers."""
    with Proxy(system.supabase.url) as proxy:
        system.variables = {"SUPABASE_URL": proxy.url}
        yield proxy


@pytest.mark.parametrize("reply", [NOT_YET, NO_KEY, NO_GRANT], ids=["token", "key", "grant"])
def test_results_outlive_it(system: System, proxy: Proxy, reply: Reply) -> None:
    """Forty deliveries whose results are rejected for two seconds: forty requests."""
    arrived = threading.Event()

    def answer(_: Received) -> Reply:
        if not arrived.is_set():
            arrived.set()
            proxy.refuse(RPC, reply, 2)
        return Reply()

    with Receiver(answer=answer) as receiver:
        system.endpoint(receiver.url)
        system.dispatch(40)
        system.worker(WEBHOOKS_LEASE_SECONDS="6", WEBHOOKS_TIMEOUT_SECONDS="3")
        system.wait_for_status("delivered", 40)
        assert len(receiver.received) == 40


def test_an_admin_stays_signed_in(system: System, proxy: Proxy) -> None:
    """While tokens are rejected pages say 503, and work again afterwards."""
    client = Site(system).admin()
    for reply in (NOT_YET, NO_KEY):
        proxy.refuse(RPC, reply, 1.5)
        refused = client.get("/")
        assert refused.status_code != 500, system.log()[-3000:]
        assert (refused.status_code, "Nothing is lost" in refused.text) == (503, True)
        system.wait(lambda: client.get("/").status_code == 200, seconds=20)
    # Supabase Auth takes no more refreshes from this address for a moment
    proxy.refuse(RPC, NOT_YET, 1.5)
    proxy.refuse("/auth/v1/token", TOO_MANY, 1.5)
    assert client.get("/").status_code == 503
    system.wait(lambda: client.get("/").status_code == 200, seconds=20)
    # it does not know our key for a moment either
    proxy.refuse("/", NO_KEY, 1.5)
    assert client.get("/").status_code == 503
    system.wait(lambda: client.get("/").status_code == 200, seconds=20)


def test_requests_share_one_refresh(system: System, proxy: Proxy) -> None:
    """A browser's eight requests at once, with a token that is rejected: one refresh, eight pages."""
    site = Site(system)
    client = site.admin()
    visitors = [site.visitor() for _ in range(9)]
    for visitor in visitors:
        visitor.cookies.update(client.cookies)
    proxy.refuse(RPC, NOT_YET, 0.3)
    proxy.asked.clear()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda visitor: visitor.get("/"), visitors[:8]))
    assert sum(path.startswith("/auth/v1/token") for path in proxy.asked) == 1
    system.wait(lambda: visitors[8].get("/").status_code == 200, seconds=5)


def test_a_session_that_is_over_ends(system: System, proxy: Proxy) -> None:
    """The refresh token was revoked: sign in again."""
    client = Site(system).admin()
    proxy.refuse(RPC, NOT_YET, 30)
    proxy.refuse(
        "/auth/v1/token",
        Reply(400, b'{"code":400,"error_code":"refresh_token_not_found","msg":"Invalid Refresh Token"}'),
        30,
    )
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
