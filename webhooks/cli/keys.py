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
    "\x1b[H": "home", "\x1b[F": "end", "\r": "enter", "\n": "enter", "\x1b": "escape", "\x7f": "escape",
}  # fmt: skip

KEY = re.compile(r"\x1b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[\s\S]")


def usable() -> bool:
    """Return whether someone can press keys here: stdin is a terminal that can be read key by key."""
    return "termios" in sys.modules and sys.stdin.isatty()


class Keys:
    """A context manager that calls back with each key: its name, or what was typed. At its end all is as before.

    Ctrl-C remains a signal.
    """

    def __init__(self, pressed: Callable[[str], None]) -> None:
        self._pressed = pressed
        self._file = sys.stdin.fileno()

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self._file)
        tty.setcbreak(self._file)
        asyncio.get_running_loop().add_reader(self._file, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._file)
        termios.tcsetattr(self._file, termios.TCSAFLUSH, self._before)

    def _read(self) -> None:
        typed = os.read(self._file, 1024).decode(errors="ignore")
        if not typed:
            # its other end is closed
            asyncio.get_running_loop().remove_reader(self._file)
        for key in KEY.findall(typed):
            self._pressed(NAMES.get(key, key))
