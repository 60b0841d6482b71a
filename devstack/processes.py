"""Child processes that end with their parent, however that ends."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from devstack.errors import ChildDiedError, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PR_SET_PDEATHSIG = 1
TAIL_LINES = 20
POLL_SECONDS = 0.05


class Child:
    """A running program with its output in a log file; stopped by `stop`, or by its parent's end.

    `death_signal` is what the kernel sends when the parent dies without a word (Linux). Start children from the
    main thread: the kernel watches the thread that forked.
    """

    def __init__(  # noqa: PLR0913 - as subprocess.Popen
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: int | None = None,
        death_signal: signal.Signals = signal.SIGTERM,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._log_start = output.tell()
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=cwd,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                # not the terminal's group: Ctrl-C is for the parent, which ends its children in order
                start_new_session=True,
                preexec_fn=_die_with(death_signal, os.getpid()),  # noqa: PLW1509 - one prctl call, no locks
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def running(self) -> bool:
        """Return whether the process lives."""
        return self.process.poll() is None

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float = 120) -> None:
        """Wait until `ready()`; raise ChildDiedError or NotReadyError with the tail of the log."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise NotReadyError(
                    f"{self.name} was not ready after {seconds:g} s; the end of {self.log}:\n{self.tail()}"
                )
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """Raise ChildDiedError when the process has ended."""
        if not self.running():
            code = self.process.returncode
            raise ChildDiedError(f"{self.name} ended with exit code {code}; the end of {self.log}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines that this process logged."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:]) or "    (nothing was logged)"

    def stop(self, *, seconds: float = 20) -> None:
        """End the process: politely, then after `seconds` for good."""
        if self.running():
            self.process.send_signal(self._stop_signal)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill the process and all that it started."""
        if self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Service:
    """A part of the system that runs as one child, which `start` of the subclass makes."""

    child: Child | None = None

    def stop(self) -> None:
        """Stop it, if it was started."""
        if self.child:
            self.child.stop()

    def check(self) -> None:
        """Raise ChildDiedError when it was started and has ended."""
        if self.child:
            self.child.check()


def _die_with(death_signal: signal.Signals, parent: int) -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None  # elsewhere a killed parent leaves its children; Ctrl-C and SIGTERM do not
    libc = ctypes.CDLL(None, use_errno=True)

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arrange


#: Ports that systems leave alone: Linux gives outgoing connections those from 32768, macOS those from 49152.
PORTS = range(10_240, 32_768)


def free_port() -> int:
    """Return a TCP port of the loopback address that no one uses.

    None that the system gives outgoing connections: while a server is down, one of those would take its port, even the
    connection of a client that tries to reach it there.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listening(port: int) -> bool:
    """Return whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def exit_on_sigterm() -> None:
    """Turn SIGTERM into SystemExit, so that context managers end their children."""

    def leave(number: int, _: object) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
