"""The platform's old Edge Functions, in Deno before a real gateway: what existing frontends and crons call."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from contextlib import ExitStack
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.admins import make_account, make_admin
from devstack.browser import chromium, program
from devstack.cron import dispatcher_script
from devstack.node import environment, install
from devstack.processes import Child, free_port, listening
from devstack.receiver import Received, Receiver, Reply
from tests.conftest import ROOT, quiet
from tests.e2e.conftest import TOKEN
from tests.e2e.dashboard.conftest import ADMIN, SESSION_SECRET, USER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.conftest import System

FUNCTIONS = ROOT / "supabase" / "functions"
NAMES = ("webhook-dispatcher", "webhook-health", "test-webhook")

#: What a hosted project's functions have in their environment; ours may read two of them.
SECRETS = {"SUPABASE_SERVICE_ROLE_KEY": "the-project's-key", "SUPABASE_ANON_KEY": "the-anon-key"}
READ = "--allow-env=WEBHOOKS_GATEWAY_URL,SUPABASE_URL,DENO_SERVE_ADDRESS"


def deno() -> Path:
    """Return the program."""
    (found,) = (install(say=quiet) / "node_modules" / "@deno").glob("*/deno*")
    return found


class Runtime:
    """Runs functions, each in a Deno of its own, as Supabase does."""

    def __init__(self, exit_: ExitStack, logs: Path) -> None:
        self._exit = exit_
        self._logs = logs

    def run(self, file: Path, *permissions: str, **variables: str) -> int:
        """Start a file; return its port."""
        port = free_port()
        child = Child(
            file.parent.name,
            [deno(), "run", "--no-remote", "--no-config", "--no-prompt", "--allow-net", *permissions, file],
            log=self._logs / f"deno-{port}.log",
            environment={
                **environment(),
                "DENO_DIR": str(self._logs / "deno"),
                "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}",
                **variables,
            },
        )
        self._exit.callback(child.stop)
        child.wait_ready(lambda: listening(port))
        return port

    def function(self, name: str, **variables: str) -> str:
        """Start a function; return its URL."""
        return f"http://127.0.0.1:{self.run(FUNCTIONS / name / 'index.ts', READ, **{**SECRETS, **variables})}/{name}"

    def project(self, supabase_url: str, gateway_url: str) -> str:
        """Start a project's address with all functions; return its URL."""
        made = {
            name: self.function(name, WEBHOOKS_GATEWAY_URL=gateway_url, SUPABASE_URL=supabase_url) for name in NAMES
        }
        ports = {name: httpx.URL(url).port for name, url in made.items()}
        main = ROOT / "tests" / "e2e" / "project.ts"
        return f"http://127.0.0.1:{self.run(main, '--allow-env', PORTS=json.dumps(ports), SUPABASE_URL=supabase_url)}"


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """A place for functions, which end with the test."""
    with ExitStack() as stack:
        yield Runtime(stack, tmp_path)


@pytest.fixture
def serve() -> Iterator[Callable[[Path], str]]:
    """Serve a folder on another origin; return its URL."""
    with ExitStack() as stack:

        def start(folder: Path) -> str:
            handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
            server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            stack.callback(thread.join)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            thread.start()
            return f"http://127.0.0.1:{server.server_address[1]}"

        yield start


#: A frontend: signs in, calls the three as existing ones do, and returns what it got.
FRONTEND = """
async ([url, key, account, endpoint]) => {
  const client = supabase.createClient(url, key);
  if (account) {
    const { error } = await client.auth.signInWithPassword(account);
    if (error) throw error;
  }
  const call = async (...invocation) => {
    const { data, error } = await client.functions.invoke(...invocation);
    return error ? { status: error.context?.status, ...(await error.context?.json?.()) } : data;
  };
  return {
    health: await call("webhook-health"),
    get: await call("webhook-health", { method: "GET" }),
    test: await call("test-webhook", { body: { webhook_config_id: endpoint } }),
    invalid: await call("test-webhook", { body: { webhook_config_id: "no id" } }),
    dispatcher: await call("webhook-dispatcher"),
  };
}
"""


