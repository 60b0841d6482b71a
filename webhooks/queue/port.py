"""The port: what a broker does for us, in addition to what Dramatiq requires of shared ones."""

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

#: Seconds to wait for a broker. The gateway must respond to a cron, and the workers' sweep retries.
TIMEOUT = 3.0

#: Seconds within which a broker must accept a write to count as ready.
READY_TIMEOUT = 1.5

#: The key or queue that such a write goes to, and the seconds after which it expires.
READY, READY_SECONDS = "webhooks:ready", 10


class Broker(ABC):
    """What gateway and workers need from a broker. Each method raises QueueUnavailable."""

    #: Its name for people.
    service: ClassVar[str]

    @property
    def attended(self) -> bool:
        """Whether announcements reach a worker; if not, the process that is asked to deliver does it alone."""
        return True

    @abstractmethod
    def announce(self, jobs: int) -> int:
        """Enqueue drain jobs until `jobs` of them wait unfetched; return how many were added.

        Jobs that a worker has fetched do not count: a killed worker's would count for minutes.
        """

    @abstractmethod
    def announce_later(self, milliseconds: int) -> None:
        """Enqueue one drain job that starts after a delay."""

    @abstractmethod
    def take_turn(self, turn: str, *, owner: str, milliseconds: int) -> bool:
        """Return whether `turn` was free; if so, take it for this long, and note `owner` for debugging."""

    @abstractmethod
    def ping(self) -> None:
        """Check within about two seconds, over a separate connection, that it accepts a write."""

    def unavailable(self, failure: str, cause: BaseException) -> QueueUnavailable:
        """Return the error for a failure. It names only the cause's type: its text may contain the URL's password."""
        return QueueUnavailable(f"{self.service} {failure} ({type(cause).__name__})", service=self.service.lower())


class SharedBroker(dramatiq.Broker, Broker):
    """A Dramatiq broker that processes share, with these additional methods."""


class Calls(JSONEncoder):
    """Reads any message in a queue as a wake-up call: only a message's id and time count.

    Someone who can write to the broker must not stop a worker: a message that Dramatiq cannot read costs three seconds.
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
