"""`webhooks listen` in a terminal: the deliveries as a list, and keys to read, retry, copy and open them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from rich.live import Live

from supabase_webhooks.webhooks.cli.browser import open_page
from supabase_webhooks.webhooks.cli.inbox import Inbox
from supabase_webhooks.webhooks.cli.keys import Keys, usable
from supabase_webhooks.webhooks.cli.output import console, copy, is_utf8
from supabase_webhooks.webhooks.cli.tables import SHORT
from supabase_webhooks.webhooks.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from supabase_webhooks.webhooks.cli.listener import Handled
    from supabase_webhooks.webhooks.store import Store

#: Bytes that terminals take by OSC 52: xterm ends a sequence at 100,000 characters of base64.
COPIED_AT_MOST = 74_000

#: More lines than there are.
FAR = 1_000_000

MORE = "g G Home End: first, last  Page Up, Page Down  Ctrl-C quits"
NONE = "There is no delivery yet."
UNKNOWN = "Which dashboard? Set WEBHOOKS_GATEWAY_URL or --gateway https://..."


def possible() -> bool:
    """Return whether there is a terminal to show a list in, and someone to press keys."""
    # FORCE_COLOR makes Rich take a pipe for a terminal; the list's shapes are beyond ASCII
    shows = sys.stdout.isatty() and console().is_interactive and is_utf8()
    return shows and usable() and not os.environ.get("CI")


class Board:
    """A context manager: the screen is the list's until its end, and as before afterwards. `leave` ends the listener.

    `gateway` is the address of the dashboard, or empty.
    """

    def __init__(self, store: Store, gateway: str, leave: Callable[[], object]) -> None:
        self.inbox = Inbox()
        self._store = store
        self._gateway = gateway.rstrip("/")
        self._leave = leave
        self._live = Live(self.inbox, console=console(), screen=True, auto_refresh=False)
        self._exit = ExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        move = self.inbox.move
        self._keys: dict[str, Callable[[], object]] = {
            **dict.fromkeys(("up", "k"), lambda: move(-1)), **dict.fromkeys(("down", "j"), lambda: move(1)),
            "page up": lambda: move(-self.inbox.room), "page down": lambda: move(self.inbox.room),
            **dict.fromkeys(("home", "g"), lambda: move(-FAR)), **dict.fromkeys(("end", "G"), lambda: move(FAR)),
            "enter": self.inbox.read, "escape": self.inbox.leave, "q": leave, "?": lambda: self.say(MORE),
            "r": lambda: self._begin(self._retry), "o": lambda: self._begin(self._open),
            "c": lambda: self._of_chosen(self._copy),
        }  # fmt: skip

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            # in this order: what is pressed once the list is there counts
            exits.enter_context(Keys(self._press, self._leave))
            exits.enter_context(self._live)
            loop = asyncio.get_running_loop()
            # a terminal of another size; Ctrl-Z would leave the screen to the shell
            for name, do in ((signal.SIGWINCH, self._live.refresh), (signal.SIGTSTP, lambda: None)):
                loop.add_signal_handler(name, do)
                exits.callback(loop.remove_signal_handler, name)
            self._exit = exits.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        with suppress(OSError):  # the terminal is closed
            self._exit.close()

    def add(self, one: Handled) -> None:
        """Show a delivery."""
        self.inbox.add(one)
        if one.attempt > 1:
            self.inbox.said = f"{one.id[:SHORT]}: attempt {one.attempt}, {one.error or f'returned {one.status}'}"
        self._live.refresh()

    def entitle(self, title: str) -> None:
        """Show what is listened to."""
        self.inbox.title = title
        self._live.refresh()

    def trouble(self, text: str | None) -> None:
        """Show what is wrong, until None."""
        self.inbox.trouble = text or ""
        self._live.refresh()

    def say(self, text: str) -> None:
        """Show a line until the next key."""
        self.inbox.said = text
        self._live.refresh()

    def _press(self, key: str) -> None:
        self.inbox.said = ""
        self._keys.get(key, lambda: None)()
        self._live.refresh()

    def _of_chosen(self, do: Callable[[Handled], object]) -> None:
        if one := self.inbox.chosen:
            do(one)
        else:
            self.say(NONE)

    def _begin(self, do: Callable[[Handled], Coroutine[None, None, None]]) -> None:
        def begin(one: Handled) -> None:
            task = asyncio.get_running_loop().create_task(do(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._of_chosen(begin)

    async def _retry(self, one: Handled) -> None:
        self.say(f"Sending {one.id[:SHORT]} again.")
        try:
            await self._store.call("retry_webhook_delivery", {"delivery_id": one.id})
        except StoreError as exc:
            self.say(f"{one.id[:SHORT]} was not sent again: {exc}")

    async def _open(self, one: Handled) -> None:
        if not self._gateway.startswith(("http://", "https://")):
            self.say(UNKNOWN)
            return
        page = f"{self._gateway}/deliveries/{one.id}"
        self.say(f"Opening {page}")
        self.say(f"Opened {page}" if await open_page(page) else f"No browser here opens {page}")

    def _copy(self, one: Handled) -> None:
        body = one.received.body
        what, data = ("payload", body) if len(body) <= COPIED_AT_MOST else ("id", one.id.encode())
        copy(self._live.console, data)
        self.say(f"Copied by your terminal: the {what} of {one.id[:SHORT]} ({len(data):,} bytes)")
