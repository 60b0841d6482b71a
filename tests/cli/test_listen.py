"""`webhooks listen` over the real REST API, with a service key and with an admin's session."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from devstack.admins import Account, make_account, make_admin, sign_in
from devstack.processes import free_port
from devstack.receiver import Receiver, Reply
from supabase_webhooks.webhooks.signing import generate_secret
from tests.cli.conftest import running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

SECRET = generate_secret()


def session(system: System, name: str, *, admin: bool = True) -> dict[str, str]:
    """Return the environment of a signed-in user who has no secret key."""
    account = Account(f"{name}@example.com", "a long password")
    (make_admin if admin else make_account)(system.supabase, account)
    return {
        "SUPABASE_URL": system.supabase.url,
        "SUPABASE_ANON_KEY": system.supabase.keys.publishable,
        "WEBHOOKS_ACCESS_TOKEN": sign_in(system.supabase, account)["access_token"],
    }


@pytest.fixture(params=["service key", "admin's session"])
def caller(request: pytest.FixtureRequest, system: System) -> dict[str, str]:
    """The environment of the listener."""
    return system.settings() if request.param == "service key" else session(system, "admin")


@contextmanager
def listening(*arguments: str, variables: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Lend a listener that has started."""
    with running("listen", *arguments, variables=variables) as process:
        assert process.stderr
        # the project comes first, except with --json; at its end there is an empty line
        before = ""
        while (line := process.stderr.readline()) and not line.startswith("Listening to "):
            before += line
        assert line, before
        assert "--json" in arguments or before.startswith("Project "), before
        assert variables["SUPABASE_URL"] in line
        yield process


def line(process: subprocess.Popen[str]) -> Any:
    """Return the next delivery that it prints."""
    assert process.stdout
    return json.loads(process.stdout.readline())


def endpoints(system: System) -> list[dict[str, Any]]:
    """Return all endpoints, whole."""
    return system.db.execute("select * from public.webhook_configurations order by id").fetchall()


def counts(system: System) -> dict[str, int]:
    """Return how many rows a listener could have left behind."""
    tables = ("public.webhook_deliveries", "webhooks.delivery_queue", "webhooks.listeners", "public.webhook_attempts")
    return {table: system.db.execute(f"select from {table}".encode()).rowcount for table in tables}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_from_start_to_end(system: System, caller: dict[str, str], end: signal.Signals) -> None:
    """Claimed, signed, verified, forwarded, shown, recorded; then nothing is left, and no endpoint has changed."""
    # Given an app whose endpoint has nothing to do with this, and a listener that forwards to the app
    system.endpoint("https://example.com/x", "{discussion.*}")
    before = endpoints(system)
    with Receiver(answer=lambda _: Reply(202, b"thanks")) as app:
        arguments = ["--json", "--events", "user.*", "--forward", app.url.removeprefix("http://") + "/hook"]
        variables = {**caller, "WEBHOOKS_LISTEN_SECRET": SECRET}
        with listening(*arguments, variables=variables) as process:
            # When an event is dispatched
            system.dispatch()
            shown = line(process)
            # Then the app has it, signed with the secret that it knows, and its response is recorded
            system.wait_for_status("delivered", 1)
            (request,) = app.received
            assert (request.path, request.verified(SECRET)) == ("/hook", True)
            (row,) = system.rows()
            assert (row["response_status"], row["response_body"], row["attempts"]) == (202, "thanks", 1)
            assert (shown["id"], shown["event"], shown["status"]) == (str(row["id"]), "user.joined_community", 202)
            assert (shown["verified"], shown["problem"], shown["error"]) == (True, None, None)
            assert shown["body"] == row["payload"] == json.loads(request.body)
            # And at its end everything of it disappears
            process.send_signal(end)
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert not [
        secret for secret in (SECRET, *map(str, caller.values())) if secret in err and secret != caller["SUPABASE_URL"]
    ]
    assert endpoints(system) == before
    assert set(counts(system).values()) == {0}


def test_an_app_that_fails(system: System, caller: dict[str, str]) -> None:
    """Its status is recorded, nothing is retried; `--once` exits with 1, and 0 when the app accepts it."""
    statuses = [500, 301, 200]
    with Receiver(answer=lambda _: Reply(statuses[len(app.received)])) as app:
        for status in statuses:
            with listening("--json", "--once", "--forward", app.url, variables=caller) as process:
                system.dispatch()
                shown = line(process)
                process.communicate(timeout=60)
            assert shown["status"] == status
            assert shown["error"] == (None if status == 200 else f"HTTP {status}")
            assert process.returncode == (0 if status == 200 else 1)
    assert len(app.received) == 3
    with listening("--once", "--forward", f"localhost:{free_port()}", variables=caller) as process:
        system.dispatch()
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "verified  the app behind webhooks listen did not respond (ConnectError)" in out
    assert set(counts(system).values()) == {0}


