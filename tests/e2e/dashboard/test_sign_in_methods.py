"""Signing in by a link in a mail and with an OAuth provider: in the browser that asked, and in no other."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from litestar.middleware.session.client_side import AAD
from playwright.sync_api import expect

from devstack.node import install
from devstack.receiver import Reply
from supabase_webhooks.gateway.dashboard.admission import BUSY, NOT_ADMIN
from supabase_webhooks.gateway.dashboard.callback import AGAIN, INCOMPLETE, OTHER_BROWSER, PROBLEMS, UNKNOWN
from supabase_webhooks.gateway.session import sealed
from supabase_webhooks.webhooks.settings import Settings
from tests.conftest import quiet
from tests.e2e.dashboard.conftest import ADMIN, SESSION_SECRET, USER, Site, sign_in, token
from tests.e2e.dashboard.test_browser import PHONE, XSS, Visit, browser
from tests.e2e.dashboard.test_prefix import PREFIX, PrefixProxy
from tests.e2e.dashboard.test_second_factor import enroll
from tests.e2e.dashboard.test_sign_in import kept
from tests.e2e.gotrue import Auth
from tests.e2e.mfa import totp
from tests.e2e.proxy import TOO_MANY

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx
    from playwright.sync_api import Browser, Page

    from devstack.admins import Account
    from tests.e2e.conftest import System

__all__ = ["browser"]

#: The gateways'.
SETTINGS = Settings(supabase_url="http://x", service_key="k", redis_url="redis://x", session_secret=SESSION_SECRET)

#: The cookie with the verifier.
COOKIE = "webhooks_sign_in"


@pytest.fixture
def auth(system: System) -> Iterator[Auth]:
    """Supabase whose Auth mails links and has providers, for the test's gateways."""
    with Auth(system.supabase, ADMIN, USER) as auth:
        system.variables = {"SUPABASE_URL": auth.url}
        yield auth


@pytest.fixture
def there(auth: Auth, system: System) -> Site:
    """The dashboard with every method."""
    assert auth.url
    return Site(system)


def ask_for_link(page: Page, email: str = ADMIN.email) -> None:
    """Send the form of the page."""
    page.get_by_label("E-mail").fill(email)
    page.get_by_role("button", name="E-mail me a link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your mail")


def by_link(page: Page, auth: Auth, account: Account = ADMIN) -> None:
    """Ask for a link, and open it."""
    ask_for_link(page, account.email)
    page.goto(auth.mails[account.email])


def by_provider(page: Page, _: Auth, account: Account = ADMIN) -> None:
    """Sign in with a provider, on its page."""
    page.get_by_role("button", name="Continue with Google").click()
    page.get_by_role("link", name=account.email).click()


WAYS = pytest.mark.parametrize("way", [by_link, by_provider])


def post(client: httpx.Client, path: str, **fields: str) -> httpx.Response:
    """Send a form of the sign-in page."""
    return client.post(path, data={"_csrf_token": token(client), **fields})


def problem(client: httpx.Client, response: httpx.Response) -> str:
    """Return what the sign-in page says after a redirect."""
    assert response.status_code == 303, response.text
    assert re.fullmatch(r"/sign-in(\?next=[\w%]+)?#main", response.headers["location"]), response.headers["location"]
    found = re.search(r'<p class="flash error" role="alert">([^<]*)</p>', client.get("/sign-in").text)
    assert found
    return found[1].replace("&#39;", "'")


def logs(site: Site) -> str:
    """Return what the processes have logged."""
    return site.system.log()


