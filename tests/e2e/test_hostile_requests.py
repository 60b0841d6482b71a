"""Every route of the gateway under what no client of ours sends, as bytes: none responds with a server error."""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_from_bytes, urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.webhooks.settings import Settings
from tests.e2e.conftest import JOINED, TOKEN
from tests.e2e.dashboard.conftest import Site, token

if TYPE_CHECKING:
    from tests.e2e.conftest import System

#: Values as bytes: what a text, a number, a time, an id or JSON may not be, and what looks like one.
VALUES = [
    b"", b"\0", b"a\0b", b"\xff", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80",
    "\u202e\ud83d".encode("utf-8", "surrogatepass"),
    b"nan", b"NaN", b"-inf", b"Infinity", b"1e999", b"1e-999", b"-1", b"0", b"1", b"0x10", b"1_000", b"2147483648",
    b"9223372036854775808", b"9" * 5000, b"1" + b"0" * 400, "\u0661\u0662".encode(), "\u00b2".encode(),
    b"00000000-0000-0000-0000-000000000000", b"{00000000000000000000000000000000}", b"urn:uuid:x", b"a" * 20_000,
    b"0001-01-01T00:00", b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59.999999-23:59", b"infinity", b"24:00",
    b"2026-02-30", b"2026-01-01T00:00:00.123456789123Z", b"294277-01-01", b"4714-01-01 BC",
    b"{}", b"[]", b"null", b'"x"', b"{", b'{"a":1}', b'{"a":NaN}', b'{"a":1e400}', b'{"a":"\\u0000"}',
    b'{"a":"\\ud800"}',
    b'{"a":' + b"9" * 5000 + b"}", b"[" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 300_000,
    b"a.b..c", b"." * 500, b"%", b"%zz", b"'", b"\\", b"*", b"eq.1", b"(a,b)", b"a,b", b"..%2f..", b"<script>",
    b"{{7*7}}",
    b"user.joined_community", b"webhook.test", b"failed", b"custom", b"attempts", b"true",
    # cursors: base64 of JSON that is not ours, or holds what is wrong
    b"e30", b"W10", b"bnVsbA", b"eyJuYW1lIjoiXHUwMDAwIn0", b"eyJiZWZvcmVfaWQiOiJ4IiwiYmVmb3JlX2NyZWF0ZWRfYXQiOiJ4In0",
    b"eyJuYW1lIjoiXHVkODAwIn0", b"W1tbW1tbW1tb" * 1000,
]  # fmt: skip
#: The names that any route, form or page reads.
NAMES = [
    "limit", "cursor", "event_type", "status", "webhook_config_id", "created_from", "created_until", "request_id",
    "payload_path", "payload_value", "before_created_at", "before_id", "before", "live", "span", "next", "error",
    "after", "at_most", "page_size", "key", "name", "url", "events", "headers", "remove_headers",
    "credentials_profile", "expires_after", "retry", "waits", "max_attempts", "timeout_seconds",
    "rate_limit_per_second", "max_concurrency", "circuit_failure_threshold", "circuit_reset_seconds", "overlap",
    "overlap_seconds", "active", "delivery_ids", "event_data", "email", "password", "id", "settings", "changes",
    "dry_run", "is_active", "retry_schedule", "buckets", "scopes", "actor_user_id", "tenant_id",
]  # fmt: skip

VALUE = st.one_of(st.sampled_from(VALUES), st.binary(max_size=40))
FIELDS = st.lists(st.tuples(st.sampled_from(NAMES), VALUE), max_size=8)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Idempotency-Key", b"X-Request-ID", b"traceparent", b"Accept", b"Accept-Encoding", b"HX-Request",
             b"Range", b"X-Forwarded-Proto", b"If-Modified-Since", b"Origin", b"User-Agent", b"Accept-Language"]
        ),
        # no line of its own: the server rejects that by itself
        VALUE.map(lambda value: re.sub(rb"[\0\r\n]", b"", value)[:4000].strip()),
    ),
    max_size=2,
)  # fmt: skip
TYPES = [
    b"application/x-www-form-urlencoded", b"application/json", b"multipart/form-data; boundary=x",
    b"multipart/form-data",
    b"application/x-www-form-urlencoded; charset=nonsense", b"application/json; charset=utf-16", b"text/plain", b"\xff",
    b"application/x-msgpack", b"",
]  # fmt: skip


def routes() -> list[tuple[str, str]]:
    """Return the method and path of each route, as the application has them."""
    app = create_app(
        Settings(
            supabase_url="http://127.0.0.1:1", service_key="x" * 40, redis_url="redis://127.0.0.1:1",
            session_secret="x" * 40,
        )
    )  # fmt: skip
    found = [
        (method, route.path)
        for route in app.routes
        for method in sorted(getattr(route, "methods", set()) - {"OPTIONS", "HEAD"})
    ]
    # each has its own cost, and its own test
    left_out = {"/functions/v1/webhook-dispatcher", "/functions/v1/close-expired-discussions", "/sign-out"}
    return [(method, path) for method, path in found if path not in left_out]


