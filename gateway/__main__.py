"""`python -m supabase_webhooks.gateway`: uvicorn, which shuts down cleanly however many signals it gets.

`webhooks gateway` and `webhooks serve` set it up.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.gateway.connection import BOUNDED
from supabase_webhooks.gateway.engine import Engine, background
from supabase_webhooks.webhooks import environment, logs
from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.queue import Local, broker_for
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    import socket
    from types import FrameType

    from litestar import Litestar

    from supabase_webhooks.gateway.engine import Background

logger = logging.getLogger(__name__)

#: The share of the grace period in which requests may finish; the rest is for the application's end.
FINISHING = 0.8

#: uvicorn's own exit code.
STARTUP_FAILED = 3


class Server(uvicorn.Server):
    """Finishes requests and deliveries in flight within the grace period; the kernel ends what takes longer."""

    def __init__(self, config: uvicorn.Config, engine: Engine, worker: Background | None, *, grace: float) -> None:
        super().__init__(config)
        self._engine = engine
        self._worker = worker
        self._grace = grace
        self._loop: asyncio.AbstractEventLoop | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the first signal; a further one must not cut requests off."""
        if not self.should_exit:
            signal.setitimer(signal.ITIMER_REAL, self._grace)
            super().handle_exit(sig, frame)
            if self._loop:
                self._loop.call_soon_threadsafe(self._stop_claims)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then deliver."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        if self._worker and not self.should_exit:
            self._worker.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests, then the deliveries, which went on meanwhile."""
        await super().shutdown(sockets)
        if self._worker:
            await self._worker.close()

    def _stop_claims(self) -> None:
        self._engine.stop()
        if self._worker:
            self._worker.stop()


def main() -> None:
    """Serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m supabase_webhooks.gateway")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--deliver", action="store_true", help="with a worker in the same process")
    given = parser.parse_args()
    environment.load(os.environ)
    settings = Settings.from_environment(os.environ)
    local = Local()
    try:
        worker = background(settings, local, os.environ) if given.deliver else None
        broker = local if worker else broker_for(settings.queue_url)
    except SettingsError as exc:
        sys.exit(f"webhooks: {exc}")
    engine = Engine(settings)

    def app() -> Litestar:
        # after uvicorn has set up its own
        logs.configure(settings)
        logger.info("project %s", settings.host)
        if worker and settings.queue_url:
            logger.warning("the broker is not used: this process delivers on its own; see docs/scaling.md")
        return create_app(settings, broker=broker, engine=engine, registries=[worker.registry] if worker else [])

    config = uvicorn.Config(
        app,
        factory=True,
        host=given.host,
        port=given.port,
        timeout_graceful_shutdown=max(1, int(settings.shutdown_seconds * FINISHING)),
        **BOUNDED,
    )
    server = Server(config, engine, worker, grace=settings.shutdown_seconds)
    # a closed terminal or SSH session ends it as a supervisor does
    signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILED)


if __name__ == "__main__":
    main()
