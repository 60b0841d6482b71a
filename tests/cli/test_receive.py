"""`webhooks receive`: verified by what really signs, forwarded byte for byte."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from devstack.processes import free_port
from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.webhooks.signing import generate_secret, signature_headers
from tests.cli.conftest import run, start

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

SECRET = generate_secret()
BODY = '{"event":"user.joined_community","data":{"community_city":"Zürich"}}'.encode()


@pytest.fixture
def receive() -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Start a listener; return its process and its URL."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> tuple[subprocess.Popen[str], str]:
        port = free_port()
        process = start("receive", "--port", str(port), *arguments, variables={"WEBHOOKS_LISTEN_SECRET": SECRET})
        started.append(process)
        assert process.stderr
        assert f"Listening on http://127.0.0.1:{port}" in process.stderr.readline()
        return process, f"http://127.0.0.1:{port}"

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def post(url: str, secret: str = SECRET, *, at: float | None = None, **headers: str) -> httpx.Response:
    """Send a delivery as a worker does."""
    signed = signature_headers([secret], "msg_1", int(at or time.time()), BODY)
    return httpx.post(url, content=BODY, headers={**signed, **headers}, trust_env=False)


def test_verified_and_forwarded(receive: Callable[..., tuple[subprocess.Popen[str], str]]) -> None:
    """The app gets the same bytes and signatures; its response goes back; one line of JSON each."""
    with Receiver(answer=lambda _: Reply(418, b"teapot")) as app:
        process, url = receive("--json", "--count", "1", "--forward-to", app.url.removeprefix("http://") + "/hook")
        answer = post(f"{url}/x?y=1")
        out, _ = process.communicate(timeout=60)
    assert (answer.status_code, answer.content) == (418, b"teapot")
    (request,) = app.received
    assert (request.path, request.body) == ("/hook", BODY)
    assert request.verified(SECRET)
    shown = json.loads(out)
    assert (shown["verified"], shown["problem"], shown["answered"], shown["path"]) == (True, None, 418, "/x?y=1")
    assert shown["body"]["data"] == {"community_city": "Zürich"}
    assert process.returncode == 0


def test_not_verified(receive: Callable[..., tuple[subprocess.Popen[str], str]]) -> None:
    """Another's secret, an old timestamp, no signature, a half signature: each is said, and the end is 1."""
    process, url = receive("--json", "--count", "4")
    post(url, generate_secret())
    post(url, at=time.time() - 400)
    httpx.post(url, content=BODY, trust_env=False)
    post(url, **{"webhook-signature": "v1,AAAA"})
    out, _ = process.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["problem"] for line in lines] == [
        "X-Webhook-Signature does not match this secret",
        "webhook-timestamp is more than five minutes off: is a clock wrong?",
        "it has no signature: does the endpoint have a secret_key?",
        "webhook-signature does not match this secret",
    ]
    assert {line["verified"] for line in lines} == {False}
    assert process.returncode == 1
    assert SECRET not in out


def test_shown_to_people(receive: Callable[..., tuple[subprocess.Popen[str], str]]) -> None:
    """Pretty-printed; a terminal's control characters in it do nothing; the chosen status is returned."""
    process, url = receive("--count", "2", "--status", "503")
    assert post(url).status_code == 503
    httpx.post(url, content=b"\x1b[2Jboo", trust_env=False)
    out, _ = process.communicate(timeout=60)
    assert "user.joined_community msg_1  verified  returned 503" in out
    assert '    "community_city": "Zürich"' in out
    assert "NOT VERIFIED" in out
    assert "\x1b" not in out


def test_an_app_that_is_away(receive: Callable[..., tuple[subprocess.Popen[str], str]]) -> None:
    """502 to the sender, which will try again; the reason to the developer."""
    process, url = receive("--count", "1", "--forward-to", f"localhost:{free_port()}")
    assert post(url).status_code == 502
    _, err = process.communicate(timeout=60)
    assert "did not respond (ConnectError); is your app running?" in err


def test_a_taken_port() -> None:
    """Is a wrong call, not a trace."""

    def answer(_: Received) -> Reply:
        return Reply()

    with Receiver(answer=answer) as other:
        done = run("receive", "--port", other.url.rsplit(":", 1)[1])
    assert done.code == 2
    assert "Address already in use" in done.err
