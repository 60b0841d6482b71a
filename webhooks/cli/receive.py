"""`webhooks receive`: a receiver on this machine, for an endpoint whose URL leads here."""

from __future__ import annotations

import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Annotated

import httpx
import typer

from supabase_webhooks.webhooks.cli.output import WRONG, AsJson, complain, note, print_line
from supabase_webhooks.webhooks.cli.received import FORWARD_TIMEOUT, Received, target
from supabase_webhooks.webhooks.signing import key_bytes, verification_problem

#: Headers of one connection, which are not forwarded (RFC 9110, section 7.6.1), and those that httpx sets.
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}


def receive(
    port: Annotated[int, typer.Option(help="Port to listen on; 0: a free one.")] = 4242,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    secret: Annotated[
        str,
        typer.Option(envvar="WEBHOOKS_LISTEN_SECRET", show_envvar=True, help="The endpoint's secret: verify with it."),
    ] = "",
    forward_to: Annotated[
        str | None,
        typer.Option("--forward-to", help="localhost:3000/path: forward each request, and return its response."),
    ] = None,
    status: Annotated[
        int, typer.Option(help="The status code to return without --forward-to.", min=200, max=599)
    ] = 200,
    count: Annotated[int, typer.Option(help="Exit after this many requests; 0: at Ctrl-C.", min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Receive webhooks at a port of this machine: verify, show and forward them.

    For an endpoint whose URL leads here, by a tunnel for example; `webhooks listen` needs none. JSON: one line each.
    Exits with 1 if one was not verified.
    """
    if secret:
        key_bytes(secret)  # raises for a broken one
    server = Listener(
        (host, port), secret=secret, target=target("--forward-to", forward_to), status=status, as_json=as_json
    )
    with server:
        note(f"Listening on {server.url}" + (f", forwarding to {server.target}" if server.target else ""))
        if not secret:
            note("Without --secret signatures are shown, not verified.")
        try:
            while not count or server.received < count:
                server.handle_request()
        except KeyboardInterrupt:
            pass
    raise typer.Exit(1 if server.unverified else 0)


class Listener(HTTPServer):
    """The server and its counts. Requests are handled one at a time, so that the output is in order."""

    #: As many as a worker has in flight by default: the others wait their turn.
    request_queue_size = 200

    def __init__(
        self, address: tuple[str, int], *, secret: str, target: str | None, status: int, as_json: bool
    ) -> None:
        try:
            super().__init__(address, _Handler)
        except OSError as exc:
            complain(f"cannot listen on {address[0]}:{address[1]} ({exc.strerror}); choose another --port")
            raise typer.Exit(WRONG) from exc
        self.secret, self.target, self.status, self.as_json = secret, target, status, as_json
        self.received = self.unverified = 0
        self.client = httpx.Client(timeout=FORWARD_TIMEOUT, follow_redirects=False, trust_env=False)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    # 1.0: a connection that is kept alive would hold the only thread
    protocol_version = "HTTP/1.0"
    #: Seconds for a client that connects and says nothing.
    timeout = 10
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        problem = None
        if self.server.secret:
            problem = verification_problem(self.server.secret, headers, body, now=time.time())
        self.server.received += 1
        self.server.unverified += problem is not None
        status, response = self._respond(headers, body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)
        verified = None if not self.server.secret else problem is None
        received = Received(headers=headers, body=body, verified=verified, problem=problem)
        if self.server.as_json:
            record = {"path": self.path, "headers": headers, "body": received.parsed, "verified": verified}
            print_line({**record, "problem": problem, "answered": status})
        else:
            received.show(f"returned {status}", failed=status >= 300)  # noqa: PLR2004 - HTTP's own classes

    def _respond(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.server.target is None:
            return self.server.status, b"ok"
        passed = {name: value for name, value in headers.items() if name not in HOP_BY_HOP}
        try:
            response = self.server.client.post(self.server.target, content=body, headers=passed)
        except httpx.HTTPError as exc:
            complain(f"{self.server.target} did not respond ({type(exc).__name__}); is your app running?")
            return 502, b"the app behind webhooks receive did not respond"
        return response.status_code, response.content

    def log_message(self, *_: object) -> None:
        """Say nothing: the request is shown."""