def test_it_is_sent_again_on_request(system: System, webhooks: Callable[..., Done]) -> None:
    """`webhooks deliveries retry` brings a failed one back to the listener."""
    with (
        Receiver(answer=lambda _: Reply(200 if app.received else 500)) as app,
        listening("--json", "--forward", app.url, variables=system.settings()) as process,
    ):
        system.dispatch()
        first = line(process)
        system.wait_for_status("failed", 1)
        assert webhooks("deliveries", "retry", first["id"]).code == 0
        second = line(process)
        assert (second["id"], second["attempt"], second["status"]) == (first["id"], 2, 200)
        system.wait_for_status("delivered", 1)


def test_two_at_once(system: System) -> None:
    """Each gets its own copy of an event; when one ends, the other goes on. Shown to people, each is verified."""
    with (
        listening(variables=session(system, "ana")) as first,
        listening("--json", variables=session(system, "ben")) as second,
    ):
        system.dispatch()
        shown = line(second)
        system.wait_for_status("delivered", 2)
        first.send_signal(signal.SIGINT)
        out, _ = first.communicate(timeout=60)
        assert "user.joined_community" in out
        assert "verified  returned 200" in out
        assert '"community_city": "Zürich"' in out
        system.dispatch()
        assert line(second)["id"] != shown["id"]
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=60)
    assert set(counts(system).values()) == {0}


def test_workers_beside_it(system: System) -> None:
    """They deliver to the others, leave the listener's alone, and delete those of one that was killed."""
    with Receiver() as app:
        system.endpoint(app.url)
        system.serve()
        with listening("--json", variables=system.settings()) as process:
            system.dispatch(3)
            assert len({line(process)["id"] for _ in range(3)}) == 3
            system.wait_for_status("delivered", 6)
            process.kill()
            process.communicate(timeout=60)
        assert len(app.received) == 3
    assert len(endpoints(system)) == 2
    system.db.execute("update webhooks.listeners set expires_at = now()")
    for _ in range(2):
        system.db.execute("select public.purge_webhook_history('30 days')")
    assert [row["url"] for row in endpoints(system)] == [app.url]
    assert counts(system)["public.webhook_deliveries"] == 3


def test_supabase_restarts(system: System) -> None:
    """It says so once, and continues."""
    with listening("--json", variables=system.settings()) as process:
        assert process.stderr
        system.supabase.stop()
        assert "trying again" in process.stderr.readline()
        system.dispatch()
        system.supabase.start()
        assert line(process)["verified"] is True
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert set(counts(system).values()) == {0}


def test_an_admin_ends_it(system: System, webhooks: Callable[..., Done]) -> None:
    """By disabling or deleting its endpoint: the listener says so, and exits with 1."""
    with listening(variables=session(system, "ana")) as process:
        (endpoint,) = endpoints(system)
        assert webhooks("endpoints", "disable", str(endpoint["id"])).code == 0
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "endpoint was disabled" in err
    assert endpoints(system) == []


def test_who_may_not(system: System, webhooks: Callable[..., Done]) -> None:
    """A user without the admin role; what is not an access token never reaches Supabase."""
    user = session(system, "user", admin=False)
    done = webhooks("listen", "--once", **user)
    assert (done.code, "only webhook admins can do this" in done.err) == (1, True)
    for token in ("sb_secret_x", "x", "a.b.c"):
        done = webhooks("listen", "--once", WEBHOOKS_ACCESS_TOKEN=token)
        assert (done.code, "WEBHOOKS_ACCESS_TOKEN is not an access token" in done.err) == (2, True)
        assert token == "x" or token not in done.err
    assert endpoints(system) == []


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["--events", "user.unheard_of"], 1, "not in the catalog: user.unheard_of"),
        (["--forward", "localhost:port"], 2, "is not an address"),
        (["--forward", "http://"], 2, "is not an address"),
        (["--secret", "whsec_geheim!"], 1, "no valid base64"),
        (["--secret", "whsk_geheim"], 1, "must be a shared secret"),
    ],
)
def test_wrong_calls(webhooks: Callable[..., Done], arguments: list[str], code: int, text: str) -> None:
    """Each is one line that names the cause."""
    done = webhooks("listen", *arguments)
    assert (done.code, text in done.err) == (code, True), done.err
    assert "geheim" not in done.err
