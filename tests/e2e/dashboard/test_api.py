"""The admin API: every route does its work once, pages end, errors are problems, and OpenAPI says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.receiver import Receiver, Reply
from supabase_webhooks.webhooks.retries import PRESETS
from tests.e2e.conftest import TOKEN
from tests.e2e.dashboard.conftest import ADMIN, USER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devstack.admins import Account
    from tests.e2e.dashboard.conftest import Site

NOWHERE = "00000000-0000-0000-0000-000000000000"


def bearer(site: Site, account: Account) -> dict[str, str]:
    """Return the header of a signed-in user."""
    supabase = site.system.supabase
    response = httpx.post(
        f"{supabase.url}/auth/v1/token", params={"grant_type": "password"}, json=account._asdict(), trust_env=False,
        headers={"apikey": supabase.keys.publishable},
    )  # fmt: skip
    return {"Authorization": f"Bearer {response.raise_for_status().json()['access_token']}"}


@pytest.fixture
def api(site: Site) -> Iterator[httpx.Client]:
    """An admin's client."""
    headers = bearer(site, ADMIN)
    with httpx.Client(base_url=f"{site.url}/api/v1", headers=headers, trust_env=False, timeout=30) as client:
        yield client


def test_the_life_of_an_endpoint(site: Site, api: httpx.Client) -> None:
    """Made, tested, failed, retried, rotated, changed: the receiver sees each step, and the API says it."""
    responses = [Reply(500), Reply(200), Reply(200)]
    with Receiver(answer=lambda _: responses.pop(0)) as receiver:
        # Given an endpoint that allows one attempt, and a worker
        new = {"name": "n8n", "url": receiver.url, "events": ["user.*"], "max_attempts": 1}
        made = api.post("/endpoints", json=new)
        assert made.status_code == 201
        endpoint, secret = made.json()["id"], made.json()["secret_key"]
        site.system.worker()

        # When a test fails and is retried
        delivery = api.post(f"/endpoints/{endpoint}/test").json()["delivery_id"]
        site.system.wait_for_status("failed", 1)
        assert api.post(f"/deliveries/{delivery}/retry").status_code == 202
        site.system.wait_for_status("delivered", 1)

        # Then the receiver verifies both with the secret that was shown once, and the log has both
        assert all(request.verified(secret) for request in receiver.wait_for(2))
        shown = api.get(f"/deliveries/{delivery}").json()
        assert [a["response_status"] for a in shown["attempt_log"]] == [500, 200]
        assert api.get(f"/deliveries/{delivery}/attempts").json()["items"] == shown["attempt_log"]

        # And after a rotation both secrets sign; X-Webhook-Signature, which has room for one, keeps the old one's
        rotated = api.post(f"/endpoints/{endpoint}/rotate-secret", json={"overlap_seconds": 3600}).json()
        api.post(f"/endpoints/{endpoint}/test")
        last = receiver.wait_for(3)[-1]
        assert last.verified(secret)
        assert last.headers["webhook-signature"].count("v1,") == 2
    assert api.patch(f"/endpoints/{endpoint}", json={"is_active": False, "name": "N8N"}).status_code == 200
    shown = api.get(f"/endpoints/{endpoint}").json()
    assert (shown["name"], shown["is_active"], shown["previous_secret_until"]) == (
        "N8N",
        False,
        rotated["previous_until"],
    )
    assert "secret_key" not in shown


