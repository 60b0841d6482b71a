"""The port: what a broker does for us, beside what Dramatiq asks of those that processes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any, ClassVar

import dramatiq
from dramatiq.common import dq_name
from dramatiq.encoder import JSONEncoder, MessageData
from dramatiq.errors import DecodeError

from supabase_webhooks.webhooks.errors import QueueUnavailable

QUEUE = "webhooks"
DRAIN = "drain"

#: Seconds to wait for a broker. The gateway answers a cron, and the workers' sweep tries again.
TIMEOUT = 3.0

#: Seconds in which a broker has to take a write when it is asked whether it is ready.
READY_TIMEOUT = 1.5

#: The key or queue that such a write goes to, and the seconds after which it ends by itself.
READY, READY_SECONDS = "webhooks:ready", 10


class Broker(ABC):
    """What gateway and workers ask of a broker. Each ability raises QueueUnavailable."""

    #: Its name for people.
    service: ClassVar[str]

    @property
    def attended(self) -> bool:
        """Whether what is announced reaches anyone; if not, whoever is asked to deliver does it alone."""
        return True

    @abstractmethod
    def announce(self, jobs: int) -> int:
        """Enqueue drain jobs until so many wait that no worker has fetched; return how many were added.

        Those that a worker has fetched do not count: a killed worker's would for minutes.
        """

    @abstractmethod
    def announce_later(self, milliseconds: int) -> None:
        """Enqueue one drain job that starts after so long."""

    @abstractmethod
    def take_turn(self, turn: str, *, owner: str, milliseconds: int) -> bool:
        """Return whether `turn` was free; if so it is taken for so long, and `owner` noted for who looks there."""

    @abstractmethod
    def ping(self) -> None:
        """Check that it takes a write, by a connection of its own, within some two seconds."""

    def unavailable(self, failure: str, cause: BaseException) -> QueueUnavailable:
        """Return the error for a failure. It names the cause's kind only: its text may hold the URL's password."""
        return QueueUnavailable(f"{self.service} {failure} ({type(cause).__name__})", service=self.service.lower())


class SharedBroker(dramatiq.Broker, Broker):
    """A broker of Dramatiq's that processes share, with these abilities more."""


class Calls(JSONEncoder):
    """Reads whatever lies in a queue as a wake-up call: of a message only its id and its time count.

    Who can write to the broker must not stop a worker: what Dramatiq cannot read costs it three seconds each.
    """

    def decode(self, data: bytes) -> MessageData:
        """Return the fields of a wake-up call."""
        fields: Any = {}
        with suppress(DecodeError, RecursionError):
            fields = super().decode(data)
        given = fields.get("options") if isinstance(fields, dict) else None
        options = given if isinstance(given, dict) else {}
        kept: dict[str, Any] = {"redis_message_id": str(options.get("redis_message_id", ""))}
        if isinstance(eta := options.get("eta"), int):
            kept["eta"] = eta
        call = drain().asdict()
        # the queue of delayed messages is named in them
        delayed = isinstance(fields, dict) and fields.get("queue_name") == dq_name(QUEUE)
        return {**call, "queue_name": dq_name(QUEUE) if delayed else QUEUE, "options": kept}


def drain() -> dramatiq.Message[None]:
    """Return a new wake-up call."""
    return dramatiq.Message(queue_name=QUEUE, actor_name=DRAIN, args=(), kwargs={}, options={})
