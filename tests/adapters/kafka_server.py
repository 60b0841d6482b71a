"""A Kafka broker that says what it is told to say: the protocol's own bytes and error codes, for one topic.

The broker of the embedded stack has neither accounts nor permissions nor limits of size.
Source: https://kafka.apache.org/protocol, in versions before the flexible ones.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

PRODUCE, FETCH, METADATA, HANDSHAKE, VERSIONS, INIT_PRODUCER, DESCRIBE_CONFIGS, AUTHENTICATE = (
    0,
    1,
    3,
    17,
    18,
    22,
    32,
    36,
)

#: API -> the newest version that is spoken here. A client that sees no fetching takes the broker for one of old.
SPOKEN = {
    PRODUCE: 8,
    FETCH: 4,
    METADATA: 4,
    HANDSHAKE: 1,
    VERSIONS: 0,
    INIT_PRODUCER: 0,
    DESCRIBE_CONFIGS: 0,
    AUTHENTICATE: 0,
}

#: The protocol's error codes.
CODES = {
    "UNKNOWN_TOPIC_OR_PART": 3, "LEADER_NOT_AVAILABLE": 5, "MSG_SIZE_TOO_LARGE": 10, "TOPIC_EXCEPTION": 17,
    "RECORD_LIST_TOO_LARGE": 18, "TOPIC_AUTHORIZATION_FAILED": 29, "CLUSTER_AUTHORIZATION_FAILED": 31,
    "UNSUPPORTED_SASL_MECHANISM": 33, "ILLEGAL_SASL_STATE": 34, "UNSUPPORTED_VERSION": 35, "POLICY_VIOLATION": 44,
    "TRANSACTIONAL_ID_AUTHORIZATION_FAILED": 53, "SASL_AUTHENTICATION_FAILED": 58, "INVALID_RECORD": 87,
}  # fmt: skip


@dataclass
class Broker:
    """What it says, and what it was told. `verdict` takes a batch's number of records and bytes."""

    topic: str = "t"
    #: API -> the name of the error that it responds with
    errors: dict[int, str] = field(default_factory=dict)
    #: The topic's own error in the metadata.
    topic_error: str = ""
    verdict: Callable[[int, int], str] = lambda _, __: ""
    #: Brokers that the metadata names instead of itself.
    named: list[tuple[str, int]] = field(default_factory=list)
    max_message_bytes: int | None = None
    port: int = 0
    passwords: list[bytes] = field(default_factory=list)
    batches: list[tuple[int, int]] = field(default_factory=list)
    records: int = 0

    def respond(self, api: int, version: int, body: Reader) -> bytes:  # noqa: PLR0911 - one for each API
        """Return a response's body."""
        error = _int16(CODES.get(self.errors.get(api, ""), 0))
        match api:
            case 18:
                keys = b"".join(struct.pack(">hhh", key, 0, newest) for key, newest in SPOKEN.items())
                known = _int16(0 if version == 0 else CODES["UNSUPPORTED_VERSION"])
                return known + _int32(len(SPOKEN)) + keys
            case 17:
                mechanisms = (b"PLAIN", b"SCRAM-SHA-256", b"SCRAM-SHA-512")
                return error + _int32(len(mechanisms)) + b"".join(_text(name) for name in mechanisms)
            case 36:
                self.passwords.append(body.data())
                return error + _text(b"no such user" if api in self.errors else None) + _int32(0)
            case 22:
                return _int32(0) + error + struct.pack(">qh", 1, 0)
            case 32:
                return self._configuration(error)
            case 3:
                return self._metadata(version)
            case 0:
                return self._produced(body)
        raise ValueError(api)

    def _metadata(self, version: int) -> bytes:
        named = self.named or [("127.0.0.1", self.port)]
        brokers = b"".join(
            _int32(number) + _text(host.encode()) + _int32(port) + (_text(None) if version else b"")
            for number, (host, port) in enumerate(named)
        )
        partition = b"" if self.topic_error else _int16(0) + _int32(0) * 2 + (_int32(1) + _int32(0)) * 2
        topic = _int16(CODES.get(self.topic_error, 0)) + _text(self.topic.encode()) + (b"\0" if version else b"")
        topics = _int32(1) + topic + _int32(1 if partition else 0) + partition
        return b"".join(
            (
                _int32(0) if version >= 3 else b"",
                _int32(len(named)),
                brokers,
                _text(b"cluster") if version >= 2 else b"",
                _int32(0) if version else b"",
                topics,
            )
        )

    def _configuration(self, error: bytes) -> bytes:
        known = self.max_message_bytes is not None
        entry = _text(b"max.message.bytes") + _text(str(self.max_message_bytes).encode()) + b"\0\0\0"
        entries = _int32(1) + entry if known else _int32(0)
        return _int32(0) + _int32(1) + error + _text(None) + b"\x02" + _text(self.topic.encode()) + entries

    def _produced(self, body: Reader) -> bytes:
        body.text()  # the transaction
        body.take(6)
        responses = []
        for _ in range(body.int32()):
            name = body.text()
            partitions = []
            for _ in range(body.int32()):
                number, batch = body.int32(), body.data()
                (count,) = struct.unpack_from(">i", batch, 57)
                verdict = self.errors.get(PRODUCE) or self.verdict(count, len(batch))
                self.batches.append((count, len(batch)))
                offset = self.records
                self.records += 0 if verdict else count
                partitions.append(
                    _int32(number)
                    + _int16(CODES.get(verdict, 0))
                    + struct.pack(">qqq", offset, -1, 0)
                    + self._record_errors(verdict, count)
                    + _text(None)
                )
            responses.append(_text(name) + _int32(len(partitions)) + b"".join(partitions))
        return _int32(len(responses)) + b"".join(responses) + _int32(0)

    def _record_errors(self, verdict: str, count: int) -> bytes:
        """Return the numbers of the records that were wrong: the last of a batch."""
        return _int32(1) + _int32(count - 1) + _text(b"wrong") if verdict == "INVALID_RECORD" else _int32(0)