def test_a_retry_schedule_and_an_expiry(api: httpx.Client) -> None:
    """Standard unless told otherwise; by name, as a list, or by attempts; null takes either back."""
    new = {"name": "n8n", "url": "https://example.com/a", "events": ["*"]}
    for given, schedule, attempts in (
        ({}, list(PRESETS["standard"]), 3),
        ({"retry_schedule": "quick"}, [2, 4], 3),
        ({"retry_schedule": [5, 300], "expires_after": "3 days"}, [5, 300], 3),
        ({"max_attempts": 7}, None, 7),
    ):
        endpoint = api.post("/endpoints", json={**new, **given}).json()["id"]
        shown = api.get(f"/endpoints/{endpoint}").json()
        expected = (schedule, attempts, given.get("expires_after"))
        assert (shown["retry_schedule"], shown["max_attempts"], shown["expires_after"]) == expected, given
    changes = {"retry_schedule": "standard", "expires_after": "12 hours"}
    assert api.patch(f"/endpoints/{endpoint}", json=changes).status_code == 200
    shown = api.get(f"/endpoints/{endpoint}").json()
    assert (shown["retry_schedule"], shown["expires_after"]) == (list(PRESETS["standard"]), "12:00:00")
    api.patch(f"/endpoints/{endpoint}", json=dict.fromkeys(changes))
    shown = api.get(f"/endpoints/{endpoint}").json()
    assert (shown["retry_schedule"], shown["expires_after"]) == (None, None)


def test_what_waits_says_why_and_is_retried(site: Site, api: httpx.Client) -> None:
    """Lists and one delivery say what it waits for; a selection or an endpoint's are due by one call."""
    db, endpoint = site.system.db, site.system.endpoint("http://127.0.0.1:9/")
    site.system.dispatch(5)
    db.execute("update public.webhook_deliveries set next_attempt_at = now() + interval '2 hours', attempts = 1")
    items = api.get("/deliveries").json()["items"]
    for delivery in (items[0], api.get(f"/deliveries/{items[0]['id']}").json()):
        assert delivery["waits_for"] == {"reason": "the next attempt", "until": delivery["next_attempt_at"]}

    # Given a selection, the same request under one key retries once; the others wait
    chosen = {"delivery_ids": [item["id"] for item in items[:2]]}
    for repeated in (False, True):
        done = api.post("/deliveries/retry", json=chosen, headers={"Idempotency-Key": "one"})
        assert (done.status_code, done.json()) == (202, {"retried": 2, "more": False})
        assert ("idempotent-replayed" in done.headers) is repeated
    due = {item["id"] for item in api.get("/deliveries").json()["items"] if item["waits_for"]["until"] is None}
    assert due == set(chosen["delivery_ids"])

    # Given an endpoint, what waits at it is retried, at_most by a call
    responses = [
        api.post("/deliveries/retry", json={"webhook_config_id": endpoint, "at_most": 2}).json() for _ in range(2)
    ]
    assert responses == [{"retried": 2, "more": True}, {"retried": 1, "more": False}]
    api.patch(f"/endpoints/{endpoint}", json={"is_active": False})
    reasons = {item["waits_for"]["reason"] for item in api.get("/deliveries").json()["items"]}
    assert reasons == {"the endpoint is paused"}


def test_the_end_of_an_overlap(api: httpx.Client) -> None:
    """The previous secret no longer signs; a second end is none."""
    endpoint = api.post("/endpoints", json={"name": "n8n", "url": "https://example.com/a", "events": ["*"]}).json()[
        "id"
    ]
    api.post(f"/endpoints/{endpoint}/rotate-secret", json={"overlap_seconds": 3600})
    assert api.get(f"/endpoints/{endpoint}").json()["previous_secret_until"]
    for ended in (1, 0):
        done = api.post(f"/endpoints/{endpoint}/end-secret-overlap")
        assert (done.status_code, done.json()) == (200, {"id": endpoint, "ended": ended})
    assert api.get(f"/endpoints/{endpoint}").json()["previous_secret_until"] is None


