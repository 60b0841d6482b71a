"""`webhooks dev`: one command, and an event arrives at `webhooks receive`."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import httpx

from devstack.processes import free_port
from tests.cli.conftest import run, running

if TYPE_CHECKING:
    from pathlib import Path


def test_from_nothing_to_an_event(tmp_path: Path) -> None:
    """Its output is what a shell can source; with it an endpoint is made, an event dispatched, verified, shown."""
    variables: dict[str, str] = {}
    with running("dev", "--directory", str(tmp_path / "stack")) as dev:
        assert dev.stdout
        for line in dev.stdout:
            if line.startswith("#"):
                break
            name, _, value = line.removeprefix("export ").strip().partition("=")
            variables[name] = value
        assert httpx.get(f"{variables['WEBHOOKS_GATEWAY_URL']}/readyz", trust_env=False).is_success
        assert run("migrate", "status", variables=variables).code == 0
        port = free_port()
        arguments = ["endpoints", "create", "mine", f"http://127.0.0.1:{port}/x", "--json"]
        secret = run(*arguments, variables=variables).json["secret_key"]
        receive = ("receive", "--port", str(port), "--count", "1", "--json")
        with running(*receive, variables={"WEBHOOKS_LISTEN_SECRET": secret}) as receiving:
            assert receiving.stderr
            receiving.stderr.readline()
            assert run("dispatch", "user.joined_community", "--example", variables=variables).code == 0
            out, _ = receiving.communicate(timeout=60)
        assert json.loads(out)["verified"] is True
        dev.send_signal(signal.SIGINT)
        _, err = dev.communicate(timeout=60)
        assert dev.returncode == 0, err
