"""`python -m gateway`: uvicorn, which ends in order however often it is told to. `webhooks gateway` sets it up."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from gateway.connection import BOUNDED
from webhooks.settings import Settings

if TYPE_CHECKING:
    from types import FrameType


#: The share of the grace period in which requests may finish; the rest is for the application's end.
FINISHING = 0.8

#: uvicorn's own exit code.
STARTUP_FAILED = 3


class Server(uvicorn.Server):
    """Finishes the requests in flight within the grace period; the kernel ends what takes longer."""

    grace: float

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the first signal; a further one must not cut requests off."""
        if not self.should_exit:
            signal.setitimer(signal.ITIMER_REAL, self.grace)
            super().handle_exit(sig, frame)


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m gateway")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    settings = Settings.from_environment(os.environ)
    server = Server(
        uvicorn.Config(
            "gateway.main:app",
            factory=True,
            host=given.host,
            port=given.port,
            timeout_graceful_shutdown=max(1, int(settings.shutdown_seconds * FINISHING)),
            **BOUNDED,
        )
    )
    server.grace = settings.shutdown_seconds
    # a closed terminal or SSH session ends it as a supervisor does
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILED)


if __name__ == "__main__":
    main()
