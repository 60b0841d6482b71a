"""Keys of a terminal as they are pressed, without Enter."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

# Windows has neither
with suppress(ImportError):
    import termios
    import tty

#: What terminals send for keys that have no letter (ECMA-48; xterm's "PC-Style Function Keys").
NAMES = {
    "\x1b[A": "up", "\x1bOA": "up", "\x1b[B": "down", "\x1bOB": "down", "\x1b[5~": "page up", "\x1b[6~": "page down",
    "\x1b[H": "home", "\x1bOH": "home", "\x1b[1~": "home", "\x1b[F": "end", "\x1bOF": "end", "\x1b[4~": "end",
    "\r": "enter", "\n": "enter", "\x1b": "escape", "\x7f": "escape",
}  # fmt: skip

KEY = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[\s\S]")

#: The beginning of such a key, or Escape itself.
BEGUN = re.compile(r"\x1b(?:\[[0-9;]*|O)?\Z")

#: Seconds for the rest of a key that a network has delivered in two parts.
PATIENCE = 0.05


def usable() -> bool:
    """Return whether someone can press keys here: stdin is a terminal, and this process is in its foreground."""
    if "termios" not in sys.modules or sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        # one in the background (`webhooks listen &`) is stopped when it changes the terminal
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        # it is not this session's terminal, which stops no one
        return True


class Keys:
    """A context manager that calls back with each key: its name, or what was typed. At its end all is as before.

    Ctrl-C remains a signal. `gone` is called when the terminal is closed.
    """

    def __init__(self, pressed: Callable[[str], None], gone: Callable[[], object]) -> None:
        self._pressed = pressed
        self._gone = gone
        self._file = sys.stdin.fileno()
        self._typed = ""
        self._waiting: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._before = termios.tcgetattr(self._file)
        tty.setcbreak(self._file)
        self._loop.add_reader(self._file, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        with suppress(termios.error):  # it is closed
            termios.tcsetattr(self._file, termios.TCSAFLUSH, self._before)

    def _stop(self) -> None:
        self._loop.remove_reader(self._file)
        if self._waiting:
            self._waiting.cancel()

    def _read(self) -> None:
        typed = b""
        with suppress(OSError):
            typed = os.read(self._file, 1024)
        if not typed:
            self._stop()
            self._gone()
            return
        if self._waiting:
            self._waiting.cancel()
        self._typed += typed.decode(errors="ignore")
        if BEGUN.search(self._typed):
            self._waiting = self._loop.call_later(PATIENCE, self._press)
        else:
            self._press()

    def _press(self) -> None:
        typed, self._typed = self._typed, ""
        for key in KEY.findall(typed):
            self._pressed(NAMES.get(key, key))