def form(fields: list[tuple[str, bytes]]) -> bytes:
    """Return a form's body."""
    return b"&".join(name.encode() + b"=" + quote_from_bytes(value, safe="").encode() for name, value in fields)


def as_json(fields: list[tuple[str, bytes]]) -> bytes:
    """Return an object with the values as they are where they are JSON, else as text: in parts no JSON at all."""
    parts = []
    for name, value in fields:
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            if not value.startswith((b"{", b"[")):
                value = b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'  # noqa: PLW2901
        parts.append(b'"' + name.encode() + b'": ' + value)
    return b"{" + b", ".join(parts) + b"}"


class Raw:
    """Sends bytes; responses are read to their end."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._at = (str(parts.hostname), int(parts.port or 80))

    def send(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> tuple[int, bytes]:
        """Return the status and the whole response."""
        head = [f"{method} ".encode() + target + b" HTTP/1.1", b"Host: x", b"Connection: close"]
        head += [name + b": " + value for name, value in headers]
        head += [b"Content-Length: %d" % len(body)]
        with socket.create_connection(self._at, timeout=30) as sock:
            # a response that came early is still read
            with suppress(ConnectionError):
                sock.sendall(b"\r\n".join(head) + b"\r\n\r\n" + body)
            response = b""
            while part := _part(sock):
                response += part
        return int(response.split(b" ", 2)[1]) if response else 0, response


def _part(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionError:
        return b""


@pytest.fixture
def site(system: System) -> Site:
    """A gateway with a dashboard, an endpoint and some deliveries."""
    system.variables["WEBHOOKS_CORS_ORIGINS"] = "https://app.example"
    system.endpoint("https://example.com/")
    system.dispatch(3, JOINED)
    return Site(system)


def test_no_route_responds_with_a_server_error(site: Site) -> None:
    """Whatever stands in the path, the query, the headers, a form or JSON, of an admin, a server and a stranger."""
    raw, admin = Raw(site.url), site.admin()
    csrf = token(admin, "/endpoints/new").encode()
    cookies = "; ".join(f"{name}={value}" for name, value in admin.cookies.items()).encode()
    endpoint = str(site.system.db.execute("select id from public.webhook_configurations").fetchone()["id"])  # type: ignore[index]
    delivery = str(site.system.rows()[0]["id"])
    callers = {
        "admin": [(b"Cookie", cookies), (b"x-csrftoken", csrf)],
        "server": [(b"Authorization", b"Bearer " + site.system.supabase.keys.secret.encode())],
        "cron": [(b"Authorization", b"Bearer " + TOKEN.encode())],
        "stranger": [(b"Authorization", b"Bearer \xff\xfe"), (b"Cookie", b"webhooks_session=\xff; webhooks_csrf=\xff")],
    }
    seen: dict[int, int] = {}

    @settings(
        max_examples=700, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(
        st.sampled_from(routes()), st.sampled_from(["admin", "admin", "server", "server", "cron", "stranger"]),
        st.booleans(), VALUE, FIELDS, FIELDS, HEADERS, st.one_of(st.none(), st.sampled_from(TYPES)),
        st.one_of(st.none(), VALUE),
    )  # fmt: skip
    def ask(
        route: tuple[str, str], caller: str, known: bool, part: bytes, query: Any, fields: Any, headers: Any,
        content_type: bytes | None, body: bytes | None,
    ) -> None:  # fmt: skip
        method, path = route
        ids = iter([delivery if "deliver" in path else endpoint] if known else [])
        filled = re.sub(r"\{[^}]*\}", lambda _: next(ids, None) or quote_from_bytes(part, safe=""), path)
        if content_type is None:
            # as the route reads it
            content_type = b"application/json" if path.startswith(("/api", "/functions")) else TYPES[0]
        if body is None:
            body = as_json(fields) if b"json" in content_type else b"_csrf_token=" + csrf + b"&" + form(fields)
        target = filled.encode()[:30_000] + (b"?" + form(query)[:30_000] if query else b"")
        all_headers = [*callers[caller], *headers, (b"Content-Type", content_type)]
        status, response = raw.send(method, target, all_headers, body if method != "GET" else b"")
        seen[status] = seen.get(status, 0) + 1
        assert status < 500, (method, target[:300], content_type, body[:300], response[-600:])

    ask()
    assert seen.get(200, 0) > 50, seen
    assert seen.get(400, 0) > 50, seen
