"""Signals: the first one stops a worker process gracefully, further ones change nothing, and it always ends."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

#: What ends a process: a supervisor's signal, and that of a closed terminal or SSH session.
ENDING = (signal.SIGTERM, signal.SIGHUP)


def obey_first(stop: Callable[[], None], *, seconds: float) -> None:
    """Stop at the first signal, with Dramatiq's own handler and `stop`; after `seconds` the kernel ends the process.

    A signal to the whole process group comes twice, as Dramatiq's first process passes it on, and Dramatiq's handler
    would end a process at the second one in the middle of its shutdown.
    """
    handler = signal.getsignal(signal.SIGTERM)
    # not SIG_IGN: one that has come already would be an error
    stopping = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        if stopping:
            return
        stopping = True
        # not a thread: a call that holds the interpreter would hold it too
        signal.setitimer(signal.ITIMER_REAL, seconds)
        if callable(handler):
            handler(number, frame)
        stop()

    for one in ENDING:
        signal.signal(one, handle)
