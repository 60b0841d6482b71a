"""A new or changed URL is checked by a worker, however it was written, and every interface shows the result."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import closing
from typing import TYPE_CHECKING, Any

from devstack.receiver import Receiver
from tests.adapters.receivers import OK, certificate, receiver, script
from tests.cli.conftest import run
from tests.e2e.dashboard.conftest import token
from tests.e2e.dashboard.test_api import api

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.e2e.conftest import System
    from tests.e2e.dashboard.conftest import Site

__all__ = ["api"]

#: No event but those of the test.
QUIET = {"WEBHOOKS_ALERT_SECONDS": "0"}


def circuit(system: System, endpoint: str) -> dict[str, Any]:
    """Return an endpoint's circuit."""
    row = system.db.execute("select * from public.webhook_circuits where webhook_config_id = %s", (endpoint,))
    return dict(row.fetchone() or {})


def wait_for_check(system: System, endpoint: str) -> str | None:
    """Wait until a worker has checked an endpoint's URL; return its warning."""
    system.wait(lambda: circuit(system, endpoint)["url_checked_at"] is not None)
    warning = circuit(system, endpoint)["url_warning"]
    return None if warning is None else str(warning)


def refusing() -> str:
    """Return a URL at which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}/"


def test_whoever_wrote_it(site: Site, api: httpx.Client) -> None:
    """By SQL, the admin API, the dashboard's form and the command line, created and changed."""
    system = site.system
    system.worker(**QUIET)
    variables = system.settings()
    urls = {way: refusing() for way in ("sql", "api", "dashboard", "command line")}
    by_sql = system.endpoint(urls["sql"])
    by_api = api.post("/endpoints", json={"name": "api", "url": urls["api"], "events": ["*"]}).json()["id"]
    admin = site.admin()
    form = {"_csrf_token": token(admin, "/endpoints/new"), "name": "page", "url": urls["dashboard"], "events": "*",
            "retry": "standard", "max_attempts": "3"}  # fmt: skip
    assert admin.post("/endpoints", data=form).status_code == 200
    (by_page,) = [str(row["id"]) for row in system.db.execute(
        "select id from public.webhook_configurations where name = 'page'"
    )]  # fmt: skip
    created = run("endpoints", "create", "cli", urls["command line"], "--json", variables=variables)
    by_command = created.json["id"]
    for endpoint, url in zip((by_sql, by_api, by_page, by_command), urls.values(), strict=True):
        at = url.removeprefix("http://").rstrip("/")
        assert (wait_for_check(system, endpoint) or "").startswith(f"{at} does not accept connections (")

    # and changed, to where someone listens
    with Receiver() as server:
        system.db.execute("update public.webhook_configurations set url = %s where id = %s", (server.url, by_sql))
        assert api.patch(f"/endpoints/{by_api}", json={"url": server.url}).is_success
        form |= {"_csrf_token": token(admin, f"/endpoints/{by_page}/edit"), "url": server.url}
        assert admin.post(f"/endpoints/{by_page}", data=form).status_code == 303
        assert run("endpoints", "update", by_command, "--url", server.url, variables=variables).code == 0
        for endpoint in (by_sql, by_api, by_page, by_command):
            assert wait_for_check(system, endpoint) is None
        assert server.received == []


def test_every_surface_shows_it(site: Site, api: httpx.Client) -> None:
    """API, list and page of the dashboard, command line and doctor; a delivery that succeeds ends it everywhere."""
    system = site.system
    system.worker(**QUIET)
    url = refusing()
    endpoint = system.endpoint(url, headers='{"X-Token": "geheim"}')
    warning = wait_for_check(system, endpoint)
    assert warning
    variables = {**system.settings(), "COLUMNS": "250"}

    def surfaces() -> dict[str, str]:
        admin = site.admin()
        return {
            "api": api.get(f"/endpoints/{endpoint}").json()["url_warning"] or "",
            "api's list": api.get("/endpoints").json()["items"][0]["url_warning"] or "",
            "page": admin.get(f"/endpoints/{endpoint}").text,
            "list": admin.get("/endpoints").text,
            "command line": run("endpoints", "show", endpoint, variables=variables).out,
            "command line's list": run("endpoints", "list", variables=variables).err,
            "doctor": run("doctor", variables=variables).out,
        }

    shown = surfaces()
    part = "check the port, the firewall and the receiver"
    assert {name: part in text for name, text in shown.items()} == dict.fromkeys(shown, True)
    assert not any("geheim" in text or system.secret in text for text in shown.values())

    # nothing was rejected: once the receiver runs, its test arrives
    with Receiver(port=int(url.rstrip("/").rpartition(":")[2])) as server:
        api.post(f"/endpoints/{endpoint}/test")
        server.wait_for(1)
        system.wait_for_status("delivered", 1)
    assert {name: part in text for name, text in surfaces().items()} == dict.fromkeys(shown, False)


def test_certificates(system: System, tmp_path: Path) -> None:
    """A worker that does not know the authority warns; one that does finds nothing. The receiver sees no request."""
    context, authority = certificate(tmp_path, "IP:127.0.0.1")
    with receiver(script(OK), context=context) as secured:
        endpoint = system.endpoint(secured.url)
        worker = system.worker(**QUIET)
        assert "self-signed certificate" in (wait_for_check(system, endpoint) or "")
        worker.stop()
        system.worker(WEBHOOKS_CA_BUNDLE=str(authority), **QUIET)
        system.db.execute("update public.webhook_configurations set url = %s", (f"{secured.url}hook",))
        assert wait_for_check(system, endpoint) is None
        assert secured.requests == []


def test_a_worker_killed_in_the_middle(system: System) -> None:
    """Its check is another's once the lease has run out; meanwhile deliveries go out, and claims wait for nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent, Receiver() as server:
        # Given a server that accepts and never speaks TLS, and a worker that waits for it
        silenced = system.endpoint(f"https://127.0.0.1:{silent.getsockname()[1]}/", events="{webhook.alert}")
        system.endpoint(server.url)
        times = {"WEBHOOKS_TIMEOUT_SECONDS": "4", "WEBHOOKS_LEASE_SECONDS": "8", **QUIET}
        worker = system.worker(**times)
        silent.settimeout(40)
        connection, _ = silent.accept()

        # When it is killed in the middle of that
        system.dispatch()
        server.wait_for(1)
        assert circuit(system, silenced)["url_checked_at"] is None
        assert worker.child
        os.killpg(worker.child.pid, signal.SIGKILL)
        connection.close()

        # Then another one does it again
        system.worker(**times)
        assert "does not respond within 4 s" in str(wait_for_check(system, silenced))


def test_a_worker_that_stops_leaves_its_check(system: System) -> None:
    """It does not wait for a silent server, and says nothing wrong of it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        endpoint = system.endpoint(f"https://127.0.0.1:{silent.getsockname()[1]}/")
        worker = system.worker(**QUIET)
        silent.settimeout(40)
        connection, _ = silent.accept()
        with connection:
            worker.stop()
        row = circuit(system, endpoint)
        assert (row["url_checked_at"], row["url_warning"]) == (None, None)
        assert worker.child
        assert worker.child.process.returncode == 0
        log = worker.child.log.read_text()
        assert "Traceback" not in log
        assert "never retrieved" not in log
