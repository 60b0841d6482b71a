"""The main job: from a user's browser to a receiver that verifies."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from devstack.browser import chromium
from devstack.cron import dispatcher_script
from devstack.node import environment, node
from devstack.processes import Child, free_port, listening
from devstack.receiver import Receiver
from tests.conftest import ROOT
from tests.e2e.conftest import JOINED, TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import System


def test_nine_events_from_supabase_js_to_a_node_receiver(system: System, tmp_path: Path) -> None:
    """A signed-in user dispatches all nine; the cron's script triggers; a receiver that re-serialises verifies all."""
    # Given an endpoint that verifies what JSON.stringify makes of each body, a gateway and a worker without sweep
    port = free_port()
    receiver = Child(
        "receiver",
        [node(), ROOT / "tests" / "e2e" / "receiver.mjs"],
        log=tmp_path / "receiver.out",
        environment={**environment(), "PORT": str(port), "SECRET": system.secret},
    )
    system.exit.callback(receiver.stop)
    receiver.wait_ready(lambda: listening(port))
    system.endpoint(f"http://127.0.0.1:{port}/hook")
    gateway = system.gateway()
    system.worker(WEBHOOKS_SWEEP_SECONDS="0")

    # When a user signs up, signs in and dispatches, and the workflow's script runs
    script = ROOT / "tests" / "e2e" / "dispatch.mjs"
    printed = system.node(script, SECRET_KEY=system.supabase.keys.secret)
    dispatched = [json.loads(line) for line in printed.splitlines()]
    assert len(dispatched) == 9
    done = subprocess.run(
        ["bash", "-c", dispatcher_script()],
        env={**environment(), "GATEWAY_URL": gateway.url, "DISPATCH_TOKEN": TOKEN, "TRIGGERS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert '"due":9,"enqueued":1' in done.stdout

    # Then all nine arrive, verified, and their rows say so
    system.wait_for_status("delivered", 9)
    lines = [json.loads(line) for line in (tmp_path / "receiver.out").read_text().splitlines()]
    assert {line["event"] for line in lines} == {event["event"] for event in dispatched}
    assert all(line["verified"] and line["same"] for line in lines)
    assert {row["response_status"] for row in system.rows()} == {200}
    run = system.db.execute("select * from public.webhook_dispatcher_runs").fetchall()
    assert [(r["due"], r["enqueued"], r["source"]) for r in run] == [(9, 1, "webhook-dispatcher (GitHub Actions)")]


def test_values_travel_unharmed(system: System) -> None:
    """Non-ASCII text, deep nesting, 2^53+1, 1.0 and 1e400: the body is what Postgres has, and both signatures hold."""
    nested: object = "bottom"
    for _ in range(40):
        nested = [{"deeper": nested}]
    data = json.dumps({**JOINED, "text": 'Grüße 🎉 \u2028 " \\ \t', "nested": nested})
    data = data[:-1] + ', "numbers": [9007199254740993, 1.0, 1e400, -1.50]}'
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.db.execute("select public.dispatch_webhook('user.joined_community', %s::jsonb)", (data,))
        system.worker()
        (request,) = receiver.wait_for(1)
        system.wait_for_status("delivered", 1)
    assert request.verified(system.secret)
    assert f'"numbers":[9007199254740993,1.0,1{"0" * 400},-1.50]'.encode() in request.body
    stored = system.db.execute("select payload::text = %s::jsonb::text as same from public.webhook_deliveries",
                               (request.body.decode(),)).fetchone()  # fmt: skip
    assert stored == {"same": True}
    assert '"text":"Grüße 🎉 \u2028 \\" \\\\ \\t"'.encode() in request.body


def test_the_sweep_finds_what_nobody_announced(system: System) -> None:
    """No cron and no gateway: a row is still delivered; with Redis wiped as well."""
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.worker()
        system.dispatch(3)
        system.wait_for_status("delivered", 3)


@pytest.mark.parametrize("protocols", ["http", "all"])
def test_the_demo_passes_from_a_shell(protocols: str) -> None:
    """`make demo ONCE=1`, with and without PROTOCOLS=all, exits with 0 and shows each event arrive."""
    done = subprocess.run(
        [sys.executable, "-m", "devstack.demo", "--once", "--protocols", protocols],
        cwd=ROOT,
        env={**environment(), "DEVSTACK_DIRECTORY": str(ROOT / ".devstack" / "tests" / "demo")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("both signatures verified") == 9
    names = ["http", "sqs", "pubsub", "kafka"] if protocols == "all" else ["http"]
    assert [line for line in done.stdout.splitlines() if "delivered and verified" in line] == [
        f"{name:<7} 9 of 9 events delivered and verified" for name in names
    ]


#: The demo with its minute shortened, so that its cron calls again while the test looks.
HURRIED = "import devstack.cron, devstack.demo, sys; devstack.cron.EVERY = 1; sys.exit(devstack.demo.main())"


def test_the_demo_stays_healthy_and_opens(tmp_path: Path) -> None:
    """Its cron goes on; each link that it prints opens, with the sign-in that it prints."""
    # Given a demo that runs on
    directory = ROOT / ".devstack" / "tests" / "demo"
    demo = Child(
        "demo",
        [sys.executable, "-c", HURRIED],
        log=tmp_path / "demo.log",
        cwd=ROOT,
        environment={**environment(), "DEVSTACK_DIRECTORY": str(directory)},
    )
    try:
        demo.wait_ready(lambda: "Ctrl-C ends it" in demo.log.read_text(), seconds=180)
        printed = demo.log.read_text()
        links = dict(re.findall(r"^(Dashboard|Studio|OpenAPI) +(http://\S+)$", printed, re.MULTILINE))
        assert len(links) == 3
        email, password = re.search(r"sign in as (\S+), password (\S+)$", printed, re.MULTILINE).groups()  # type: ignore[union-attr]
        with chromium() as browser:
            page = browser.new_page()
            page.set_default_timeout(60_000)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))

            # When a reader signs in to the dashboard, its cron calls again and again
            page.goto(links["Dashboard"])
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(password)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("Healthy", exact=True).wait_for()
            calls = f"{links['Dashboard']}runs"
            page.goto(calls)
            before = page.locator("tbody tr").count()
            deadline = time.monotonic() + 60
            while page.locator("tbody tr").count() < before + 2:
                assert time.monotonic() < deadline, "the demo's cron does not call again"
                demo.check()
                page.reload()

            # Then Studio shows the project's tables, not a white page
            page.goto(links["Studio"])
            page.get_by_text("webhook_deliveries").first.wait_for()
            page.goto(links["OpenAPI"])
            page.get_by_text("Webhook gateway").first.wait_for()
        assert errors == []
    finally:
        demo.stop()
