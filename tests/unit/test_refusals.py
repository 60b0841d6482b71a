"""Error responses of Supabase, and of proxies in front of it; over HTTP, with the real clients."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
import respx

from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.gateway.supabase import SignedOut, Supabase
from supabase_webhooks.webhooks.catalog import fetch
from supabase_webhooks.webhooks.deliveries import Attempt
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable
from supabase_webhooks.webhooks.store import Store
from supabase_webhooks.workers import recorder as recorder_module
from supabase_webhooks.workers.recorder import Recorder
from tests.adapters.shorthands import make_settings

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.deliveries import Recorded

pytestmark = [
    pytest.mark.anyio,
    # supabase-py's own call of postgrest-py
    pytest.mark.filterwarnings("ignore:The '(timeout|verify|proxy)' parameter is deprecated:DeprecationWarning"),
]

#: The form of a user's token; it is not checked here.
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"

KONG = b'{"message":"An invalid response was received from the upstream server","request_id":"1"}'

PASSING = {
    "Kong, PostgREST down": (502, KONG),
    "Kong, no such name": (503, b'{"message":"name resolution failed"}'),
    "Cloudflare": (522, b"<html>Connection timed out</html>"),
    "too many": (429, b'{"message":"API rate limit exceeded"}'),
    "empty": (504, b""),
    "not modified": (304, b""),
    "a list": (500, b"[]"),
    "statement timeout": (500, b'{"code":"57014","message":"canceling statement due to statement timeout"}'),
    "deadlock": (500, b'{"code":"40P01","message":"deadlock detected"}'),
    "locked": (500, b'{"code":"55P03","message":"could not obtain lock"}'),
    "no pool": (504, b'{"code":"PGRST003","message":"Timed out acquiring connection from connection pool."}'),
}

STAYING = {
    "no such project": (404, b"<html>no such project</html>"),
    "22023": (400, b'{"code":"22023","message":"limit must be positive","hint":"at most 1000"}'),
    "PGRST202": (404, b'{"code":"PGRST202","message":"Could not find the function"}'),
    "42501": (403, b'{"code":"42501","message":"permission denied for function webhook_backlog"}'),
    "bad request": (400, b'{"message":"no Route matched with those values"}'),
}


def answering(status: int, body: bytes) -> Receiver:
    """Return a server that always responds like this."""
    return Receiver(answer=lambda _: Reply(status, body, {"Content-Type": "application/json"}))


async def asked(url: str) -> tuple[StoreError, StoreError]:
    """Return what the workers' client and the gateway's raise."""
    settings = make_settings(supabase_url=url)
    store, supabase = Store(settings), Supabase(settings)
    with pytest.raises(StoreError) as ours:
        await store.due()
    with pytest.raises(StoreError) as theirs:
        await supabase.call(TOKEN, "webhook_backlog")
    await store.close()
    await supabase.close()
    return ours.value, theirs.value


@pytest.mark.parametrize(("status", "body"), PASSING.values(), ids=PASSING)
async def test_what_passes(status: int, body: bytes) -> None:
    """Callers that can retry do so; others return 503."""
    with answering(status, body) as server:
        for error in await asked(server.url):
            assert isinstance(error, StoreUnavailable), repr(error)


@pytest.mark.parametrize(("status", "body"), STAYING.values(), ids=STAYING)
async def test_what_stays(status: int, body: bytes) -> None:
    """It would be rejected again."""
    with answering(status, body) as server:
        for error in await asked(server.url):
            assert not isinstance(error, (StoreUnavailable, SignedOut)), repr(error)


async def test_the_text() -> None:
    """The worker's names the function; hints, and a cure for what is lacking, are in it."""
    with answering(*STAYING["22023"]) as server:
        ours, theirs = await asked(server.url)
    assert str(ours) == "webhook_backlog: limit must be positive (at most 1000)"
    assert str(theirs) == "limit must be positive (at most 1000)"
    with answering(*STAYING["PGRST202"]) as server:
        for error in await asked(server.url):
            assert "are the migrations of supabase/migrations applied?" in str(error)
    with answering(*PASSING["Cloudflare"]) as server:
        assert "Supabase returned 522" in str((await asked(server.url))[0])


