"""A command in a pseudo-terminal, where a person types."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


#: Runs a command in its session's own terminal: Ctrl-C and a new size become signals there.
OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A context manager: the command ends with it. `size`: lines and columns of a terminal that can be resized."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        variables: Mapping[str, str],
        folder: Path | None = None,
        columns: int = 200,
        size: tuple[int, int] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        width = {} if size else {"COLUMNS": str(columns)}
        if size:
            self.resize(*size)
            command = [sys.executable, "-c", OWN, *command]
        self.before = self.settings()
        # pytest's workers have a size in their environment, which would count more than the terminal's
        others = {name: value for name, value in variables.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, env={**others, **width}, cwd=folder,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self._open = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Close its window."""
        if self._open:
            os.close(self._master)
        self._open = False

    def settings(self) -> list[object]:
        """Return what `stty` shows."""
        return termios.tcgetattr(self._master)

    def until(self, text: str) -> str:
        """Read until a text that was not read yet; return everything up to here."""
        deadline = time.monotonic() + 90
        while text not in self.shown[self._seen :]:
            if not self._read(repr(text), deadline):
                pytest.fail(f"it ended before {text!r}:\n{self.shown}")
        self._seen = self.shown.index(text, self._seen) + len(text)
        return self.shown

    def type(self, text: str, *, hidden: bool = False) -> None:
        """Type a line; a hidden one once the terminal does not show what is typed."""
        while hidden and termios.tcgetattr(self._master)[3] & termios.ECHO:
            time.sleep(0.05)
        os.write(self._master, f"{text}\n".encode())

    def press(self, keys: str) -> None:
        """Press keys, without Enter."""
        os.write(self._master, keys.encode())

    def resize(self, lines: int, columns: int) -> None:
        """Make it larger or smaller."""
        self.lines = lines
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def watch(self, seen: Callable[[str], bool]) -> None:
        """Read until what it has shown is as wanted."""
        deadline = time.monotonic() + 90
        while not seen(self.shown):
            if not self._read("what is wanted", deadline):
                pytest.fail(f"it ended before:\n{self.shown}")
        self._seen = len(self.shown)

    def leave(self) -> int:
        """Type Ctrl-D until it ends, however late it begins to read; return its exit code."""
        while self.process.poll() is None:
            os.write(self._master, b"\x04")
            time.sleep(0.2)
        return self.end()

    def end(self) -> int:
        """Read to its end; return its exit code."""
        deadline = time.monotonic() + 120
        while self._read("its end", deadline):
            pass
        return self.process.wait(timeout=60)

    def _read(self, wanted: str, deadline: float) -> bool:
        """Read what it shows within a second; return whether it goes on. Fail after the deadline."""
        assert time.monotonic() < deadline, f"waited in vain for {wanted}:\n{self.shown}"
        if select.select([self._master], [], [], 1)[0]:
            try:
                part = os.read(self._master, 65536)
            except OSError:  # its other end is closed
                return False
            self.shown += self._decoder.decode(part)
        return True
