"""API tokens over HTTP: each scope at each route, what is wrong with a token, and who the log says it was."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.receiver import Receiver
from supabase_webhooks.gateway.api_tokens import WRONG
from supabase_webhooks.gateway.scopes import OPENS, PUBLIC, SERVER, SESSION, Scope
from supabase_webhooks.webhooks.tokens import digest
from tests.database.shorthands import call
from tests.e2e.conftest import JOINED
from tests.unit.test_scopes import WITH_DASHBOARD, application, routes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.conftest import System

NOWHERE = "00000000-0000-0000-0000-000000000000"
ANA = "00000000-0000-0000-0000-00000000000a"

EVENT = {"event_type": "user.joined_community", "event_data": JOINED}
NEW = {"name": "n8n", "url": "https://example.com/a", "events": ["*"]}


@pytest.fixture
def client(system: System) -> Iterator[httpx.Client]:
    """A client of a running gateway with a dashboard."""
    url = system.standing_gateway(WEBHOOKS_SESSION_SECRET="x" * 32).url
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client


def create(system: System, *scopes: str, name: str = "ci") -> dict[str, Any]:
    """Create a token as the command line does."""
    return dict(call(system.db, "create_webhook_api_token", name=name, scopes=list(scopes)))


def bearer(token: str) -> dict[str, str]:
    """Return an Authorization header."""
    return {"Authorization": f"Bearer {token}"}


def actors(system: System) -> list[tuple[str, str]]:
    """Return the log of actions: what, and by whom."""
    rows = system.db.execute("select action, actor from public.webhook_admin_actions order by acted_at").fetchall()
    return [(row["action"], row["actor"]) for row in rows]


def test_each_scope_at_each_route(system: System, client: httpx.Client) -> None:
    """As the router has them. Without the scope: 403 that names it, before the request is even read."""
    tokens = {scope: create(system, scope, name=f"only {scope}") for scope in Scope}
    system.endpoint("https://example.com/")
    seen: set[tuple[object, bool]] = set()
    for method, path, needed in routes(application(**WITH_DASHBOARD)):
        if path in {"/readyz", "/healthz"} or needed == PUBLIC:
            continue
        filled = re.sub(r"\{[^}]*\}", NOWHERE, path)
        for scope, token in tokens.items():
            before = actors(system)
            response = client.request(
                method, filled, headers=bearer(token["token"]), json=None if method == "GET" else {}
            )
            where = (method, path, scope, response.status_code, response.text[:300])
            opened = needed in OPENS[scope]
            seen.add((needed, opened))
            if opened:
                # an empty body, and an id that no row has
                assert response.status_code in {200, 202, 400, 404}, where
                continue
            assert actors(system) == before, where
            if needed == SESSION:
                # a page asks for its cookie
                assert response.status_code in {303, 403} or path.startswith("/sign-"), where
                assert "Sign out" not in response.text, where
                continue
            assert response.status_code == 403, where
            assert token["prefix"] in response.json()["detail"] or needed == SERVER, where
            assert f"lacks the scope {needed};" in response.text or needed == SERVER, where
    assert seen == {(scope, opened) for scope in Scope for opened in (True, False)} | {
        (SERVER, False),
        (SESSION, False),
    }


def test_an_event_from_a_server(system: System, client: httpx.Client) -> None:
    """With the least scope: dispatched once for a key, for any actor and tenant, delivered, and in the log."""
    token = create(system, "dispatch", name="shop backend")
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker()
        headers = {**bearer(token["token"]), "Idempotency-Key": "order 1"}
        event = {**EVENT, "actor_user_id": ANA}
        sent = [client.post("/api/v1/events", json=event, headers=headers) for _ in range(3)]
        assert [(one.status_code, one.json()) for one in sent] == [(202, sent[0].json())] * 3
        assert ["idempotent-replayed" in one.headers for one in sent] == [False, True, True]
        (request,) = receiver.wait_for(1)
    assert request.payload["request_id"] == sent[0].json()["request_id"]
    assert request.payload["actor_user_id"] == ANA
    assert actors(system)[1:] == [("dispatch", f"shop backend ({token['prefix']})")]
    (listed,) = call(system.db, "list_webhook_api_tokens")
    assert listed["last_used_at"]


def test_what_a_token_does_is_in_the_log(system: System, client: httpx.Client) -> None:
    """Under its name and prefix, by whatever route, and on the delivery's timeline."""
    token = create(system, "manage", name="deploy")
    client.headers.update(bearer(token["token"]))
    endpoint = client.post("/api/v1/endpoints", json=NEW).json()["id"]
    client.patch(f"/api/v1/endpoints/{endpoint}", json={"name": "N8N"})
    client.post(f"/api/v1/endpoints/{endpoint}/rotate-secret", json={})
    delivery = client.post(f"/api/v1/endpoints/{endpoint}/test").json()["delivery_id"]
    client.post(f"/api/v1/deliveries/{delivery}/retry")
    client.post("/functions/v1/test-webhook", json={"webhook_config_id": endpoint})
    client.delete(f"/api/v1/endpoints/{endpoint}")
    did = [
        "create_endpoint", "update_endpoint", "rotate_secret", "send_test", "retry", "send_test",
        # a deletion disables it first
        "update_endpoint", "delete_endpoint",
    ]  # fmt: skip
    assert actors(system)[1:] == [(action, f"deploy ({token['prefix']})") for action in did]
    timeline = client.get(f"/api/v1/deliveries/{delivery}").json()["timeline"]
    assert any(f"deploy ({token['prefix']})" in entry["text"] for entry in timeline)