def test_pages_and_replay(site: Site, api: httpx.Client) -> None:
    """Cursors reach every row once and end; a replay counts, then acts, and goes on by its cursor."""
    site.system.endpoint("http://127.0.0.1:9/")
    site.system.dispatch(25)
    site.system.db.execute("update public.webhook_deliveries set status = 'failed', attempts = 3, finished_at = now()")
    for path in ("/deliveries", "/events", "/endpoints", "/runs"):
        items, cursor = [], None
        while True:
            response = api.get(path, params={"limit": 4, **({"cursor": cursor} if cursor else {})})
            assert response.status_code == 200, response.text
            items += response.json()["items"]
            cursor = response.json()["next_cursor"]
            if cursor is None:
                break
        table = {"/deliveries": "deliveries", "/events": "event_types", "/endpoints": "configurations",
                 "/runs": "dispatcher_runs"}[path]  # fmt: skip
        count = site.system.db.execute(f"select count(*) as n from public.webhook_{table}".encode()).fetchone()
        assert len({str(item) for item in items}) == len(items) == count["n"]  # type: ignore[index]
    counted = api.post("/replay", json={}).json()
    assert (counted["matching"], counted["replayed"]) == (25, 0)
    acting: dict[str, Any] = {"dry_run": False, "at_most": 10, "created_until": counted["created_until"]}
    replayed = []
    while True:
        done = api.post("/replay", json=acting).json()
        replayed.append(done["replayed"])
        if done["next_cursor"] is None:
            break
        acting["cursor"] = done["next_cursor"]
    assert replayed == [10, 10, 5]


def test_stats_are_the_dashboards(site: Site, api: httpx.Client) -> None:
    """The same figures, and a series that adds up to them."""
    site.system.endpoint("http://127.0.0.1:9/")
    site.system.dispatch(7)
    assert api.get("/stats").json()["last_hour"] == {"total": 7, "delivered": 0, "failed": 0, "pending": 7}
    assert sum(api.get("/stats/series", params={"buckets": 10}).json()["pending"]) == 7


def test_a_write_is_done_once_for_a_key(site: Site, api: httpx.Client) -> None:
    """The repetition is marked, has no secret, and makes nothing; another request under the key is rejected."""
    new = {"name": "n8n", "url": "https://example.com/a", "events": ["*"]}
    first = api.post("/endpoints", json=new, headers={"Idempotency-Key": "one"})
    again = api.post("/endpoints", json=new, headers={"Idempotency-Key": "one"})
    assert "idempotent-replayed" not in first.headers
    assert (again.headers["idempotent-replayed"], again.json()) == ("true", {"id": first.json()["id"]})
    other = api.post("/endpoints", json={**new, "name": "x"}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 422
    site.system.endpoint("http://127.0.0.1:9/")
    event = {"event_type": "discussion.extended",
             "event_data": {"discussion_id": NOWHERE, "new_expires_at": "2026-02-05T12:34:56.789Z"}}  # fmt: skip
    sent = [api.post("/events", json=event, headers={"Idempotency-Key": "two"}).json() for _ in range(2)]
    assert sent[0] == sent[1]
    assert sent[0]["deliveries"] == len(site.system.rows()) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", f"/endpoints/{NOWHERE}", None, 404, NOWHERE),
        ("GET", f"/deliveries/{NOWHERE}", None, 404, NOWHERE),
        ("GET", "/deliveries?cursor=nonsense", None, 400, "cursor"),
        ("GET", "/deliveries?status=odd", None, 400, ""),
        ("GET", "/deliveries?limit=100000", None, 400, ""),
        ("GET", "/nowhere", None, 404, ""),
        ("POST", "/endpoints", {"name": "x", "url": "ftp://x", "events": ["*"]}, 400, "is not supported"),
        ("POST", "/endpoints", {"nam": "x"}, 400, ""),
        (
            "POST",
            "/endpoints",
            {"name": "x", "url": "https://x.example", "events": ["user.unheard_of"]},
            400,
            "unheard_of",
        ),
        ("PATCH", f"/endpoints/{NOWHERE}", {"name": "x"}, 404, NOWHERE),
        ("POST", "/events", {"event_type": "page_view", "event_data": {}}, 400, "Google Analytics"),
        ("POST", f"/endpoints/{NOWHERE}/rotate-secret", {"overlap_seconds": -1}, 400, ""),
        ("POST", "/replay", {"status": "pending"}, 400, ""),
        (
            "POST",
            "/endpoints",
            {"name": "x", "url": "https://x.example", "events": ["*"], "retry_schedule": "slow"},
            400,
            "slow",
        ),
        (
            "POST",
            "/endpoints",
            {"name": "x", "url": "https://x.example", "events": ["*"], "retry_schedule": [-1]},
            400,
            "retry_schedule",
        ),
        (
            "POST",
            "/endpoints",
            {"name": "x", "url": "https://x.example", "events": ["*"], "expires_after": "soon"},
            400,
            "soon",
        ),
        (
            "POST",
            "/endpoints",
            {"name": "x", "url": "https://x.example", "events": ["*"], "expires_after": "-1 day"},
            400,
            "expires_after",
        ),
        ("POST", "/deliveries/retry", {}, 400, "either delivery_ids or webhook_config_id"),
        ("POST", "/deliveries/retry", {"delivery_ids": []}, 400, ""),
        ("POST", "/deliveries/retry", {"delivery_ids": [NOWHERE], "webhook_config_id": NOWHERE}, 400, "either"),
    ],
)
def test_errors_are_problems(api: httpx.Client, method: str, path: str, body: Any, status: int, detail: str) -> None:
    """RFC 9457: application/problem+json with title, status and a detail that names the culprit."""
    response = api.request(method, path, json=body)
    assert response.status_code == status, response.text
    if path == "/nowhere":
        return  # not a route of the API: the gateway's own response
    assert response.headers["content-type"].startswith("application/problem+json")
    problem = response.json()
    assert (problem["status"], bool(problem["title"]), detail in problem["detail"]) == (status, True, True), problem


