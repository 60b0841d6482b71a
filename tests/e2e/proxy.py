"""A proxy before Supabase, as Kong is: it passes everything on, or rejects requests for a while."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx

from devstack.receiver import Reply

#: What PostgREST says to a token that its clock takes for one of the future.
NOT_YET = Reply(401, b'{"code":"PGRST303","message":"JWT issued at future"}', {"Content-Type": "application/json"})

#: What Kong says to a key that it does not know (yet).
NO_KEY = Reply(401, b'{"message":"Invalid API key"}', {"Content-Type": "application/json"})

#: What Postgres says while grants are restored, by way of PostgREST.
NO_GRANT = Reply(403, b'{"code":"42501","message":"permission denied"}', {"Content-Type": "application/json"})

#: What Supabase Auth says to an address that has asked too often.
TOO_MANY = Reply(
    429,
    b'{"code":429,"error_code":"over_request_rate_limit","msg":"Request rate limit reached"}',
    {"Content-Type": "application/json"},
)


class Proxy:
    """A context manager. `asked` and `sent` are the requests' paths and bodies.

    Paths that start with a rejected prefix get its reply.
    """

    def __init__(self, target: str) -> None:
        self.asked: list[str] = []
        self.sent: list[bytes] = []
        self.refused: dict[str, tuple[Reply, float]] = {}
        self._client = httpx.Client(base_url=target, trust_env=False, timeout=30)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def refuse(self, prefix: str, reply: Reply, seconds: float) -> None:
        """Reply like this for a while."""
        self.refused[prefix] = (reply, time.monotonic() + seconds)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        self.asked.append(path)
        self.sent.append(body)
        if reply := self._rejected(path):
            return reply
        passed = {name: value for name, value in headers.items() if name.lower() not in {"host", "accept-encoding"}}
        response = self._client.request(method, path, headers=passed, content=body)
        kept = {"content-type", "content-range", "location"}
        return Reply(
            response.status_code, response.content, {n: v for n, v in response.headers.items() if n.lower() in kept}
        )

    def _rejected(self, path: str) -> Reply | None:
        for prefix, (reply, until) in self.refused.items():
            if path.startswith(prefix) and time.monotonic() < until:
                return reply
        return None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                reply = proxy._answer(self.command, self.path, dict(self.headers.items()), body)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_POST = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - the base class calls them so

            def log_message(self, *_: object) -> None: ...

        return Handler
