"""A serverless host: `python -m tests.e2e.serverless PORT` runs the gateway under Mangum, one request at a time.

Each HTTP request becomes an event of API Gateway (payload format 2.0), as AWS Lambda gets it. Nothing runs between two.
"""

from __future__ import annotations

import asyncio
import sys
import warnings
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

with warnings.catch_warnings():
    # mangum's own import, not ours
    warnings.simplefilter("ignore", DeprecationWarning)
    from mangum import Mangum

from supabase_webhooks.gateway.main import app


def event(method: str, target: str, headers: dict[str, str], body: str) -> dict[str, Any]:
    """Return a request as API Gateway's event."""
    parts = urlsplit(target)
    http = {"method": method, "path": parts.path, "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"}
    return {
        "version": "2.0", "routeKey": "$default", "rawPath": parts.path, "rawQueryString": parts.query,
        "headers": {name.lower(): value for name, value in headers.items()}, "isBase64Encoded": False, "body": body,
        "requestContext": {"http": http},
    }  # fmt: skip


def main() -> None:
    """Serve until the process is ended."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    handle = Mangum(app(), lifespan="off")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._handle()

        def do_POST(self) -> None:
            self._handle()

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            response = handle(event(self.command, self.path, dict(self.headers), body), None)  # type: ignore[arg-type]
            self.send_response(response["statusCode"])
            self.end_headers()
            self.wfile.write(response["body"].encode())

        def log_message(self, *_: object) -> None: ...

    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