async def test_a_wrong_key() -> None:
    """It does not pass; who came with a token is signed out."""
    with answering(401, b'{"message":"Invalid API key"}') as server:
        ours, theirs = await asked(server.url)
    assert (str(ours), ours.code) == ("webhook_backlog: Invalid API key", "401")
    assert isinstance(theirs, SignedOut)


async def test_nobody_is_an_admin_or_not_while_supabase_is_away() -> None:
    """An admin must not be told that he is none."""
    with answering(502, KONG) as server, pytest.raises(StoreUnavailable):
        await Store(make_settings(supabase_url=server.url)).is_admin(TOKEN)
    with answering(401, b'{"code":"PGRST301","message":"JWT expired"}') as server:
        assert await Store(make_settings(supabase_url=server.url)).is_admin(TOKEN) is False


async def test_a_sign_in_is_not_wrong_because_there_are_too_many() -> None:
    """Nor is a session at an end."""
    with answering(429, b'{"code":429,"error_code":"over_request_rate_limit","msg":"Request rate limit"}') as server:
        supabase = Supabase(make_settings(supabase_url=server.url))
        with pytest.raises(StoreUnavailable, match="Request rate limit"):
            await supabase.sign_in("a@example.com", "x")
        await supabase.close()
    with answering(400, b'{"code":400,"error_code":"invalid_credentials","msg":"Invalid credentials"}') as server:
        supabase = Supabase(make_settings(supabase_url=server.url))
        with pytest.raises(SignedOut):
            await supabase.sign_in("a@example.com", "x")
        await supabase.close()


@respx.mock
def test_the_catalog() -> None:
    """By the same rules."""
    table = respx.get(url__startswith="http://x/rest/v1/webhook_event_types")
    table.respond(404, json={"code": "PGRST205", "message": "Could not find the table"})
    with pytest.raises(StoreError, match=r"the event catalog: Could not find the table; are the migrations"):
        fetch("http://x", "sb_secret_x")
    table.respond(500, content=PASSING["statement timeout"][1])
    with pytest.raises(StoreUnavailable):
        fetch("http://x", "sb_secret_x")


async def test_results_outlive_a_gateway_whose_postgrest_restarts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batch again and whole, not one row after the other and then none."""
    monkeypatch.setattr(recorder_module, "RETRY_SECONDS", 0.01)
    replies = iter(
        [
            Reply(502, KONG),
            Reply(503, KONG),
            Reply(200, b'{"recorded": [], "late": []}', {"Content-Type": "application/json"}),
        ]
    )

    def respond(_: Received) -> Reply:
        return next(replies)

    async def settled(_: list[Recorded]) -> None:
        recorder.finish()

    with Receiver(answer=respond) as server:
        store = Store(make_settings(supabase_url=server.url))
        recorder = Recorder(store, settled, patience=10)
        now = datetime.now(UTC)
        for number in range(3):
            result = {"lease_id": "l", "attempt": 1, "started_at": now, "duration_ms": 1, "delivered": True}
            recorder.add(msgspec.convert({"delivery_id": str(number), **result}, Attempt), soon=True)
        async with asyncio.timeout(20):
            await recorder.run()
        await store.close()
    bodies = {request.body for request in server.received}
    assert len(server.received) == 3
    assert len(bodies) == 1
    assert bodies.pop().count(b"delivery_id") == 3


@pytest.mark.parametrize("call", ["claim", "record"])
async def test_a_call_without_a_response_ends_while_its_lease_holds(call: str) -> None:
    """A restart of Postgres loses the response: what waits behind it must be recorded before the lease has run out."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = Store(make_settings(supabase_url=url, lease_seconds=2, timeout_seconds=1))
        with pytest.raises(StoreUnavailable, match="ReadTimeout"):
            async with asyncio.timeout(2):
                await (store.claim(batch_size=1, busy={}, worker="w") if call == "claim" else store.record([]))
