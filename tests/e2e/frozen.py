"""A gateway whose process is frozen between requests, and the cron that calls it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

import httpx

from devstack.processes import Child
from devstack.services import Gateway
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Seconds of a drain in these tests: time for an attempt of two seconds, and some more.
SECONDS = 6

#: Seconds between calls of the cron, for a minute.
MINUTE = 0.2


class Serverless(Gateway):
    """The gateway on a serverless host; see tests/e2e/serverless.py."""

    def start(self) -> None:
        """Start, and wait until it responds."""
        command = [sys.executable, "-m", "tests.e2e.serverless", str(self.port)]
        environment = {**os.environ, **self._settings, "PYTHONUNBUFFERED": "1"}
        self.child = Child("serverless", command, log=self._log, environment=environment)
        self.child.wait_ready(self._responds)


class Frozen:
    """Calls a gateway, again and again, and lets it run only meanwhile. A context manager."""

    def __init__(self, gateway: Gateway, query: str = "") -> None:
        assert gateway.child
        self._pid = gateway.child.pid
        self._url = f"{gateway.url}/functions/v1/webhook-dispatcher{query}"
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._client = httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=60)
        #: its response, or what went wrong
        self.runs: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        os.kill(self._pid, signal.SIGSTOP)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        os.kill(self._pid, signal.SIGCONT)
        self._client.close()

    def call(self) -> None:
        """Call once."""
        os.kill(self._pid, signal.SIGCONT)
        try:
            response = self._client.post(self._url)
            self.runs.append({"status": response.status_code, **response.json()})
        finally:
            os.kill(self._pid, signal.SIGSTOP)

    def _run(self) -> None:
        while not self._end.wait(MINUTE):
            self.call()


def serverless(settings: Mapping[str, str], log: Path) -> Serverless:
    """Return a gateway on a serverless host, without a broker."""
    return Serverless({**settings, "REDIS_URL": ""}, log=log)
