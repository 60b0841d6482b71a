"""The first generation's algorithm: 50 rows a run, one after the other, a PATCH each. `python -m bench.generation`.

Here with a client that keeps its connections; the first generation's made new ones. Prints seconds and CPU seconds.
"""

from __future__ import annotations

import json
import os
import sys
import time

import httpx

from supabase_webhooks.webhooks.signing import signature_headers

RUN = 50


def main(rows: int) -> None:
    """Deliver this many rows."""
    key = os.environ["SUPABASE_SERVICE_ROLE_KEY"]
    rest = httpx.Client(base_url=f"{os.environ['SUPABASE_URL']}/rest/v1", headers={"apikey": key}, trust_env=False)
    client = httpx.Client(trust_env=False)
    # it read them with each row; now REST returns no such column
    secrets = {
        one["webhook_config_id"]: one["secret_key"]
        for one in rest.post("/rpc/list_webhook_secrets").raise_for_status().json()
    }
    begun, used, done = time.perf_counter(), time.process_time(), 0
    while done < rows:
        found = rest.get(
            "/webhook_deliveries",
            params={
                "select": "id,payload,attempts,webhook_configurations(id,url)",
                "status": "eq.pending",
                "order": "created_at",
                "limit": str(RUN),
            },
        )
        for row in found.raise_for_status().json():
            endpoint = row["webhook_configurations"]
            body = json.dumps(row["payload"], separators=(",", ":")).encode()
            headers = signature_headers([secrets[endpoint["id"]]], row["id"], int(time.time()), body)
            response = client.post(endpoint["url"], content=body, headers=headers)
            result = {
                "status": "delivered",
                "attempts": row["attempts"] + 1,
                "response_status": response.status_code,
                "response_body": response.text[:1000],
            }
            rest.patch("/webhook_deliveries", params={"id": f"eq.{row['id']}"}, json=result).raise_for_status()
            done += 1
    print(json.dumps({"rows": done, "seconds": time.perf_counter() - begun, "cpu": time.process_time() - used}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