@WAYS
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_an_admin_signs_in(browser: Browser, there: Site, auth: Auth, way: Any, scripts: bool) -> None:
    """Comes to the page asked for, under the Content-Security-Policy; no code is kept anywhere."""
    visit = Visit(browser, there, java_script_enabled=scripts)
    visit.page.goto("/deliveries")
    way(visit.page, auth)
    expect(visit.page).to_have_url(f"{there.url}/deliveries")
    expect(visit.page.locator("header .email")).to_have_text(ADMIN.email)
    assert [one["name"] for one in visit.context.cookies(there.url)] == ["webhooks_session"]
    assert visit.complaints == []
    (code,) = auth.codes
    assert code not in logs(there)
    # the address with the code leads nowhere a second time
    visit.page.goto(f"/sign-in/callback?code={code}")
    expect(visit.page.get_by_role("alert").first).to_have_text(OTHER_BROWSER)
    expect(visit.page).to_have_url(f"{there.url}/sign-in#main")
    visit.context.close()


@WAYS
def test_the_second_factor_follows(browser: Browser, there: Site, auth: Auth, way: Any) -> None:
    """As after a password: nothing opens before the code, which leads to the page asked for."""
    secret = enroll(there, auth)
    visit = Visit(browser, there)
    visit.page.goto("/runs")
    way(visit.page, auth)
    expect(visit.page).to_have_url(f"{there.url}/sign-in/code")
    other = visit.context.new_page()
    other.goto("/endpoints")
    expect(other).to_have_url(re.compile("/sign-in"))
    visit.page.get_by_label("Code").fill(totp(secret))
    visit.page.get_by_role("button", name="Continue").click()
    expect(visit.page).to_have_url(f"{there.url}/runs")
    visit.context.close()


@WAYS
def test_who_is_not_an_admin(browser: Browser, there: Site, auth: Auth, way: Any) -> None:
    """Is told so, has no session here, and none at Supabase."""
    visit = Visit(browser, there)
    visit.page.goto("/sign-in")
    before = there.system.db.execute("select count(*) from auth.sessions").fetchone()
    way(visit.page, auth, USER)
    expect(visit.page.get_by_role("alert").first).to_have_text(NOT_ADMIN)
    expect(visit.page).to_have_url(f"{there.url}/sign-in#main")
    assert there.system.db.execute("select count(*) from auth.sessions").fetchone() == before
    visit.page.goto("/endpoints")
    expect(visit.page).to_have_url(re.compile("/sign-in"))
    visit.context.close()


@pytest.mark.parametrize("strip", [True, False], ids=["stripped", "kept"])
def test_behind_a_prefix(browser: Browser, there: Site, auth: Auth, strip: bool) -> None:
    """Both ways come back below it, to the address that Supabase Auth must allow; the cookies stay there."""
    gateway = there.system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET, WEBHOOKS_ROOT_PATH=PREFIX)
    with PrefixProxy(gateway.port, strip=strip) as proxy:
        auth.allowed = {f"{proxy.url}/sign-in/callback"}
        for way in (by_link, by_provider):
            context = browser.new_context()
            page = context.new_page()
            page.goto(f"{proxy.url}/events")
            page.get_by_label("E-mail").wait_for()
            way(page, auth)
            expect(page).to_have_url(f"{proxy.url}/events")
            assert {one["path"] for one in context.cookies()} == {PREFIX}
            context.close()
        assert [path for path in proxy.asked if not path.startswith(f"{PREFIX}/") and path != "/favicon.ico"] == []


def test_a_link_that_is_not_good(browser: Browser, there: Site, auth: Auth) -> None:
    """Expired, used, or opened in another browser: the page says which, and what to do."""
    one, other = Visit(browser, there), Visit(browser, there)
    alert = one.page.get_by_role("alert").first

    # Given a link, when it is opened in another browser, then that one is not signed in, and the link is used up
    one.page.goto("/sign-in")
    ask_for_link(one.page)
    other.page.goto(auth.mails[ADMIN.email])
    expect(other.page.get_by_role("alert").first).to_have_text(OTHER_BROWSER)
    other.page.goto("/endpoints")
    expect(other.page).to_have_url(re.compile("/sign-in"))
    one.page.goto(auth.mails[ADMIN.email])
    expect(alert).to_have_text(PROBLEMS["otp_expired"])

    # When a link is too old, then as well
    one.page.goto("/sign-in")
    ask_for_link(one.page)
    auth.expire()
    one.page.goto(auth.mails[ADMIN.email])
    expect(alert).to_have_text(PROBLEMS["otp_expired"])
    # nor is the error left in the fragment
    expect(one.page).to_have_url(f"{there.url}/sign-in#main")

    # When another one is asked for, then only the newest works
    for _ in range(2):
        one.page.goto("/sign-in")
        ask_for_link(one.page)
    one.page.goto(auth.mails[ADMIN.email])
    expect(one.page).to_have_url(f"{there.url}/")
    one.context.close()
    other.context.close()


