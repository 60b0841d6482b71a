"""Edge-compatible: nothing happens at import or start-up, and a serverless adapter runs it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import warnings
from typing import Any

import pytest

from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.webhooks.settings import Settings
from tests.conftest import ROOT

with warnings.catch_warnings():
    # mangum's own import, not ours
    warnings.simplefilter("ignore", DeprecationWarning)
    from mangum import Mangum

QUIET_START = """
import socket, sys, threading

def rejected(*_):
    raise AssertionError("a connection was opened")

socket.socket.connect = socket.socket.connect_ex = rejected
from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.webhooks.settings import Settings
url = sys.argv[1]
where = {"broker_url" if url.startswith("amqp") else "redis_url": url}
create_app(Settings(supabase_url="http://127.0.0.1:9", service_key="k", **where))
assert threading.active_count() == 1, threading.enumerate()
workers = "supabase_webhooks.workers"
unwanted = {workers, "boto3", "botocore", "google.cloud", "confluent_kafka", "aiokafka", "pybreaker"}
loaded = unwanted & set(sys.modules)
assert not loaded, loaded
assert ("pika" in sys.modules, "redis" in sys.modules) == (url.startswith("amqp"), url.startswith("redis"))
"""


@pytest.mark.parametrize("broker_url", ["", "redis://127.0.0.1:9", "amqp://guest:guest@127.0.0.1:9/"])
def test_start_up_opens_no_thread_and_no_connection(broker_url: str) -> None:
    """And loads no protocol SDK, no worker, and the client of no other broker."""
    command = [sys.executable, "-c", QUIET_START, broker_url]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/functions/v1/webhook-health", 401), ("/none", 404)])
def test_it_runs_under_mangum(path: str, status: int) -> None:
    """As an AWS Lambda function behind API Gateway (payload format 2.0)."""
    app = create_app(Settings(supabase_url="http://127.0.0.1:9", service_key="k", redis_url="redis://127.0.0.1:9"))
    event: dict[str, Any] = {
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {"host": "example.com"}, "isBase64Encoded": False,
        "requestContext": {"http": {"method": "GET", "path": path, "sourceIp": "1.2.3.4", "protocol": "HTTP/1.1"}},
    }  # fmt: skip
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        answer = Mangum(app, lifespan="off")(event, object())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert answer["statusCode"] == status
    assert json.loads(answer["body"])