def test_who_may_call(site: Site) -> None:
    """Admins and the service key; other users get 403, anyone else 401; a cookie does not count here."""
    for path in ("/endpoints", "/deliveries", "/events", "/stats", "/stats/series", "/runs"):
        url = f"{site.url}/api/v1{path}"
        for headers, status in (
            (bearer(site, USER), 403),
            ({"Authorization": f"Bearer {site.system.supabase.keys.secret}"}, 200),
            ({"Authorization": f"Bearer {TOKEN}"}, 401),
            # Supabase's API gateway ignores these and uses the key sent with them
            ({"Authorization": "Bearer sb_x"}, 401),
            ({"Authorization": f"Bearer {site.system.supabase.keys.publishable}"}, 401),
            ({"Authorization": "Bearer eyJhbGciOiJub25lIn0.eyJyb2xlIjoic2VydmljZV9yb2xlIn0."}, 401),
            ({}, 401),
        ):
            response = httpx.get(url, headers=headers, trust_env=False)
            assert response.status_code == status, (path, response.text)
            assert site.system.supabase.keys.secret not in response.text
        assert site.admin().get(f"/api/v1{path}").status_code == 401


def test_openapi_is_complete(api: httpx.Client) -> None:
    """Every operation has a summary, a description, a name, its security and its errors with examples; bodies too."""
    document = api.get("/../../schema/openapi.json").json()
    operations = [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        if path.startswith("/api/v1")
        for method, operation in methods.items()
    ]
    assert len(operations) == 20
    assert len({operation["operationId"] for _, operation in operations}) == 20
    for name, operation in operations:
        assert operation["summary"], name
        assert operation["description"], name
        (security,) = operation["security"]
        assert set(security["bearer"]) <= {"read", "manage", "dispatch"}, name
        for status in ("400", "401", "403", "404", "429", "503"):
            content = operation["responses"][status]["content"]["application/problem+json"]
            assert content["examples"], (name, status)
        if "requestBody" in operation:
            assert operation["requestBody"]["content"]["application/json"]["schema"]["examples"], name
        if name.startswith(("post", "patch")):
            assert "Idempotency-Key" in {p["name"] for p in operation["parameters"]}, name