def test_what_a_provider_may_do(browser: Browser, there: Site, auth: Auth) -> None:
    """The person cancels there; the app has no such account; the provider is set up wrong, or no longer offered."""
    visit = Visit(browser, there)
    page, alert = visit.page, visit.page.get_by_role("alert").first
    page.goto("/sign-in?next=%2Fruns")
    page.get_by_role("button", name="Continue with GitHub").click()
    page.get_by_role("link", name="Cancel").click()
    expect(alert).to_have_text(PROBLEMS["access_denied"])
    assert "declined" not in page.content()
    expect(page).to_have_url(f"{there.url}/sign-in?next=%2Fruns#main")

    auth.signups = False
    page.get_by_role("button", name="Continue with GitHub").click()
    page.get_by_role("link", name="new@x.org").click()
    expect(alert).to_have_text(PROBLEMS["signup_disabled"])

    # turned off within the minute
    auth.external["github"] = False
    page.get_by_role("button", name="Continue with GitHub").click()
    expect(alert).to_contain_text("could not start the sign-in with GitHub")
    visit.context.close()


def test_a_sign_in_of_someone_else(there: Site, auth: Auth) -> None:
    """Login CSRF: a stranger's code signs no one in, with or without a sign-in of one's own; that one still works."""
    stranger, victim = there.visitor(), there.visitor()
    post(stranger, "/sign-in/provider", provider="google")
    foreign = follow(auth, there, stranger, "google", ADMIN)
    assert problem(victim, victim.get(foreign)) == OTHER_BROWSER
    own = follow(auth, there, victim, "github", ADMIN)
    assert problem(victim, victim.get(foreign)) == AGAIN
    assert "tokens" not in kept(victim)
    # a cookie of one browser is worth nothing when it is changed
    good = victim.cookies[COOKIE]
    victim.cookies.set(COOKIE, good[:30] + ("A" if good[30] != "A" else "B") + good[31:], domain="127.0.0.1")
    assert problem(victim, victim.get(own)) == OTHER_BROWSER
    # nor one that is an hour old, or nonsense
    old = sealed(SETTINGS, "sign_in", 1, secure=False, root="")
    old.config.max_age = -1
    (data,) = old.dump_data({"verifier": "x" * 43, "page": "/"})
    odd = [b64encode(bytes(12) + AAD + given).decode() for given in (b"{}", b"[]", b"x", b'{"expires_at": "x"}')]
    for value in (data.decode(), *odd, "x", "null", "%00", ""):
        del victim.cookies[COOKIE]
        victim.cookies.set(COOKIE, value, domain="127.0.0.1")
        assert problem(victim, victim.get(own)) == OTHER_BROWSER, value
    del victim.cookies[COOKIE]
    victim.cookies.set(COOKIE, good, domain="127.0.0.1")
    assert victim.get(own).headers["location"] == "/"
    assert victim.get("/endpoints").status_code == 200


def follow(auth: Auth, site: Site, client: httpx.Client, provider: str, account: Account) -> str:
    """Begin a sign-in with a provider; return the path that it leads back to, not opened."""
    page = post(client, "/sign-in/provider", provider=provider)
    assert page.status_code == 200, page.text
    target = re.search(r'<a class="button primary" href="([^"]+)"', page.text)
    assert target
    state = target[1].rpartition("=")[2]
    with site.visitor() as outside:
        back = outside.get(f"{auth.url}/auth/v1/callback?state={state}&code={quote(account.email)}")
    return back.headers["location"].removeprefix(site.url)


