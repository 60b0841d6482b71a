"""The workflow of docs/guides/n8n.md in a real n8n: imported from its file, called by our workers' own HTTP adapter."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from devstack.node import environment, node, package
from devstack.processes import Child, free_port
from supabase_webhooks.webhooks.signing import generate_secret
from tests.adapters.shorthands import deliver
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devstack.postgres import Postgres

pytestmark = pytest.mark.skipif(not os.environ.get("NIGHTLY"), reason="takes minutes: make nightly")

VERSION = "2.41.1"

#: n8n asks for an xlsx that is on no registry.
PACKAGE = {"private": True, "dependencies": {"n8n": VERSION}, "overrides": {"xlsx": "0.18.5"}}

SECRET = generate_secret()
WORKFLOW: dict[str, Any] = json.loads((ROOT / "docs" / "guides" / "webhook-receiver.n8n.json").read_text())
CREDENTIAL = {"id": "endpointsecret01", "name": "The endpoint's secret", "type": "crypto"}


def install(folder: Path) -> Path:
    """Install n8n from npm, unless it is there; return the program."""
    program = folder / "node_modules" / "n8n" / "bin" / "n8n"
    wanted = json.dumps(PACKAGE)
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(wanted)
        npm = package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [node(), npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"]
        subprocess.run(command, cwd=folder, env=environment(), check=True)
        stamp.write_text(wanted)
    return program


class N8n:
    """A server of its own, on a database of its own."""

    def __init__(self, program: Path, folder: Path, dsn: str) -> None:
        database = conninfo_to_dict(dsn)
        self._command = [node(), program]
        self._folder = folder
        self.port = free_port()
        self.variables = {
            **environment(),
            "N8N_USER_FOLDER": str(folder),
            "N8N_ENCRYPTION_KEY": "a key of the tests",
            "N8N_PORT": str(self.port),
            "N8N_LISTEN_ADDRESS": "127.0.0.1",
            "N8N_RUNNERS_BROKER_PORT": str(free_port()),
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
            "N8N_TEMPLATES_ENABLED": "false",
            "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all",
            "DB_TYPE": "postgresdb",
            "DB_POSTGRESDB_HOST": str(database["host"]),
            "DB_POSTGRESDB_PORT": str(database["port"]),
            "DB_POSTGRESDB_DATABASE": str(database["dbname"]),
            "DB_POSTGRESDB_USER": str(database["user"]),
            "DB_POSTGRESDB_PASSWORD": "none is asked for",
        }

    @property
    def url(self) -> str:
        """The production URL of the workflow's webhook."""
        (webhook,) = [one for one in WORKFLOW["nodes"] if one["type"].endswith(".webhook")]
        return f"http://127.0.0.1:{self.port}/webhook/{webhook['parameters']['path']}"

    def run(self, *arguments: str) -> None:
        """Run a command of n8n's to its end."""
        done = subprocess.run(
            [*self._command, *arguments], env=self.variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def set_up(self) -> None:
        """Import the guide's workflow as it is, with the credential that the guide says to create, and activate it."""
        credential = self._folder / "credentials.json"
        credential.write_text(json.dumps([{**CREDENTIAL, "data": {"hmacSecret": SECRET}}]))
        self.run("import:credentials", f"--input={credential}")
        workflow = json.loads(json.dumps(WORKFLOW)) | {"id": "webhookreceiver1", "active": False}
        for one in workflow["nodes"]:
            if one["type"].endswith(".crypto"):
                one["credentials"] = {"crypto": {"id": CREDENTIAL["id"], "name": CREDENTIAL["name"]}}
        file = self._folder / "workflow.json"
        file.write_text(json.dumps(workflow))
        self.run("import:workflow", f"--input={file}")
        self.run("publish:workflow", f"--id={workflow['id']}")

    def start(self) -> Child:
        """Start, and wait until the webhook is there."""
        child = Child("n8n", [*self._command, "start"], log=self._folder / "n8n.log", environment=self.variables)
        child.wait_ready(lambda: self._status() == httpx.codes.UNAUTHORIZED, seconds=300)
        return child

    def _status(self) -> int:
        try:
            return httpx.post(self.url, json={}, trust_env=False, timeout=30).status_code
        except httpx.TransportError:
            return 0


@pytest.fixture(scope="module")
def n8n(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[N8n]:
    """A running n8n with the guide's workflow."""
    program = install(ROOT / ".devstack" / "n8n")
    dsn = postgres.create("n8n")
    server = N8n(program, tmp_path_factory.mktemp("n8n"), dsn)
    server.set_up()
    child = server.start()
    yield server
    child.stop()
    postgres.drop("n8n")


BODIES = {
    "joined": '{"data":{"text":"Grüße 🎉"},"event":"user.joined_community","request_id":"r-1"}',
    "1.0 and big integers": '{"data":{"price":1.0,"big":123456789012345678901234567890},"event":"user.posted_comment"}',
    "another event": '{"data":{},"event":"order.paid"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_delivery_is_verified(n8n: N8n, body: str) -> None:
    """The workers' own request gets 200; with another secret it gets 401."""
    endpoint = {"body": body, "secrets": (SECRET,)}
    good = anyio.run(lambda: deliver(n8n.url, endpoint=endpoint))
    assert (good.delivered, good.response_status) == (True, 200), good
    bad = anyio.run(lambda: deliver(n8n.url, endpoint={**endpoint, "secrets": (generate_secret(),)}))
    assert (bad.delivered, bad.response_status) == (False, 401), bad


def test_no_run_failed(n8n: N8n) -> None:
    """Neither did a signature that is missing or that fits another body: each run ended by a response."""
    for headers in ({}, {"X-Webhook-Signature": "sha256=00"}, {"X-Webhook-Signature": ""}):
        response = httpx.post(n8n.url, json={"event": "order.paid"}, headers=headers, trust_env=False, timeout=30)
        assert response.status_code == httpx.codes.UNAUTHORIZED
    variables = n8n.variables
    with psycopg.connect(
        host=variables["DB_POSTGRESDB_HOST"],
        port=variables["DB_POSTGRESDB_PORT"],
        dbname=variables["DB_POSTGRESDB_DATABASE"],
        user=variables["DB_POSTGRESDB_USER"],
    ) as connection:
        ended = connection.execute("select status, count(*) from execution_entity group by 1").fetchall()
    assert [status for status, _ in ended] == ["success"], ended
