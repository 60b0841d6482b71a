"""RabbitMQ from Debian's package, as a node of our own on loopback ports; the machine's service is not touched."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pika
from pika.exceptions import AMQPError

from devstack.errors import StackError
from devstack.processes import Child, Service, free_port, listening

if TYPE_CHECKING:
    from collections.abc import Callable

#: The server's own script. The one in the path is Debian's, which changes to the user `rabbitmq`.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def available() -> bool:
    """Return whether RabbitMQ is on this machine."""
    return SERVER.exists() and shutil.which("epmd") is not None


class RabbitMQ(Service):
    """A server that starts empty each time: what it holds may be lost at any time."""

    def __init__(self, directory: Path, *, say: Callable[[str], None] = print) -> None:
        self._home = directory.absolute() / "rabbitmq"
        self._log = directory / "rabbitmq.log"
        self._say = say
        self._names: Child | None = None
        self._names_port = 0
        self.port = 0

    @property
    def url(self) -> str:
        """The connection URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start, and wait until it responds. Raises StackError."""
        if not available():
            raise StackError("RabbitMQ is not on this machine (apt install rabbitmq-server)")
        self.port = self.port or free_port()
        self._names_port = self._names_port or free_port()
        self._say(f"waiting for RabbitMQ on port {self.port}")
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir(parents=True)
        (self._home / "enabled_plugins").write_text("[].\n")
        environment = os.environ | self._environment()
        if not (self._names and self._names.running()):
            # Erlang's name server, as a child: RabbitMQ would start one as a daemon that outlives it
            self._names = Child("epmd", ["epmd"], log=self._log, environment=environment)
            self._names.wait_ready(lambda: listening(self._names_port))
        self.child = Child("RabbitMQ", [SERVER, "-noinput"], log=self._log, environment=environment)
        try:
            self.child.wait_ready(self._responds)
        except StackError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, and its name server."""
        super().stop()
        if self._names:
            self._names.stop()

    def control(self, *command: str) -> None:
        """Run a command of rabbitmqctl."""
        subprocess.run(
            [SERVER.with_name("rabbitmqctl"), *command],
            env=os.environ | self._environment(),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def _environment(self) -> dict[str, str]:
        return {
            # the node's cookie lies there
            "HOME": str(self._home),
            "ERL_EPMD_PORT": str(self._names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"webhooks-{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(self._home / "data"),
            "RABBITMQ_LOG_BASE": str(self._home),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "enabled_plugins"),
            # none of /etc/rabbitmq
            "RABBITMQ_CONFIG_FILE": str(self._home / "none"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            # the script becomes the server, so that it ends with us; without, it stays as its parent
            "RABBITMQ_ALLOW_INPUT": "1",
        }

    def _responds(self) -> bool:
        if not listening(self.port):  # pika logs what it fails to connect to
            return False
        try:
            pika.BlockingConnection(pika.URLParameters(self.url)).close()
        except AMQPError:
            return False
        return True