def test_cookies_and_headers(there: Site, auth: Auth) -> None:
    """The verifier is HttpOnly, Lax, an hour old at most, and on https Secure and of this host; it is in no page."""
    client = there.visitor()
    for response in (
        post(client, "/sign-in/link", email=ADMIN.email),
        post(client, "/sign-in/provider", provider="google"),
    ):
        (cookie,) = [one for one in response.headers.get_list("set-cookie") if COOKIE in one]
        assert {"httponly", "samesite=lax", "max-age=3600", "path=/"} <= set(cookie.lower().split("; "))
        assert "secure" not in cookie.lower()
        assert response.headers["referrer-policy"] == "same-origin"
        assert response.headers["cache-control"] == "no-store"
    https = {"X-Forwarded-Proto": "https"}
    form = client.get("/sign-in", headers=https)
    (session,) = form.headers.get_list("set-cookie")
    found = re.search(r'name="_csrf_token" value="(\w+)"', form.text)
    assert found
    response = client.post(
        "/sign-in/provider", data={"_csrf_token": found[1], "provider": "google"},
        headers={**https, "Cookie": session.partition(";")[0]},
    )  # fmt: skip
    (cookie,) = [one for one in response.headers.get_list("set-cookie") if COOKIE in one]
    assert cookie.startswith(f"__Host-{COOKIE}=")
    assert "secure" in cookie.lower()
    assert "redirect_to=https%3A%2F%2F127.0.0.1" in auth.asked[-1]


def test_a_stranger_learns_nothing(there: Site, auth: Auth) -> None:
    """One response for a known and an unknown address, whether or not a mail could be sent; and it does not wait."""
    client = there.visitor()

    def page(email: str) -> tuple[int, str]:
        response = post(client, "/sign-in/link", email=email)
        text = re.sub(r'value="[^"]*"', "", response.text)
        return response.status_code, text.replace(email, "(address)")

    unknown = page("nobody@example.com")
    assert unknown[0] == 200
    assert page(ADMIN.email) == unknown
    assert set(auth.mails) == {ADMIN.email}
    for reply in (
        (429, "over_email_send_rate_limit", "email rate limit exceeded"),
        (422, "email_provider_disabled", "Login with magic link is disabled"),
        (400, "email_address_not_authorized", 'Email address "admin@example.com" cannot be used'),
        (500, "unexpected_failure", "Error sending magic link email"),
    ):
        auth.mailer = reply
        assert page(ADMIN.email) == unknown, reply
        assert f"sent no sign-in link ({reply[0]}, {reply[1]})" in logs(there)
    assert ADMIN.email not in logs(there)
    # a mail server that takes its time
    auth.mailer = None
    auth.hold.clear()
    assert page(ADMIN.email) == unknown
    auth.hold.set()


def test_what_is_not_the_visitors_fault(there: Site, auth: Auth) -> None:
    """What Supabase Auth says before it looks for the account is said."""
    client = there.visitor()
    captcha = Reply(400, b'{"code":400,"error_code":"captcha_failed","msg":"captcha protection: request disallowed"}')
    for reply, status, text in (
        (captcha, 400, "requires a CAPTCHA"),
        (TOO_MANY, 429, BUSY),
        (Reply(502), 503, "Supabase is not responding"),
    ):
        auth.refuse("/auth/v1/otp", reply, 60)
        response = post(client, "/sign-in/link", email=ADMIN.email)
        assert (response.status_code, text in response.text) == (status, True), response.text
        assert COOKIE not in client.cookies
    assert "Enter your e-mail address" in post(client, "/sign-in/link", email=" ").text
    assert "does not offer this provider" in post(client, "/sign-in/provider", provider="apple").text
    assert "does not offer this provider" in post(client, "/sign-in/provider", provider=XSS).text

    # the exchange: the code is not lost with a response
    back = follow(auth, there, client, "google", ADMIN)
    for reply in (TOO_MANY, Reply(502)):
        auth.refuse("/auth/v1/token", reply, 60)
        assert "in a" in problem(client, client.get(back))
    auth.refused.clear()
    assert client.get(back).headers["location"] == "/"