def test_unknown_expired_and_revoked_look_the_same(system: System, client: httpx.Client) -> None:
    """One status, one body: a stranger does not learn that a token once existed."""
    revoked, expired = (create(system, *Scope, name=name)["token"] for name in ("revoked", "expired"))
    for token in (revoked, expired):
        assert client.get("/api/v1/stats", headers=bearer(token)).status_code == 200
    row = next(one for one in call(system.db, "list_webhook_api_tokens") if one["name"] == "revoked")
    call(system.db, "revoke_webhook_api_token", row["id"])
    system.db.execute("update webhooks.api_tokens set expires_at = now() where name = 'expired'")
    wrong = [
        revoked,
        expired,
        "whk_" + "0" * 64,
        "whk_",
        "whk_é",
        "whk_" + "x" * 4000,
        revoked.upper().replace("WHK", "whk"),
    ]
    for method, path in (("GET", "/api/v1/stats"), ("POST", "/api/v1/events"), ("GET", "/functions/v1/webhook-health"),
                         ("POST", "/functions/v1/test-webhook"), ("GET", "/metrics")):  # fmt: skip
        system.db.execute("delete from webhooks.sign_in_tries")
        responses = [
            client.request(method, path, headers={"Authorization": f"Bearer {token}".encode("latin-1")})
            for token in wrong
        ]
        assert {response.status_code for response in responses} == {401}, path
        assert len({response.text for response in responses}) == 1, path
        assert responses[0].json()["detail"] == WRONG
        assert {response.headers["www-authenticate"] for response in responses} == {"Bearer"}
        assert {response.headers["content-type"] for response in responses} == {responses[0].headers["content-type"]}


def test_revoked_at_every_gateway_at_once(system: System, client: httpx.Client) -> None:
    """None of them remembers a token."""
    token = create(system, "read")
    other = system.gateway().url
    urls = [f"{client.base_url}/api/v1/stats", f"{other}/api/v1/stats"]
    get = [lambda url=url: httpx.get(url, headers=bearer(token["token"]), trust_env=False).status_code for url in urls]
    assert [one() for one in get] == [200, 200]
    call(system.db, "revoke_webhook_api_token", token["id"])
    assert [one() for one in get] == [401, 401]


