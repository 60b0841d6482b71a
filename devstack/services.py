"""The running system: gateway and workers as separate processes, as in production."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import httpx

from devstack.processes import Child, Service, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Gateway(Service):
    """The gateway on a free loopback port."""

    command = "gateway"

    def __init__(self, settings: Mapping[str, str], *, log: Path) -> None:
        self._settings = settings
        self._log = log
        self.port = free_port()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it responds. Raises StackError."""
        self.child = _webhooks(self.command, [self.command, "--port", str(self.port)], self._settings, self._log)
        self.child.wait_ready(self._responds)

    def _responds(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).is_success
        except httpx.TransportError:
            return False


class Serve(Gateway):
    """Gateway and workers in one process."""

    command = "serve"


class Worker(Service):
    """A worker with one or more processes."""

    def __init__(self, settings: Mapping[str, str], *, log: Path, name: str = "worker", processes: int = 1) -> None:
        self._settings = settings
        self._log = log
        self._name = name
        self._processes = processes

    def start(self) -> None:
        """Start, and wait until a process is ready for work. Raises StackError."""
        self.child = _webhooks(self._name, ["worker", "--processes", str(self._processes)], self._settings, self._log)
        child = self.child
        # Dramatiq says so once the process has booted
        child.wait_ready(lambda: "ready for action" in child.tail())


def _webhooks(name: str, arguments: list[str], settings: Mapping[str, str], log: Path) -> Child:
    environment = {**os.environ, **settings, "PYTHONUNBUFFERED": "1"}
    return Child(
        name, [sys.executable, "-m", "supabase_webhooks.webhooks.cli", *arguments], log=log, environment=environment
    )
