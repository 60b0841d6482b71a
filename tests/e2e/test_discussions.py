"""The gateway closes what has expired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.conftest import TOKEN
from tests.e2e.test_gateway import bearer, sign_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.e2e.conftest import System

CLOSE = "/functions/v1/close-expired-discussions"


@pytest.fixture(scope="module")
def template(platforms: Callable[[str], str]) -> str:
    """All tests here run on the upgraded production schema."""
    return platforms("production")


@pytest.fixture
def client(system: System) -> Iterator[httpx.Client]:
    """A client of a running gateway."""
    with httpx.Client(base_url=system.gateway().url, trust_env=False, timeout=60) as client:
        yield client


def test_an_app_without_discussions(system: System, client: httpx.Client) -> None:
    """404 that says why; not a failure of the server."""
    system.db.execute("drop table public.discussions cascade")
    response = client.post(CLOSE, headers=bearer(TOKEN))
    assert response.status_code == 404
    assert "the table public.discussions does not exist" in response.json()["detail"]


def test_who_may_call(system: System, client: httpx.Client) -> None:
    """As the dispatcher: servers only, not even an admin."""
    assert client.post(CLOSE).status_code == 401
    assert client.post(CLOSE, headers=bearer("wrong")).status_code == 403
    for token in (TOKEN, system.supabase.keys.secret):
        assert client.post(CLOSE, headers=bearer(token)).json() == {"closed": 0, "remaining": 0}
    assert client.post(CLOSE, headers=bearer(sign_in(system, admin=False))).status_code == 403


def test_more_than_a_batch(system: System, client: httpx.Client) -> None:
    """2,500 expired discussions: closed by one call, each told once."""
    system.endpoint("http://127.0.0.1:9/")
    system.db.execute(
        "insert into public.discussions (community_id, title, created_by, expires_at)"
        " select community_id, n::text, created_by, now() - interval '1 hour'"
        " from public.discussions, generate_series(1, 2500) n"
    )
    response = client.post(CLOSE, headers=bearer(TOKEN))
    assert (response.status_code, response.json()) == (200, {"closed": 2500, "remaining": 0})
    rows: list[dict[str, Any]] = system.rows()
    assert len({row["payload"]["data"]["discussion_id"] for row in rows}) == len(rows) == 2500
