"""The gateway over HTTP: who may call, what it returns, and what it never reveals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from devstack import admins
from devstack.admins import Account, make_account, make_admin
from devstack.receiver import Receiver
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import System

DISPATCHER, HEALTH, TEST = (
    f"/functions/v1/{name}" for name in ("webhook-dispatcher", "webhook-health", "test-webhook")
)


@pytest.fixture
def client(system: System) -> Iterator[httpx.Client]:
    """A client of a running gateway."""
    with httpx.Client(base_url=system.standing_gateway().url, trust_env=False, timeout=30) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    """Return an Authorization header."""
    return {"Authorization": f"Bearer {token}"}


def sign_in(system: System, *, admin: bool) -> str:
    """Return the access token of a new user."""
    account = Account(f"{'admin' if admin else 'user'}@example.com", "a long password")
    (make_admin if admin else make_account)(system.supabase, account)
    return str(admins.sign_in(system.supabase, account)["access_token"])


def test_who_may_call(system: System, client: httpx.Client) -> None:
    """401 without a token, 403 with a wrong one, 202 with the dispatch token or the service key."""
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        response = client.post(DISPATCHER, headers=headers)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
    for token in ("wrong", system.supabase.keys.publishable, TOKEN[:-1], "ü"):
        assert client.post(DISPATCHER, headers={"Authorization": f"Bearer {token}".encode()}).status_code == 403
    for token in (TOKEN, system.supabase.keys.secret):
        response = client.post(DISPATCHER, headers=bearer(token))
        assert response.status_code == 202
        assert set(response.json()) == {"run_id", "due", "enqueued"}
    assert len(system.db.execute("select from public.webhook_dispatcher_runs").fetchall()) == 2


def test_as_many_jobs_as_the_rows_need(system: System, client: httpx.Client) -> None:
    """One for up to 500 rows, none for none, never more waiting than the bound."""
    assert client.post(DISPATCHER, headers=bearer(TOKEN)).json()["enqueued"] == 0
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch(1100)
    assert client.post(DISPATCHER, headers=bearer(TOKEN)).json()["enqueued"] == 3
    assert client.post(DISPATCHER, headers=bearer(TOKEN)).json()["enqueued"] == 0, "three wait already"


def test_health(system: System, client: httpx.Client) -> None:
    """Counts of the last hour, for servers and admins."""
    system.endpoint("http://127.0.0.1:9/")
    system.dispatch(2)
    response = client.get(HEALTH, headers=bearer(TOKEN)).json()
    assert response["due"] == 2
    assert response["last_hour"] == {"total": 2, "delivered": 0, "failed": 0, "pending": 2}
    assert client.get(HEALTH).status_code == 401
    assert client.get("/readyz").json() == {"status": "ready"}


def test_a_test_delivery(system: System, client: httpx.Client) -> None:
    """A server or a signed-in admin sends one; it travels like any other. Errors name the endpoint."""
    with Receiver() as receiver:
        endpoint = system.endpoint(receiver.url)
        system.worker()
        made = client.post(TEST, json={"webhook_config_id": endpoint}, headers=bearer(TOKEN))
        assert made.status_code == 202
        (request,) = receiver.wait_for(1)
    assert request.payload["event"] == "webhook.test"
    assert request.payload["request_id"] == made.json()["request_id"]
    assert request.verified(system.secret)
    missing = "00000000-0000-0000-0000-000000000000"
    response = client.post(TEST, json={"webhook_config_id": missing}, headers=bearer(TOKEN))
    assert (response.status_code, missing in response.json()["detail"]) == (404, True), response.json()
    assert client.post(TEST, json={"webhook_config_id": "no uuid"}, headers=bearer(TOKEN)).status_code == 400
    system.db.execute("update public.webhook_configurations set is_active = false")
    response = client.post(TEST, json={"webhook_config_id": endpoint}, headers=bearer(TOKEN))
    assert (response.status_code, "is inactive" in response.json()["detail"]) == (400, True)


@pytest.mark.parametrize(("admin", "status"), [(True, 202), (False, 403)])
def test_users_with_their_own_token(system: System, client: httpx.Client, admin: bool, status: int) -> None:
    """An admin by the database's word may test an endpoint; another user may not, nor trigger the dispatcher."""
    token = sign_in(system, admin=admin)
    endpoint = system.endpoint("http://127.0.0.1:9/")
    assert client.post(TEST, json={"webhook_config_id": endpoint}, headers=bearer(token)).status_code == status
    assert client.post(DISPATCHER, headers=bearer(token)).status_code == 403


def test_browsers_may_call_as_they_could_the_old_functions(client: httpx.Client) -> None:
    """CORS: any origin, with the headers that supabase-js sends."""
    response = client.options(
        TEST,
        headers={
            "Origin": "https://app.example.com",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, x-client-info, apikey, content-type",
        },
    )
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "*"
    for name in ("authorization", "x-client-info", "apikey", "content-type"):
        assert name in response.headers["access-control-allow-headers"]


def test_openapi(client: httpx.Client) -> None:
    """Every route is described at /schema."""
    paths = client.get("/schema/openapi.json").json()["paths"]
    assert {DISPATCHER, HEALTH, TEST, "/healthz", "/readyz"} <= set(paths)
    assert client.get("/schema").status_code == 200


def test_no_secret_in_any_log(system: System, client: httpx.Client) -> None:
    """Logs of gateway, workers and REST server after a run with failures."""
    system.endpoint("http://127.0.0.1:9/?token=url-token")
    worker = system.worker()
    system.dispatch()
    client.post(DISPATCHER, headers=bearer(TOKEN))
    client.post(DISPATCHER, headers=bearer("a-wrong-token"))
    system.wait(lambda: len(system.attempts()) == 2)
    assert system.supabase.child is not None
    worker.stop()
    text = system.log() + system.supabase.child.log.read_text()
    assert "attempts started" in text
    for secret in (TOKEN, system.secret, system.supabase.keys.secret, "url-token", "a-wrong-token"):
        assert secret not in text
