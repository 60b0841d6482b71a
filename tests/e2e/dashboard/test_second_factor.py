"""An account with a second factor: its password alone opens neither the dashboard nor the API."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.database.test_sign_in import give_factor
from tests.e2e.dashboard.conftest import ADMIN, USER, Site, sign_in, token
from tests.e2e.dashboard.test_api import bearer
from tests.e2e.dashboard.test_sign_in import forge, kept, session
from tests.e2e.dashboard.test_viewers import VIEWER, assign
from tests.e2e.mfa import SecondFactors, totp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import System


@pytest.fixture
def auth(system: System) -> Iterator[SecondFactors]:
    """Supabase with second factors, for the test's gateways."""
    with SecondFactors(system.supabase) as auth:
        system.variables = {"SUPABASE_URL": auth.url}
        yield auth


def enroll(site: Site, auth: SecondFactors, account: str = ADMIN.email, kind: str = "totp") -> str:
    """Give an account a second factor, in Auth and its table; return its secret."""
    row = site.system.db.execute("select id::text from auth.users where email = %s", (account,)).fetchone()
    assert row is not None
    give_factor(site.system.db, row["id"], "verified")
    return auth.enroll(row["id"], kind)


def send_code(client: httpx.Client, code: str) -> httpx.Response:
    """Send the page's form."""
    return client.post("/sign-in/code", data={"_csrf_token": token(client, "/sign-in/code"), "code": code})


def test_an_admin_gives_the_code(system: System, auth: SecondFactors) -> None:
    """After the password there is no session until then; afterwards it stays one of its level, refreshed or not."""
    site = Site(system)
    enroll(site, auth)
    secret = enroll(site, auth)
    client = site.visitor()

    # Given the right password, when there was no code, then nothing opens
    response = sign_in(client, ADMIN, after="/runs")
    assert (response.status_code, response.headers["location"]) == (303, "/sign-in/code")
    assert "tokens" not in kept(client)
    assert client.get("/").status_code == 303
    assert "authenticator app" in client.get("/sign-in/code").text

    # When codes are wrong, then they are asked for again
    for wrong in ("000000", "", "x", "0" * 5000):
        response = send_code(client, wrong)
        assert (response.status_code, "The code is wrong" in response.text) == (400, True)
    assert client.get("/").status_code == 303

    # When it is right, spaces or not, and of whichever of the factors
    code = totp(secret)
    response = send_code(client, f" {code[:3]} {code[3:]} ")
    assert (response.status_code, response.headers["location"]) == (303, "/runs")
    assert client.get("/runs").status_code == 200
    stored = session(client)
    forge(client, {**stored, "expires_at": 0})
    assert client.get("/").status_code == 200
    assert client.get("/sign-in/code").headers["location"] == "/sign-in"
    # Auth was never asked with the service key
    assert set(auth.keys) == {system.supabase.keys.publishable}
    logs = system.log()
    assert logs
    assert code not in logs
    assert secret not in logs


def test_a_session_without_the_code_is_nobody(system: System, auth: SecondFactors) -> None:
    """At the API, the old functions and the dashboard, with a good token from elsewhere; until there is no factor."""
    site = Site(system)
    before = bearer(site, ADMIN)
    client = site.admin()
    stored = session(client)

    def statuses() -> list[int]:
        forge(client, stored)
        with httpx.Client(base_url=site.url, headers=before, trust_env=False, timeout=30) as api:
            test = {"webhook_config_id": "00000000-0000-0000-0000-000000000000"}
            return [
                api.get("/api/v1/endpoints").status_code,
                api.get("/api/v1/deliveries").status_code,
                api.post("/api/v1/replay", json={"dry_run": True}).status_code,
                api.post("/functions/v1/test-webhook", json=test).status_code,
                client.get("/").status_code,
                client.get("/endpoints").status_code,
            ]

    assert statuses() == [200, 200, 200, 404, 200, 200]
    enroll(site, auth)
    assert statuses() == [403] * 6
    system.db.execute("delete from auth.mfa_factors")
    assert statuses() == [200, 200, 200, 404, 200, 200]


def test_a_viewer_gives_the_code(system: System, auth: SecondFactors) -> None:
    """As an admin does; without it the account sees nothing."""
    site = Site(system)
    assign(system, webhooks_role="viewer")
    secret = enroll(site, auth, VIEWER.email)
    client = site.visitor()
    assert sign_in(client, VIEWER).headers["location"] == "/sign-in/code"
    assert client.get("/").status_code == 303
    assert send_code(client, totp(secret)).headers["location"] == "/"
    assert "(viewer)" in client.get("/").text


def test_what_else_a_code_page_may_meet(system: System, auth: SecondFactors) -> None:
    """No sign-in in progress, a session that has ended, a factor without codes."""
    site = Site(system)
    visitor = site.visitor()
    assert visitor.get("/sign-in/code").headers["location"] == "/sign-in"
    assert visitor.post("/sign-in/code", data={"_csrf_token": token(visitor), "code": "1"}).status_code == 303

    enroll(site, auth, kind="phone")
    response = sign_in(visitor, ADMIN)
    assert (response.status_code, "a code from an authenticator app" in response.text) == (400, True)

    secret = enroll(site, auth)
    sign_in(visitor, ADMIN)
    pending = kept(visitor)["pending"]
    header, claims, _ = pending["tokens"]["access_token"].split(".")
    pending["tokens"]["access_token"] = f"{header}.{claims}.forged"
    forge(visitor, {}, pending=pending)
    response = send_code(visitor, totp(secret))
    assert response.headers["location"] == "/sign-in"
    assert "Sign in again" in visitor.get("/sign-in").text


def test_codes_are_counted_with_passwords(system: System, auth: SecondFactors) -> None:
    """Ten tries in all; then not even the right one is asked about."""
    site = Site(system)
    secret = enroll(site, auth)
    client = site.visitor()
    sign_in(client, ADMIN)
    assert [send_code(client, "000000").status_code for _ in range(9)] == [400] * 9
    asked = len(auth.asked)
    response = send_code(client, totp(secret))
    assert (response.status_code, "Try again in 15 minutes" in response.text) == (429, True)
    assert not [path for path in auth.asked[asked:] if "/factors/" in path]


@pytest.mark.parametrize("kind", ["totp", "phone"])
def test_a_stranger_learns_nothing_from_the_factors(system: System, auth: SecondFactors, kind: str) -> None:
    """An account that is not an admin's gets the page of a wrong password, whatever factor it has."""
    site = Site(system)
    enroll(site, auth, USER.email, kind)
    client = site.visitor()
    right = sign_in(client, USER)
    wrong = sign_in(client, USER._replace(password="wrong"))
    assert (right.status_code, wrong.status_code) == (400, 400)
    pages = [re.sub(r'name="_csrf_token" value="[^"]*"', "", page.text) for page in (right, wrong)]
    assert pages[0] == pages[1]
