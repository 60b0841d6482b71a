"""The receivers of docs/guides/receivers.md, run as they stand against real deliveries."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from devstack.node import environment, install, node
from devstack.processes import Child, free_port, listening
from devstack.receiver import Received, Receiver
from supabase_webhooks.webhooks.signing import signature_headers
from tests.adapters.shorthands import SECRET, deliver
from tests.conftest import ROOT, quiet

if TYPE_CHECKING:
    from pathlib import Path


def example(heading: str, language: str) -> str:
    """Return the only example in a language below a heading."""
    page = (ROOT / "docs" / "guides" / "receivers.md").read_text()
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (code,) = re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)
    return str(code)


def deliveries() -> dict[str, tuple[bytes, dict[str, str]]]:
    """Return a right delivery, as a worker sends it, and wrong ones made of it."""
    with Receiver() as receiver:
        anyio.run(deliver, receiver.url)
        (real,) = receiver.received
    assert isinstance(real, Received)
    names = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature")
    headers = {name: real.headers[name] for name in names}
    old = signature_headers([SECRET], headers["webhook-id"], int(time.time()) - 3600, real.body)
    return {
        "right": (real.body, headers),
        "tampered": (real.body.replace(b"x.y", b"x.z"), headers),
        "another id": (real.body, {**headers, "webhook-id": "other"}),
        "old": (real.body, {**headers, **{name.lower(): value for name, value in old.items()}}),
        "unsigned": (real.body, {**headers, "webhook-signature": ""}),
        "another version": (real.body, {**headers, "webhook-signature": f"v9{headers['webhook-signature'][2:]}"}),
        "rotated": (real.body, {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}),
    }


ACCEPTED = {"right", "rotated"}


#: The part of Express that the example uses: routes, the raw body, a status.
EXPRESS = """
import { createServer } from "node:http";
const express = () => {
  const routes = [];
  return {
    post: (path, ...handlers) => routes.push(...handlers),
    listen: (port) => createServer((request, response) => {
      response.sendStatus = (status) => response.writeHead(status).end();
      const [raw, handler] = routes;
      raw(request, response, () => handler(request, response));
    }).listen(port, "127.0.0.1"),
  };
};
express.raw = () => async (request, response, next) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  request.body = Buffer.concat(chunks);
  next();
};
export default express;
"""

#: Serves a Next.js route as Next.js calls it: with a web-standard request.
NEXT = """
import { serve } from "@hono/node-server";
import { POST } from "./route.ts";
serve({ fetch: POST, port: Number(process.env.PORT), hostname: "127.0.0.1" });
"""

#: The part of FastAPI that the example uses: one route, its request, an error's status.
FASTAPI = """
class HTTPException(Exception):
    def __init__(self, status_code):
        self.status_code = status_code

class Request:
    def __init__(self, scope, receive):
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self._receive = receive

    async def body(self):
        parts, more = b"", True
        while more:
            message = await self._receive()
            parts, more = parts + message["body"], message["more_body"]
        return parts

class FastAPI:
    def post(self, path, status_code):
        self.status_code = status_code
        return lambda handler: setattr(self, "handler", handler)

    async def __call__(self, scope, receive, send):
        status = self.status_code
        try:
            await self.handler(Request(scope, receive))
        except HTTPException as error:
            status = error.status_code
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body"})
"""


def check(url: str) -> None:
    """Send all of them to a receiver: it accepts the right ones and rejects the others."""
    statuses = {
        name: httpx.post(url, content=body, headers=headers, trust_env=False).status_code
        for name, (body, headers) in (deliveries()).items()
    }
    assert {name for name, status in statuses.items() if status == 204} == ACCEPTED
    assert set(statuses.values()) == {204, 401}


def prepare(heading: str, folder: Path, port: int) -> list[str | Path]:
    """Write an example and what stands around it into a folder; return the command that serves it."""
    packages = install(say=quiet) / "node_modules"
    modules = folder / "node_modules"
    modules.mkdir()
    for name in ("standardwebhooks", "@hono"):
        (modules / name).symlink_to(packages / name)
    (folder / "package.json").write_text('{"type": "module"}')
    match heading:
        case "Next.js":
            (folder / "route.ts").write_text(example(heading, "ts"))
            (folder / "server.js").write_text(NEXT)
            return [node(), "server.js"]
        case "Express":
            (modules / "express").mkdir()
            (modules / "express" / "index.mjs").write_text(EXPRESS)
            (modules / "express" / "package.json").write_text('{"exports": "./index.mjs"}')
            (folder / "server.js").write_text(example(heading, "js"))
            return [node(), "server.js"]
        case "Supabase Edge Functions":
            (folder / "index.ts").write_text(example(heading, "ts"))
            (deno,) = (packages / "@deno").glob("*/deno*")
            return [deno, "run", "--allow-net", "--allow-env", "--no-remote", "index.ts"]
        case "FastAPI":
            (folder / "fastapi.py").write_text(FASTAPI)
            (folder / "main.py").write_text(example(heading, "python"))
            return [sys.executable, "-m", "uvicorn", "main:app", "--port", str(port), "--lifespan", "off"]
        case _:
            (folder / "server.js").write_text(example(heading, "js"))
            return [node(), "server.js"]


@pytest.mark.parametrize(
    "heading", ["Next.js", "Express", "Supabase Edge Functions", "FastAPI", "Node without a library"]
)
def test_receivers(tmp_path: Path, heading: str) -> None:
    """Each accepts what we sign, and rejects the rest with 401."""
    port = free_port()
    receiver = Child(
        heading,
        prepare(heading, tmp_path, port),
        cwd=tmp_path,
        log=tmp_path / "receiver.log",
        environment={
            **environment(),
            "PORT": str(port),
            "WEBHOOK_SECRET": SECRET,
            "DENO_SERVE_ADDRESS": f"tcp:127.0.0.1:{port}",
            "DENO_DIR": str(tmp_path / "deno"),
        },
    )
    try:
        receiver.wait_ready(lambda: listening(port))
        check(f"http://127.0.0.1:{port}/webhooks")
    finally:
        receiver.stop()


def test_every_example_is_tried() -> None:
    """None is added to the page without a place here."""
    page = (ROOT / "docs" / "guides" / "receivers.md").read_text()
    headings = set(re.findall(r"^## (.+)$", page, re.MULTILINE))
    assert headings == {"Next.js", "Express", "Supabase Edge Functions", "FastAPI", "Node without a library"}