def test_existing_frontends(system: System, runtime: Runtime, serve: Callable[[Path], str]) -> None:
    """supabase-js in a browser, on another origin: an admin may call, another user gets 403."""
    if program() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set CHROMIUM to its path)")
    # Given a project with the functions, a gateway, and a frontend elsewhere
    make_admin(system.supabase, ADMIN)
    make_account(system.supabase, USER)
    gateway = system.gateway(WEBHOOKS_SESSION_SECRET=SESSION_SECRET)
    system.worker()
    project = runtime.project(system.supabase.url, gateway.url)
    app = serve(install(say=quiet) / "node_modules" / "@supabase" / "supabase-js" / "dist" / "umd")
    with Receiver() as receiver, chromium() as browser:
        endpoint = system.endpoint(receiver.url)

        # When an admin, a user and a visitor call
        def call(account: dict[str, str] | None) -> dict[str, Any]:
            context = browser.new_context()
            page = context.new_page()
            page.goto(app)
            page.add_script_tag(url=f"{app}/supabase.js")
            got = page.evaluate(FRONTEND, [project, system.supabase.keys.publishable, account, endpoint])
            context.close()
            return dict(got)

        admin, user, visitor = (call(one and one._asdict()) for one in (ADMIN, USER, None))
        (request,) = receiver.wait_for(1)

    # Then the gateway decides, and its response arrives as it is
    assert admin["health"]["endpoints"] == {"active": 1, "inactive": 0}
    assert admin["get"] == admin["health"]
    assert request.payload["request_id"] == admin["test"]["request_id"]
    assert admin["invalid"]["status"] == 400
    assert "webhook_config_id" in json.dumps(admin["invalid"])
    assert admin["dispatcher"]["status"] == 403, "only servers dispatch"
    for results, status in ((user, 403), (visitor, 401)):
        assert {name: one["status"] for name, one in results.items()} == dict.fromkeys(results, status)
    assert len(system.rows()) == 1


