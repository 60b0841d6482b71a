"""The client's ceiling: the worker's own client and concurrency, signed, with no database behind it.

`python -m bench.client URL ENDPOINTS COUNT CONCURRENCY [PER_SECOND]` prints seconds and CPU seconds as JSON; without a
rate it sends as fast as it can.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from itertools import count

from bench.loops import run
from bench.trusting import trust
from bench.world import DATA, EVENT
from supabase_webhooks.webhooks.deliveries import Endpoint, Message
from supabase_webhooks.webhooks.exact import compact
from supabase_webhooks.webhooks.settings import Settings
from supabase_webhooks.webhooks.signing import generate_secret, signature_headers
from supabase_webhooks.workers.adapters.cache import AdapterCache

BODY = json.dumps(
    {"event": EVENT, "timestamp": "", "actor_user_id": None, "data": DATA, "request_id": str(uuid.uuid4())}
)


async def main(url: str, endpoints: int, requests: int, concurrency: int, per_second: int = 0) -> None:
    """Send."""
    trust()
    settings = Settings.from_environment(os.environ)
    adapters = AdapterCache(settings)
    secret = generate_secret()
    targets = [
        Endpoint(id=str(uuid.uuid4()), url=f"{url}/hook/{n}", secrets=(secret,)) for n in range(1, endpoints + 1)
    ]
    numbers = count()

    async def send() -> None:
        while (number := next(numbers)) < requests:
            if per_second:
                await asyncio.sleep(begun + number / per_second - time.perf_counter())
            endpoint, identity = targets[number % endpoints], str(uuid.uuid4())
            body = compact(BODY).encode()
            headers = {
                "Content-Type": "application/json",
                "User-Agent": settings.user_agent,
                **signature_headers(endpoint.secrets, identity, int(time.time()), body),
            }
            message = Message(delivery_id=identity, endpoint_id=endpoint.id, body=body, headers=headers)
            async with adapters.use(endpoint) as adapter:
                await adapter.publish(message)

    begun, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send() for _ in range(concurrency)))
    print(json.dumps({"seconds": time.perf_counter() - begun, "cpu": time.process_time() - used}))
    await adapters.close()


if __name__ == "__main__":
    run(main(sys.argv[1], *map(int, sys.argv[2:6])))
