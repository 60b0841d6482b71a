"""The examples of SECURITY.md, run as they stand against real deliveries."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from devstack.node import environment, install, node
from devstack.processes import Child, free_port, listening
from devstack.receiver import Received, Receiver
from supabase_webhooks.webhooks.signing import signature_headers
from tests.adapters.shorthands import SECRET, deliver
from tests.conftest import ROOT, quiet

if TYPE_CHECKING:
    from pathlib import Path


def example(language: str) -> str:
    """Return the only example in a language."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "SECURITY.md").read_text(), re.DOTALL)
    return str(code)


def deliveries() -> dict[str, tuple[bytes, dict[str, str]]]:
    """Return a right delivery, as a worker sends it, and wrong ones made of it."""
    with Receiver() as receiver:
        anyio.run(deliver, receiver.url)
        (real,) = receiver.received
    assert isinstance(real, Received)
    names = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: real.headers[name] for name in names}
    old = signature_headers([SECRET], headers["webhook-id"], int(time.time()) - 3600, real.body)
    return {
        "right": (real.body, headers),
        "tampered": (real.body.replace(b"x.y", b"x.z"), headers),
        "another id": (real.body, {**headers, "webhook-id": "other"}),
        "old": (real.body, {**headers, **{name.lower(): value for name, value in old.items()}}),
        "unsigned": (real.body, {**headers, "webhook-signature": ""}),
        "another version": (real.body, {**headers, "webhook-signature": f"v9{headers['webhook-signature'][2:]}"}),
        "rotated": (real.body, {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}),
    }


ACCEPTED = {"right", "rotated"}


def check(url: str) -> None:
    """Send all of them to a receiver: it accepts the right ones and rejects the others."""
    responses = {
        name: httpx.post(url, content=body, headers=headers, trust_env=False).status_code
        for name, (body, headers) in (deliveries()).items()
    }
    assert {name for name, status in responses.items() if status == 204} == ACCEPTED
    assert set(responses.values()) == {204, 401}


@pytest.mark.parametrize("language", ["js", "ts"])
def test_servers(tmp_path: Path, language: str) -> None:
    """Node and Deno."""
    port = free_port()
    script = tmp_path / ("receiver.mjs" if language == "js" else "receiver.ts")
    script.write_text(example(language))
    if language == "js":
        command: list[str | Path] = [node(), script]
    else:
        (deno,) = (install(say=quiet) / "node_modules" / "@deno").glob("*/deno*")
        command = [deno, "run", "--allow-net", "--allow-env", "--no-remote", script]
    receiver = Child(
        language, command, log=tmp_path / "receiver.log",
        environment={**environment(), "PORT": str(port), "WEBHOOK_SECRET": SECRET, "DENO_DIR": str(tmp_path)},
    )  # fmt: skip
    try:
        receiver.wait_ready(lambda: listening(port))
        check(f"http://127.0.0.1:{port}/")
    finally:
        receiver.stop()


def test_n8n() -> None:
    """The Code node's script with what n8n gives it: the item of a Webhook node, and the environment."""
    harness = """
        const [code, item] = [process.argv[1], JSON.parse(process.argv[2])];
        const run = new Function("$input", "$env", "require", code);
        console.log(JSON.stringify(run({ first: () => item }, process.env, require)));
    """
    accepted = set()
    for name, (body, headers) in (deliveries()).items():
        item = {"json": {"headers": headers}, "binary": {"data": {"data": base64.b64encode(body).decode()}}}
        done = subprocess.run(
            [node(), "-e", harness, example("javascript"), json.dumps(item)],
            env={**os.environ, "WEBHOOK_SECRET": SECRET},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            accepted.add(name)
            # JavaScript has no integers above 2^53: the body's text is what to keep of such
            assert json.loads(done.stdout)[0]["json"]["data"]["text"] == json.loads(body)["data"]["text"]
        else:
            assert "not a delivery of ours" in done.stderr
    assert accepted == ACCEPTED