def test_the_cron_and_servers(system: System, runtime: Runtime) -> None:
    """The cron's script may keep the project's address; a drain's query and results pass through."""
    gateway = system.gateway(REDIS_URL="")
    project = runtime.project(system.supabase.url, gateway.url)
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch(2)
        drained = httpx.post(
            f"{project}/functions/v1/webhook-dispatcher",
            params={"drain": "20"},
            headers={"Authorization": f"Bearer {system.supabase.keys.secret}"},
            trust_env=False,
            timeout=60,
        )
        receiver.wait_for(2)
    assert (drained.status_code, drained.json()["delivered"]) == (202, 2)
    done = subprocess.run(
        ["bash", "-c", dispatcher_script()],
        env={**environment(), "GATEWAY_URL": project, "DISPATCH_TOKEN": TOKEN, "TRIGGERS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"due":0' in done.stdout
    runs = system.db.execute("select source from public.webhook_dispatcher_runs order by started_at").fetchall()
    assert runs[-1]["source"] == "webhook-dispatcher (GitHub Actions)"


@pytest.mark.parametrize(
    ("name", "method"), [("webhook-dispatcher", "POST"), ("webhook-health", "GET"), ("test-webhook", "POST")]
)
def test_what_reaches_the_gateway(runtime: Runtime, name: str, method: str) -> None:
    """The route, the query and the body, with the caller's own Authorization: no key of the function, nothing else."""

    def respond(_: Received) -> Reply:
        return Reply(
            429,
            b'{"detail":"slowly"}',
            {"Content-Type": "application/problem+json", "Retry-After": "7", "Set-Cookie": "a=b"},
        )

    with Receiver(answer=respond) as receiver:
        url = runtime.function(
            name, WEBHOOKS_GATEWAY_URL=f" {receiver.url}/base//\n", SUPABASE_URL="https://a.supabase.co"
        )
        asked = {
            "Authorization": "Bearer the-caller's", "apikey": "anon", "Cookie": "c=d", "X-Client-Info": "supabase-js",
            "X-Forwarded-For": "203.0.113.9", "Content-Type": "application/json", "User-Agent": "an app",
            "Traceparent": "00-1-2-01", "Origin": "https://app.example.com",
        }  # fmt: skip
        responses = [
            httpx.request(verb, url, params={"drain": "20"}, headers=headers, content=b'{"a": 1}', trust_env=False)
            for verb in ("POST", "PUT")
            for headers in (asked, {})
        ]
        (full, bare, *_) = receiver.received
        assert {(one.method, one.path) for one in receiver.received} == {
            (method, f"/base/functions/v1/{name}?drain=20")
        }
    sent = {key: value for key, value in full.headers.items() if key in {header.lower() for header in asked}}
    assert sent == {
        "authorization": "Bearer the-caller's",
        "content-type": "application/json",
        "user-agent": "an app",
        "traceparent": "00-1-2-01",
    }
    assert full.body == (b'{"a": 1}' if method == "POST" else b"")
    assert "authorization" not in bare.headers
    assert not any(secret in f"{one.headers}{one.body!r}" for one in receiver.received for secret in SECRETS.values())
    for response in responses:
        assert (response.status_code, response.json(), response.headers["retry-after"]) == (
            429,
            {"detail": "slowly"},
            "7",
        )
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["access-control-allow-origin"] == "*"
        assert "set-cookie" not in response.headers


def test_a_preflight_allows_what_it_asks_for(runtime: Runtime) -> None:
    """Without the gateway; the headers are those that the version of supabase-js sends."""
    url = runtime.function("test-webhook")
    for names in ("authorization,x-client-info,apikey,content-type", "authorization,x-header-of-the-future"):
        headers = {
            "Origin": "https://a.b",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": names,
        }
        response = httpx.options(url, headers=headers, trust_env=False)
        assert response.is_success
        assert response.headers["access-control-allow-headers"] == names
        assert "POST" in response.headers["access-control-allow-methods"]
        assert "access-control-allow-credentials" not in response.headers


SETTINGS = {
    "none": ("", 500, "WEBHOOKS_GATEWAY_URL is not set"),
    "no URL": ("gateway.example.com", 500, "not the URL of a gateway"),
    "another scheme": ("file:///etc", 500, "not the URL of a gateway"),
    "no host": ("https://", 500, "not the URL of a gateway"),
    "the project's own": ("https://a.supabase.co/", 500, "this project's own address"),
    "nothing there": ("http://user:hunter2@127.0.0.1:1", 502, "did not respond"),
}


@pytest.mark.parametrize(("setting", "status", "said"), SETTINGS.values(), ids=SETTINGS)
def test_each_error_names_the_setting(runtime: Runtime, setting: str, status: int, said: str) -> None:
    """And how to set it; neither the token nor the setting's value is in it, and a browser may read it."""
    url = runtime.function("webhook-health", WEBHOOKS_GATEWAY_URL=setting, SUPABASE_URL="https://a.supabase.co")
    response = httpx.post(url, headers={"Authorization": "Bearer the-caller's"}, trust_env=False)
    assert (response.status_code, response.json()["status_code"]) == (status, status)
    assert said in response.json()["detail"]
    assert "WEBHOOKS_GATEWAY_URL" in response.text
    assert not any(word in response.text for word in ("hunter2", "the-caller's"))
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(runtime: Runtime, status: int) -> None:
    """Another host would receive the caller's token."""
    with Receiver() as other, Receiver(answer=lambda _: Reply(status, b"", {"Location": other.url})) as receiver:
        url = runtime.function("test-webhook", WEBHOOKS_GATEWAY_URL=receiver.url)
        response = httpx.post(url, headers={"Authorization": "Bearer the-caller's"}, trust_env=False)
        assert other.received == []
    assert (response.status_code, "location" in response.headers) == (502, False)
    assert "its final address" in response.json()["detail"]


@pytest.mark.parametrize("command", [["check"], ["lint"], ["fmt", "--check"]], ids=lambda command: command[0])
def test_deno_accepts_them(tmp_path: Path, command: list[str]) -> None:
    """Types, lint and format."""
    done = subprocess.run(
        [deno(), *command, *sorted(FUNCTIONS.rglob("*.ts"))],
        env={**environment(), "DENO_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
