"""A command in a pseudo-terminal, where a person types."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


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
        wide = {} if size else {"COLUMNS": str(columns)}
        if size:
            self._measure(size)
        self.before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            command, env={**variables, **wide}, cwd=folder,
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        # kept open for its settings, where it can be resized
        self.slave = slave if size else None
        if not size:
            os.close(slave)
        self.shown = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)
        if self.slave is not None:
            os.close(self.slave)

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
        self._measure((lines, columns))
        os.kill(self.process.pid, signal.SIGWINCH)

    def _measure(self, size: tuple[int, int]) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))

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
            self.shown += part.decode()
        return True
