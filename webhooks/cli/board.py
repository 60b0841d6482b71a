"""`webhooks listen` in a terminal: the deliveries as a list, and keys to read, retry, copy and open them."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import webbrowser
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from rich.live import Live

from supabase_webhooks.webhooks.cli.inbox import Inbox
from supabase_webhooks.webhooks.cli.keys import Keys, usable
from supabase_webhooks.webhooks.cli.output import console
from supabase_webhooks.webhooks.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from supabase_webhooks.webhooks.cli.listener import Handled
    from supabase_webhooks.webhooks.store import Store

#: Where the dashboard is; `webhooks init` and `webhooks dev` write it to .env.
GATEWAY = "WEBHOOKS_GATEWAY_URL"

#: Bytes that terminals take by OSC 52: xterm ends a sequence at 100,000 characters of base64.
COPIED_AT_MOST = 74_000

#: Lines that "page up" and "page down" move by, and more than there are.
PAGE, FAR = 10, 1_000_000


def possible() -> bool:
    """Return whether there is a terminal to show a list in, and keys to press."""
    screen = console()
    return screen.is_terminal and not screen.is_dumb_terminal and usable()


class Board:
    """A context manager: the screen is the list's until its end, then as before. `leave` ends the listener."""

    def __init__(self, store: Store, leave: Callable[[], object]) -> None:
        self.inbox = Inbox()
        self.received = self.failed = 0
        self._store = store
        self._live = Live(self.inbox, console=console(), screen=True, auto_refresh=False)
        self._exit = ExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        move = self.inbox.move
        self._keys: dict[str, Callable[[], object]] = {
            **dict.fromkeys(("up", "k"), lambda: move(-1)), **dict.fromkeys(("down", "j"), lambda: move(1)),
            "page up": lambda: move(-PAGE), "page down": lambda: move(PAGE),
            "home": lambda: move(-FAR), "end": lambda: move(FAR),
            "enter": self.inbox.read, "escape": self.inbox.leave, "q": leave,
            "r": lambda: self._begin(self._retry), "o": lambda: self._begin(self._open),
            "c": lambda: self._of_chosen(self._copy),
        }  # fmt: skip

    def __enter__(self) -> Self:
        with self._exit as exits:
            exits.enter_context(self._live)
            exits.enter_context(Keys(self._press))
            loop = asyncio.get_running_loop()
            # a terminal of another size; Ctrl-Z would leave the screen to the shell
            for name, do in (("SIGWINCH", self._live.refresh), ("SIGTSTP", lambda: None)):
                with suppress(NotImplementedError, AttributeError):
                    loop.add_signal_handler(getattr(signal, name), do)
                    exits.callback(loop.remove_signal_handler, getattr(signal, name))
            self._exit = exits.pop_all()
        self._live.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        self._exit.close()

    def add(self, one: Handled) -> None:
        """Show a delivery."""
        self.received += 1
        self.failed += one.error is not None
        self.inbox.add(one)
        self._live.refresh()

    def entitle(self, title: str) -> None:
        """Show what is listened to."""
        self.inbox.title = title
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
            self.inbox.said = "There is no delivery yet."

    def _begin(self, do: Callable[[Handled], Coroutine[None, None, None]]) -> None:
        def begin(one: Handled) -> None:
            task = asyncio.get_running_loop().create_task(do(one))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._of_chosen(begin)

    async def _retry(self, one: Handled) -> None:
        self.say(f"Sending {one.id[:8]} again.")
        try:
            await self._store.call("retry_webhook_delivery", {"delivery_id": one.id})
        except StoreError as exc:
            self.say(f"It was not sent again: {exc}")

    async def _open(self, one: Handled) -> None:
        gateway = os.environ.get(GATEWAY, "").rstrip("/")
        if not gateway.startswith(("http://", "https://")):
            self.say(f"Set {GATEWAY} to the http(s) address of your gateway, where the dashboard is.")
            return
        address = f"{gateway}/deliveries/{one.id}"
        opened = await asyncio.to_thread(webbrowser.open, address)
        self.say(f"Opened {address}" if opened else f"There is no browser to open {address}")

    def _copy(self, one: Handled) -> None:
        """Copy the payload, or the id of a long one, by the terminal itself (xterm's OSC 52): over SSH too."""
        body = one.received.body
        what, text = ("payload", body) if len(body) <= COPIED_AT_MOST else ("id", one.id.encode())
        file = self._live.console.file
        file.write(f"\x1b]52;c;{base64.b64encode(text).decode()}\x07")
        file.flush()
        self.inbox.said = f"Copied the {what} of {one.id[:8]}, {len(text):,} bytes, if your terminal allows it."
