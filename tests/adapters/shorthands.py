"""Shorthands for tests of adapters: a claimed delivery, and one attempt of it."""

from __future__ import annotations

import json
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devstack.node import environment, install, node
from supabase_webhooks.webhooks.deliveries import Attempt, Delivery, Endpoint
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.webhooks.signing import generate_secret
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.delivery import attempt
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = generate_secret()
BODY = '{"data": {"text": "Grüße 🎉", "n": 9007199254740993}, "event": "x.y", "actor_user_id": "u-1"}'
SENT = '{"data":{"text":"Grüße 🎉","n":9007199254740993},"event":"x.y","actor_user_id":"u-1"}'.encode()
ID = "3f1c1e2a-0b1d-4c3e-9f5a-2b7d8e9f0a11"


def make_settings(**more: Any) -> Settings:
    """Return settings for these tests."""
    needed = {"supabase_url": "http://x", "service_key": "k", "anon_key": "a", "redis_url": "r", "allow_http": True}
    return Settings(**{**needed, "allowed_networks": "127.0.0.0/8, ::1", **more})


def make_delivery(url: str, *, id: str = ID, body: str = BODY, **endpoint: Any) -> Delivery:  # noqa: A002 - its name
    """Return a claimed delivery to an endpoint with a secret, unless `endpoint` says otherwise."""
    settings = {"id": "c", "url": url, "secrets": (SECRET,), **endpoint}
    return Delivery(id=id, event_type="x.y", attempt=1, endpoint=Endpoint(**settings), body=body, lease_id="l")


@asynccontextmanager
async def adapter_cache(**more: Any) -> AsyncIterator[AdapterCache]:
    """Yield a cache of adapters and close it."""
    cache = AdapterCache(make_settings(**more))
    try:
        yield cache
    finally:
        await cache.close()


async def deliver(url: str, *, endpoint: dict[str, Any] | None = None, **more: Any) -> Attempt:
    """Attempt one delivery with adapters of its own; `more` are settings."""
    async with adapter_cache(**more) as cache:
        return await attempt(make_delivery(url, **(endpoint or {})), cache, make_settings(**more))


def run_in_node(script: str, **variables: str) -> list[dict[str, Any]]:
    """Run a script alongside this file in Node, to its end; return the lines of JSON that it printed, by id."""
    packages = install(say=quiet)
    (packages / script).write_text((Path(__file__).parent / script).read_text())
    done = subprocess.run(
        [node(), script], cwd=packages, env={**environment(), **variables}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return sorted(map(json.loads, done.stdout.splitlines()), key=lambda message: str(message["id"]))
