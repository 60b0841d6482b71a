"""The worker's composition root, for Dramatiq's command line; `webhooks worker` sets it up."""

from __future__ import annotations

import asyncio
import os
import sys

import dramatiq
import uvloop

from supabase_webhooks.webhooks import environment, logs
from supabase_webhooks.webhooks.queue import Calls, create_broker
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.workers.actors import Lifecycle, declare
from supabase_webhooks.workers.signals import obey_first
from supabase_webhooks.workers.wiring import allow_many_files, collect_seldom, make_worker


def main() -> None:
    """Wire a worker from the environment. Dramatiq calls it once in each process."""
    allow_many_files()
    environment.load(os.environ)
    settings = Settings.from_environment(os.environ)
    # Dramatiq's stderr is a pipe to its first process, which writes everything again: a fifth of a worker's CPU
    logs.configure(settings, sys.__stderr__)
    # Dramatiq makes its loop after this
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    lifecycle = Lifecycle(metrics=bool(settings.metrics_listen))
    obey_first(lifecycle.stop_claims, seconds=settings.shutdown_seconds)
    broker = create_broker(settings.queue_url, [lifecycle])
    dramatiq.set_broker(broker)
    dramatiq.set_encoder(Calls())
    lifecycle.worker = make_worker(settings, broker, os.environ)
    lifecycle.sweep = settings.sweep_seconds > 0
    declare(lifecycle.worker, broker)
    collect_seldom()
