"""A running listener: it claims its deliveries, signs and verifies each, forwards it if asked, and reports back."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import httpx

from supabase_webhooks.webhooks.cli.output import note
from supabase_webhooks.webhooks.cli.received import FORWARD_TIMEOUT, Received
from supabase_webhooks.webhooks.deliveries import excerpt
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable
from supabase_webhooks.webhooks.exact import compact
from supabase_webhooks.webhooks.signing import signature_headers, verification_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supabase_webhooks.webhooks.store import Store

#: Seconds between two claims that found nothing.
PAUSE = 1.0

#: Deliveries claimed at once where nothing is forwarded; the database returns at most as many.
BATCH = 20


@dataclass(frozen=True)
class Handled:
    """A delivery that was verified and, if asked, forwarded.

    `status`, `response`: the response's, and the start of its body; `error`: why it failed. `at` is local time.
    """

    id: str
    event: str
    attempt: int
    received: Received
    status: int | None
    error: str | None
    response: str | None
    at: datetime
    duration_ms: int


def note_trouble(text: str | None) -> None:
    """Print what is wrong; nothing once it is over."""
    if text:
        note(text)


class Listener:
    """A listener of the project: claims its deliveries, handles one after the other, and reports the results.

    `show` is called with each delivery, before its result is reported; `trouble` with what is wrong, and with None once
    it is over.
    """

    def __init__(
        self, store: Store, started: dict[str, Any], show: Callable[[Handled], None],
        *, user_agent: str, secret: str, url: str | None, trouble: Callable[[str | None], None],
    ) -> None:  # fmt: skip
        self.id, self.name = started["id"], started["name"]
        self._store = store
        self._show = show
        self._trouble = trouble
        self._user_agent = user_agent
        self._secret = secret
        self._url = url
        self._complained = False
        #: Whether the last delivery succeeded.
        self.delivered = False

    @classmethod
    async def start(
        cls, store: Store, events: Sequence[str], show: Callable[[Handled], None],
        *, user_agent: str, secret: str, url: str | None = None, trouble: Callable[[str | None], None] = note_trouble,
    ) -> Self:  # fmt: skip
        """Create the listener's endpoint. Raises StoreError if an event does not exist, and for all but admins."""
        started = await store.call("start_webhook_listener", {"events": list(events)})
        return cls(store, started, show, user_agent=user_agent, secret=secret, url=url, trouble=trouble)

    async def deliver(self, how_many: int) -> int:
        """Claim, handle and report up to this many deliveries, or wait a moment; return how many there were."""
        claimed = await self._call("claim_for_webhook_listener", batch_size=how_many)
        if not claimed["deliveries"]:
            await asyncio.sleep(PAUSE)
            return 0
        results = [await self._handle(delivery) for delivery in claimed["deliveries"]]
        await self._call("record_for_webhook_listener", results=results)
        return len(results)

    async def stop(self) -> None:
        """Delete the endpoint with its deliveries."""
        try:
            while (await self._store.call("stop_webhook_listener", {"listener": self.id}))["more"]:
                pass
        except StoreError as exc:
            note(
                f"The listener's endpoint was not deleted ({exc}); workers delete it when it has been silent a minute."
            )

    async def _handle(self, delivery: dict[str, Any]) -> dict[str, Any]:
        started_at, clock = datetime.now(UTC), time.perf_counter()
        body = compact(delivery["body"]).encode()
        signed = signature_headers([self._secret], delivery["id"], int(started_at.timestamp()), body)
        headers = {"content-type": "application/json", "user-agent": self._user_agent}
        headers |= {name.lower(): value for name, value in signed.items()}
        problem = verification_problem(self._secret, headers, body, now=time.time())
        response: tuple[int | None, str | None, str | None] = (200, None, None)
        if problem:
            response = (None, None, f"not verified: {problem}")
        elif self._url:
            response = await self._forward(self._url, headers, body)
        status, kept, error = response
        self.delivered = error is None
        received = Received(headers=headers, body=body, verified=not problem, problem=problem)
        took = round((time.perf_counter() - clock) * 1000)
        self._show(
            Handled(
                delivery["id"], delivery["event_type"], delivery["attempt"], received, status, error, kept,
                started_at.astimezone(), took,
            )
        )  # fmt: skip
        return {
            "delivery_id": delivery["id"], "lease_id": delivery["lease_id"], "attempt": delivery["attempt"],
            "started_at": started_at.isoformat(), "duration_ms": took,
            "delivered": self.delivered, "response_status": status, "response_excerpt": kept, "error": error,
        }  # fmt: skip

    async def _forward(
        self, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int | None, str | None, str | None]:
        """Return the app's status, the start of its response, and why it is a failure."""
        try:
            async with (
                asyncio.timeout(FORWARD_TIMEOUT),
                httpx.AsyncClient(timeout=FORWARD_TIMEOUT, trust_env=False) as client,
            ):
                response = await client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as exc:
            # without the URL, which is the developer's own
            return None, None, f"the app behind webhooks listen did not respond ({type(exc).__name__})"
        error = None if response.is_success else f"HTTP {response.status_code}"
        return response.status_code, excerpt(response.text), error

    async def _call(self, function: str, **arguments: Any) -> Any:  # noqa: ANN401 - whatever the function returns
        """Call one of the listener's functions, again and again while Supabase does not respond."""
        while True:
            try:
                result = await self._store.call(function, {"listener": self.id, **arguments})
            except StoreUnavailable as exc:
                if not self._complained:
                    self._trouble(f"{exc}; trying again")
                self._complained = True
                await asyncio.sleep(PAUSE)
            else:
                if self._complained:
                    self._trouble(None)
                self._complained = False
                return result
