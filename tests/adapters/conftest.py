"""Peers: a real server for each protocol, seen alike by the contract suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devstack import brokers
from devstack.processes import free_port
from devstack.receiver import Received, Receiver, Reply
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BIG = '{"x":"' + "y" * 17_000_000 + '"}'


class Peer:
    """A server; `refusals` are URLs and bodies that it rejects permanently, with the code that the error names."""

    environment: dict[str, str]

    def __init__(self, broker: brokers.Broker) -> None:
        self._broker = broker
        self.environment = broker.environment

    def start(self) -> None:
        self._broker.start()

    def stop(self) -> None:
        self._broker.stop()

    def crash(self) -> None:
        assert self._broker.child
        self._broker.child.kill()

    def create(self, name: str) -> str:
        return self._broker.create(name)

    def wait_for(self, name: str, count: int) -> list[Received]:
        return self._broker.wait_for(name, count)

    def at(self, port: int) -> str:
        """Return the URL of a destination on another port."""
        name = "topic"
        match self._broker:
            case brokers.Sqs():
                return f"sqs://{name}?region=us-east-1&endpoint_url=http://127.0.0.1:{port}"
            case brokers.PubSub():
                return f"pubsub://devstack/{name}"
            case _:
                return f"kafka://127.0.0.1:{port}/{name}"

    def environment_at(self, port: int) -> dict[str, str]:
        """Return what leads the SDK to another port."""
        if isinstance(self._broker, brokers.PubSub):
            return {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{port}"}
        return self.environment

    def refusals(self, url: str, name: str) -> list[tuple[str, str, str]]:  # noqa: ARG002 - the URL says it
        return [(url, BIG, self._codes()[0])]

    def missing(self, url: str, name: str, missing: str) -> tuple[str, str] | None:
        """Return the URL of a queue that is not there, and the code that the error names."""
        return url.replace(name, missing), self._codes()[1]

    def _codes(self) -> tuple[str, str]:
        match self._broker:
            case brokers.Sqs():
                first = "SQS AWS.SimpleQueueService."
                return f"{first}BatchRequestTooLong: ", f"{first}NonExistentQueue: "
            case brokers.PubSub():
                return "Pub/Sub INVALID_ARGUMENT: ", "Pub/Sub NOT_FOUND: "
            case _:
                return "Kafka MSG_SIZE_TOO_LARGE: ", "Kafka UNKNOWN_TOPIC_OR_PART: "


class HttpPeer(Peer):
    """A receiver of HTTP."""

    def __init__(self) -> None:
        self.environment = {}
        self._port = free_port()

    def start(self) -> None:
        self._receiver = Receiver(answer=self._answer, port=self._port)
        self._receiver.__enter__()

    def stop(self) -> None:
        self._receiver.__exit__()

    def crash(self) -> None:
        self.stop()

    def create(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port}/{name}"

    def wait_for(self, name: str, count: int) -> list[Received]:
        self._receiver.wait_for(count)
        return [request for request in self._receiver.received if request.path == f"/{name}"]

    def at(self, port: int) -> str:
        return f"http://127.0.0.1:{port}/"

    def environment_at(self, port: int) -> dict[str, str]:  # noqa: ARG002 - the URL says it
        return {}

    def refusals(self, url: str, name: str) -> list[tuple[str, str, str]]:
        return [(url.replace(name, "gone"), "{}", "HTTP 410 Gone")]

    def missing(self, url: str, name: str, missing: str) -> tuple[str, str] | None:  # noqa: ARG002 - it has none
        return None

    def _answer(self, request: Received) -> Reply:
        return Reply(410 if request.path == "/gone" else 200)


MAKE: dict[str, Callable[[Path], Peer]] = {
    "http": lambda _: HttpPeer(),
    "sqs": lambda directory: Peer(brokers.Sqs(directory, say=quiet)),
    "pubsub": lambda directory: Peer(brokers.PubSub(directory, say=quiet)),
    "kafka": lambda directory: Peer(brokers.Kafka(directory, say=quiet)),
}


@pytest.fixture(scope="session", params=MAKE)
def session_peer(request: pytest.FixtureRequest, directory: Path) -> Iterator[Peer]:
    """A server of each protocol, one for the session."""
    peer = MAKE[request.param](directory)
    peer.start()
    yield peer
    peer.stop()


@pytest.fixture
def peer(session_peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Peer:
    """It, with what its SDK finds in the environment."""
    for name, value in session_peer.environment.items():
        monkeypatch.setenv(name, value)
    return session_peer


@pytest.fixture(params=MAKE)
def own_peer(request: pytest.FixtureRequest, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A server of each protocol for this test alone, which may end it."""
    peer = MAKE[request.param](directory)
    for name, value in peer.environment.items():
        monkeypatch.setenv(name, value)
    peer.start()
    yield peer
    peer.stop()