class Reader:
    """A request's bytes, read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def int16(self) -> int:
        return int(struct.unpack(">h", self.take(2))[0])

    def int32(self) -> int:
        return int(struct.unpack(">i", self.take(4))[0])

    def text(self) -> bytes:
        return self.take(max(self.int16(), 0))

    def data(self) -> bytes:
        return self.take(max(self.int32(), 0))


@contextmanager
def kafka(broker: Broker, context: ssl.SSLContext | None = None) -> Iterator[Broker]:
    """Run a broker."""
    connections: list[socket.socket] = []

    def serve(sock: socket.socket) -> None:
        with suppress(OSError, struct.error, ValueError):
            if context:
                sock = context.wrap_socket(sock, server_side=True)
                connections.append(sock)
            while request := _frame(sock):
                reader = Reader(request)
                api, version, correlation = reader.int16(), reader.int16(), reader.take(4)
                reader.text()  # the client
                response = correlation + broker.respond(api, version, reader)
                sock.sendall(_int32(len(response)) + response)
        sock.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listening.accept()
                connections.append(sock)
                threading.Thread(target=serve, args=(sock,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        broker.port = listening.getsockname()[1]
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield broker
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for sock in connections:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)


def _frame(sock: socket.socket) -> bytes:
    size = _exactly(sock, 4)
    return _exactly(sock, int.from_bytes(size, "big")) if size else b""


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (part := sock.recv(count - len(data))):
            return b""
        data += part
    return data


def _int16(number: int) -> bytes:
    return struct.pack(">h", number)


def _int32(number: int) -> bytes:
    return struct.pack(">i", number)


def _text(text: bytes | None) -> bytes:
    return _int16(-1) if text is None else _int16(len(text)) + text
