"""The worker's composition root: `dramatiq workers.main:main`, or `webhooks worker`, which sets it up."""

from __future__ import annotations

import logging
import os
import resource
import socket

import dramatiq

from webhooks.queue import create_broker
from webhooks.settings import Settings
from webhooks.store import Store
from workers.actors import Lifecycle, Worker
from workers.adapters.cache import AdapterCache


def main() -> None:
    """Wire a worker from the environment. Dramatiq calls it once in each process."""
    # httpx says a line for each request, with its URL: an endpoint's URL may hold a token
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # connections are kept for each endpoint: as many files as the system allows
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    settings = Settings.from_environment(os.environ)
    lifecycle = Lifecycle()
    broker = create_broker(settings.redis_url, [lifecycle])
    dramatiq.set_broker(broker)
    lifecycle.worker = Worker(
        Store(settings),
        AdapterCache(settings),
        broker,
        settings,
        name=f"{socket.gethostname()}:{os.getpid()}",
    )
    lifecycle.sweep = settings.sweep_seconds > 0
    lifecycle.worker.declare()