def test_links_are_counted(there: Site, auth: Auth) -> None:
    """With the passwords of an account, and of all accounts together by address; elsewhere they go on."""
    client = there.visitor()
    assert [sign_in(client, ADMIN._replace(password="wrong")).status_code for _ in range(9)] == [400] * 9
    assert [post(client, "/sign-in/link", email=ADMIN.email).status_code for _ in range(2)] == [200, 429]
    others = [post(client, "/sign-in/link", email=f"{n}@example.com") for n in range(9)]
    assert [response.status_code for response in others] == [200] * 8 + [429]
    assert "Too many attempts from your address" in others[-1].text
    asked = [path for path in auth.asked if "/otp" in path]
    assert len(asked) == 9
    elsewhere = there.visitor()
    elsewhere.headers["X-Forwarded-For"] = "198.51.100.9"
    assert post(elsewhere, "/sign-in/link", email=ADMIN.email).status_code == 200


def test_an_address_that_is_not_allowed(there: Site, auth: Auth) -> None:
    """Supabase Auth would lead to the app: the page says so before it sends anyone away, and what to add."""
    callback = f"{there.url}/sign-in/callback"
    auth.allowed = {f"{there.url}/other", f"{callback}/x"}
    client = there.visitor()
    for path, fields in (("/sign-in/link", {"email": ADMIN.email}), ("/sign-in/provider", {"provider": "google"})):
        response = post(client, path, **fields)
        assert (response.status_code, f"does not lead back to {callback}, but" in response.text) == (400, True)
        assert "Redirect URLs" in response.text
    assert auth.mails == {}
    assert [path for path in auth.asked if "/authorize" in path or "/otp" in path] == []
    auth.allowed = {callback}
    assert post(client, "/sign-in/link", email=ADMIN.email).status_code == 200


HOSTILE = [XSS, "otp_expired\r\nSet-Cookie: a=b", "x" * 5000, "\x00", "../../", "//evil.example", "ä\N{SNOWMAN}"]


def test_hostile_addresses(there: Site, auth: Auth) -> None:
    """Whatever the address says, the page says something of ours, and nothing of it is shown, logged or followed."""
    client = there.visitor()
    post(client, "/sign-in/provider", provider="google")
    for value in HOSTILE:
        given = quote(value, safe="")
        for query, wanted in (
            (f"error={given}", UNKNOWN),
            (f"error_code={given}&error_description={given}", UNKNOWN),
            (f"error_code=otp_expired&error_description={given}", PROBLEMS["otp_expired"]),
            (f"error=access_denied&error_code={given}", PROBLEMS["access_denied"]),
            (f"code={given}", INCOMPLETE),
            (f"error=&code=&state={given}", INCOMPLETE),
            (f"code={given}&code=a", INCOMPLETE),
            (f"next={given}&error=server_error", PROBLEMS["server_error"]),
        ):
            response = client.get(f"/sign-in/callback?{query}")
            assert "set-cookie: a=b" not in str(response.headers).lower()
            assert problem(client, response) == wanted, query
    assert client.get("/sign-in/callback?%ff%fe=%zz").status_code in {303, 400}
    assert "pwned" not in logs(there)
    assert "evil.example" not in logs(there)
    # nothing was exchanged
    assert not [path for path in auth.asked if "grant_type=pkce" in path]


def test_input_waits_for_every_way(browser: Browser, there: Site, auth: Auth) -> None:
    """A form that the end of a session interrupts is continued after a link and a provider too."""
    for way in (by_link, by_provider):
        visit = Visit(browser, there)
        page = visit.sign_in()
        page.goto("/endpoints/new")
        page.get_by_label("Name", exact=True).fill(f"kept {way.__name__}")
        page.get_by_label("URL").fill("https://example.com/hook")
        visit.context.clear_cookies()
        page.get_by_role("button", name="Create endpoint").click()
        expect(page.get_by_role("alert").first).to_contain_text("what you filled in is kept")
        way(page, auth)
        page.get_by_role("button", name="Continue with what you filled in").click()
        expect(page.get_by_label("Name", exact=True)).to_have_value(f"kept {way.__name__}")
        visit.context.close()


