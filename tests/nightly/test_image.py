"""The image: the Dockerfile's steps, run for real, and an event that is delivered from the result."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.processes import Child, listening
from devstack.receiver import Receiver
from tests.conftest import ROOT, emptied
from tests.nightly.image import Stage, build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import System

pytestmark = pytest.mark.skipif(not os.environ.get("NIGHTLY"), reason="takes minutes: make nightly")

#: The port that the image's health check asks.
PORT = 8000


@pytest.fixture(scope="module")
def image(directory: Path) -> Iterator[Stage]:
    """The built image."""
    if not shutil.which("mmdebstrap") or os.geteuid():
        pytest.skip("building needs root and mmdebstrap (apt-get install mmdebstrap)")
    folder = emptied(directory / "image")
    yield build(ROOT / "Dockerfile", folder)
    shutil.rmtree(folder)


def test_an_event_is_delivered_from_the_image(system: System, image: Stage, tmp_path: Path) -> None:
    """As an ordinary user on a read-only root: it delivers, its health check passes, and it exits with 0 at SIGTERM."""
    # Given the image's own command, with the settings of a deployment
    assert not listening(PORT), f"port {PORT} is taken on this machine"
    environment = {**image.environment, **system.settings(REDIS_URL="")}
    child = Child(
        "image",
        image.deployed([*image.entrypoint, *image.command]),
        log=tmp_path / "image.log",
        environment=environment,
    )
    system.exit.callback(child.stop)
    child.wait_ready(lambda: listening(PORT))

    # When an event is dispatched
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        (request,) = receiver.wait_for(1)
        system.wait_for_status("delivered", 1)

    # Then it arrives, signed; the process is its user's alone, and can write only to /tmp
    assert request.verified(system.secret)
    first = int(Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text())
    status = Path(f"/proc/{first}/status").read_text()
    assert f"\nUid:\t{image.user}\t{image.user}\t{image.user}\t{image.user}\n" in status
    write = "import pathlib; pathlib.Path('/tmp/x').touch(); pathlib.Path('/opt/webhooks/x').touch()"
    refused = subprocess.run(
        image.deployed(["python", "-c", write]), env=environment, capture_output=True, text=True, check=False
    )
    assert "Read-only file system: '/opt/webhooks/x'" in refused.stderr
    assert httpx.get(f"http://127.0.0.1:{PORT}/healthz", trust_env=False).is_success
    health = image.deployed(image.health)
    assert subprocess.run(health, env=environment, check=False).returncode == 0
    os.kill(first, signal.SIGTERM)
    assert child.process.wait(60) == 0
    assert subprocess.run(health, env=environment, stderr=subprocess.DEVNULL, check=False).returncode == 1


def test_every_command_starts(image: Stage) -> None:
    """All extras are in it, bytecode included; uv, pip's caches and the source are not."""
    done = subprocess.run(
        image.deployed([*image.entrypoint, "--version"]),
        env=image.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for module in ("aiobotocore", "confluent_kafka", "google.pubsub", "pika", "psycopg", "opentelemetry.sdk"):
        subprocess.run(image.deployed(["python", "-c", f"import {module}"]), env=image.environment, check=True)
    packages = next((image.root / "opt/webhooks/lib").glob("python3.*")) / "site-packages"
    assert list((packages / "supabase_webhooks" / "webhooks" / "__pycache__").glob("*.pyc"))
    assert not (image.root / "source").exists()
    assert not list(image.root.glob("usr/local/bin/uv"))