def test_wrong_tokens_are_counted(system: System, client: httpx.Client) -> None:
    """Ten in 15 minutes from an address, at all gateways together; a right one, and a sign-in, still work there."""
    right = create(system, "read")["token"]
    clients = [client, httpx.Client(base_url=system.gateway().url, trust_env=False, timeout=30)]
    system.exit.callback(clients[1].close)

    def ask(n: int, token: str, address: str = "198.51.100.7") -> httpx.Response:
        headers = {**bearer(token), "X-Forwarded-For": address}
        return clients[n % 2].get("/api/v1/stats", headers=headers)

    # without a dashboard, the second gateway counts under a key of its own
    statuses = [ask(0, f"whk_{n:064x}").status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    limited = ask(0, "whk_" + "f" * 64)
    assert 0 < int(limited.headers["retry-after"]) <= 900
    assert "too many wrong API tokens from your address; try again in 15 minutes" in limited.json()["detail"]
    assert ask(0, right).status_code == 200
    assert ask(1, "whk_" + "f" * 64).status_code == 401
    assert ask(0, "whk_" + "f" * 64, "198.51.100.8").status_code == 401
    assert client.get("/sign-in", headers={"X-Forwarded-For": "198.51.100.7"}).status_code == 200
    rows = system.db.execute("select t::text as row from webhooks.sign_in_tries as t").fetchall()
    assert rows
    assert not any("198.51" in row["row"] or "whk_" in row["row"] for row in rows)


def postgres_logs(directory: Path) -> list[Path]:
    """Return the logs of the servers."""
    return list(directory.glob("postgres-*/*.log"))


def test_a_token_is_nowhere_but_where_it_was_created(system: System, client: httpx.Client, directory: Path) -> None:
    """Not in a response, an error or a log: of the gateway, a worker, the REST server or Postgres; nor is its hash."""
    sizes = {log: log.stat().st_size for log in postgres_logs(directory)}
    assert sizes
    tokens = [create(system, scope)["token"] for scope in Scope] + ["whk_" + "ab12" * 16]
    system.worker()
    endpoint = system.endpoint("http://127.0.0.1:9/")
    texts = []
    for token in tokens:
        for method, path, body in (
            ("GET", "/api/v1/endpoints", None), ("POST", "/api/v1/endpoints", {"name": "x"}),
            ("POST", "/api/v1/events", EVENT), ("POST", "/api/v1/events", {"event_type": "x", "event_data": {}}),
            ("POST", f"/api/v1/endpoints/{endpoint}/test", None), ("GET", "/functions/v1/webhook-health", None),
            ("POST", "/functions/v1/webhook-dispatcher", None), ("GET", "/metrics", None),
            ("GET", f"/api/v1/deliveries?cursor={token}", None),
        ):  # fmt: skip
            response = client.request(method, path, headers=bearer(token), json=body)
            texts.append(str(response.headers) + response.text)
    # PostgREST, directly: it knows none of them
    rest = f"{system.supabase.url}/rest/v1"
    for path in ("/rpc/webhook_admin_check", "/webhook_configurations"):
        headers = {"apikey": system.supabase.keys.publishable, **bearer(tokens[0])}
        response = httpx.get(f"{rest}{path}", headers=headers, trust_env=False)
        assert not response.is_success or response.json() == []
    assert system.supabase.child is not None
    texts.append(system.log())
    texts.append(system.supabase.child.log.read_text())
    assert "/api/v1/events" in system.log(), "the log of the requests"
    texts += [log.read_text(errors="replace")[sizes.get(log, 0) :] for log in postgres_logs(directory)]
    for token in tokens:
        assert not any(token[12:] in text or digest(token) in text for text in texts)


def test_openapi(client: httpx.Client) -> None:
    """It says which scope each route needs, and what a token looks like."""
    document = client.get("/schema/openapi.json").json()
    assert "whk_" in document["components"]["securitySchemes"]["bearer"]["description"]
    declared = {(method, path): scope for method, path, scope in routes(application()) if isinstance(scope, Scope)}
    assert len(declared) > 20
    for (method, path), scope in declared.items():
        described = re.sub(r"\{(\w+):\w+\}", r"{\1}", path)
        assert document["paths"][described][method.lower()]["security"] == [{"bearer": [str(scope)]}], path