def test_input_of_a_gateway_that_has_read_nothing_yet(browser: Browser, there: Site, auth: Auth) -> None:
    """It shows the password's form, and the other ways by a button; the input goes along."""
    visit = Visit(browser, there)
    page = visit.sign_in()
    page.goto("/endpoints/new")
    page.get_by_label("Name", exact=True).fill("kept")
    page.get_by_label("URL").fill("https://example.com/hook")
    visit.context.clear_cookies()
    new = there.system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET).url
    page.evaluate("(url) => { const f = document.querySelector('main form'); f.action = url + '/endpoints'; }", new)
    # the page's policy allows no form to elsewhere: the same request, from a client without pages
    fields = page.evaluate("[...new FormData(document.querySelector('main form'))].map((f) => f.map(String))")
    with there.visitor() as client:
        client.base_url = new
        response = client.post("/endpoints", data=dict(fields))
        assert (response.status_code, "Other ways" in response.text, "Google" in response.text) == (401, True, False)
        found = re.search(r'name="_csrf_token" value="(\w+)"', response.text)
        held = re.search(r'name="kept" value="([^"]+)"', response.text)
        assert found
        assert held
        data = {"_csrf_token": found[1], "kept": held[1].replace("&#34;", '"')}
        response = client.post("/sign-in/methods", data=data)
        assert "Continue with Google" in response.text
        assert held[1] in response.text
    assert auth.mails == {}
    visit.context.close()


@pytest.mark.parametrize(
    ("external", "there_are", "there_are_not"),
    [
        ({"email": True}, ["Password", "E-mail me a link"], ["Continue with"]),
        ({"email": False, "gitlab": True}, ["Continue with GitLab"], ["Password", "E-mail me a link"]),
        ({"email": False, "phone": True}, ["offers no way to sign in"], ["Password", "Continue with"]),
    ],
)
def test_only_what_is_offered_is_shown(
    there: Site, auth: Auth, external: dict[str, object], there_are: list[str], there_are_not: list[str]
) -> None:
    """And read once for many visitors."""
    auth.external = external
    pages = [there.visitor().get("/sign-in").text for _ in range(5)]
    assert all(text in page for page in pages for text in there_are)
    assert not any(text in page for page in pages for text in there_are_not)
    assert auth.asked.count("/auth/v1/settings") == 1


def test_settings_that_cannot_be_read(there: Site, auth: Auth) -> None:
    """The password's form as ever, and a line in the log."""
    auth.refuse("/auth/v1/settings", Reply(500, b"<html>"), 60)
    page = there.visitor().get("/sign-in")
    assert (page.status_code, "Password" in page.text, "E-mail me a link" in page.text) == (200, True, False)
    assert "did not say which ways to sign in it offers" in logs(there)
    assert sign_in(there.visitor(), ADMIN).status_code == 303


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
def test_the_pages_are_accessible(browser: Browser, there: Site, auth: Auth, options: dict[str, Any]) -> None:
    """With every method, an error, and the page after a link was asked for: axe finds nothing, nothing is too wide."""
    auth.external |= dict.fromkeys(("apple", "azure", "linkedin_oidc"), True)
    visit = Visit(browser, there, **options)
    page = visit.page
    axe = (install(say=quiet) / "node_modules" / "axe-core" / "axe.min.js").read_text()

    def check() -> None:
        page.evaluate(axe)
        found = page.evaluate("axe.run().then((r) => r.violations)")
        assert [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.goto("/sign-in")
    expect(page.get_by_role("button")).to_have_count(7)
    check()
    page.goto("/sign-in/callback?error_code=otp_expired")
    expect(page.get_by_role("alert").first).to_be_visible()
    check()
    ask_for_link(page)
    check()
    assert visit.complaints == []
    visit.context.close()
