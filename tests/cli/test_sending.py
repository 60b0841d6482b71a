"""`trigger`, `resend`, `test --wait` and `verify`, with a worker and a receiver."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.webhooks.signing import generate_secret, signature_headers
from tests.cli.conftest import run
from tests.cli.test_terminal import webhooks_in_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]

EVENT = "user.joined_community"
MISSING = "00000000-0000-0000-0000-000000000000"


class Answer:
    """What the receiver returns, which a test changes."""

    reply = Reply()

    def __call__(self, _: Received) -> Reply:
        return self.reply


@pytest.fixture
def answer() -> Answer:
    """The receiver's reply."""
    return Answer()


@pytest.fixture
def receiver(system: System, answer: Answer) -> Iterator[Receiver]:
    """A receiver, and what delivers to it."""
    with Receiver(answer=answer) as receiver:
        system.serve()
        yield receiver


def test_trigger_sends_the_example(system: System, webhooks: Webhooks) -> None:
    """As the catalog has it, or with fields of one's own: JSON, text, nested ones, text that looks like a number."""
    system.endpoint("https://example.com/x")
    system.db.execute(
        "select public.webhook_define_event('order.paid', 'Paid.', %s, %s)",
        (
            json.dumps({"type": "object", "properties": {"id": {"type": "string"}, "lines": {
                "type": "array", "items": {"type": "object", "properties": {"sku": {"type": ["string", "null"]}}}}}}),
            json.dumps({"id": "a", "lines": [{"sku": "s", "n": 1}]}),
        ),
    )  # fmt: skip
    options = [
        "data.id=42", "data.lines.0.sku=null", "data.lines.0.n=2.50", "data.lines.1.sku=x=y", "data.new.deep=[1, true]",
    ]  # fmt: skip
    made = webhooks("trigger", "order.paid", *(f"--set={one}" for one in options), "--actor", MISSING, "--json")
    assert made.json["deliveries"] == 1, made.err
    assert webhooks("trigger", EVENT).code == 0
    changed, plain = system.rows()
    assert changed["payload"]["actor_user_id"] == MISSING
    assert changed["payload"]["data"] == {
        "id": "42", "lines": [{"sku": None, "n": 2.5}, {"sku": "x=y"}], "new": {"deep": [1, True]},
    }  # fmt: skip
    assert plain["payload"]["data"] == webhooks("events", "show", EVENT, "--json").json["example"]


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["user.joined_comunity"], 1, f"did you mean {EVENT}"),
        ([EVENT, "--set", "community_id=1"], 2, "--set data.user.name=Ada"),
        ([EVENT, "--set", "data."], 2, "--set data.user.name=Ada"),
        ([EVENT, "--set", "data.community_name.x=1"], 2, "has no fields there"),
        ([EVENT, "--set", "data.l=[1]", "--set", "data.l.7=1"], 2, "is not a place in a list of 1"),
    ],
)  # fmt: skip
def test_what_trigger_cannot_send(system: System, webhooks: Webhooks, options: list[str], code: int, text: str) -> None:
    """Names what is wrong, and sends nothing."""
    system.endpoint("https://example.com/x")
    done = webhooks("trigger", *options, COLUMNS="250")
    assert (done.code, text in done.err) == (code, True), done.err
    assert system.rows() == []


def test_a_response_in_place(system: System, webhooks: Webhooks, receiver: Receiver, answer: Answer) -> None:
    """`test --wait` and `trigger --wait`: what the receiver returned; exit code 1 for a failure."""
    answer.reply = Reply(202, b"thank you")
    system.endpoint(receiver.url, name="CRM")
    for command in (["test", "CRM"], ["endpoints", "test", "CRM"], ["trigger", EVENT]):
        done = webhooks(*command, "--wait")
        assert done.code == 0, done.err
        assert "delivered  CRM  HTTP 202" in done.out
        assert "thank you" in done.out
    assert [one.payload["event"] for one in receiver.received] == ["webhook.test", "webhook.test", EVENT]

    answer.reply = Reply(401, b"who are you?")
    done = webhooks("test", "CRM", "--wait", "--json")
    assert done.code == 1
    (delivery,) = done.json["deliveries"]
    assert delivery["attempt_log"][0]["response_status"] == 401
    assert delivery["id"] == done.json["made"]["delivery_id"]
    shown = webhooks("test", "CRM", "--wait")
    assert (shown.code, "failed  CRM  HTTP 401" in shown.out, "who are you?" in shown.out) == (1, True, True)


def test_a_response_in_a_terminal(system: System, receiver: Receiver, answer: Answer) -> None:
    """What the receiver writes controls no terminal."""
    answer.reply = Reply(500, b"\x1b]0;pwned\x07no \x9b5m")
    system.endpoint(receiver.url, name="CRM")
    with webhooks_in_terminal("test", "CRM", "--wait", variables=system.settings()) as terminal:
        terminal.end()
    assert "HTTP 500" in terminal.shown
    assert "\x1b]0;pwned" not in terminal.shown


def test_without_a_worker_waiting_ends(system: System, webhooks: Webhooks) -> None:
    """With what to look for."""
    system.endpoint("https://example.com/x", name="CRM")
    done = webhooks("test", "CRM", "--wait", "--timeout", "1")
    assert (done.code, "is a worker running" in done.err) == (1, True)


def test_resend_an_event(system: System, webhooks: Webhooks, receiver: Receiver) -> None:
    """To all its endpoints, or one; by its id or a delivery's; each keeps its webhook-id."""
    first, second = (system.endpoint(receiver.url, name=name) for name in ("first", "second"))
    made = webhooks("trigger", EVENT, "--wait", "--json").json
    request = made["made"]["request_id"]
    ids = {one["endpoint"]["name"]: one["id"] for one in made["deliveries"]}
    assert len(receiver.received) == 2

    done = webhooks("resend", request[:13], "--wait")
    assert (done.code, done.out.count("HTTP 200")) == (0, 2), done.err
    assert sorted(one.headers["webhook-id"] for one in receiver.received) == sorted([*ids.values()] * 2)
    assert webhooks("resend", request, "--endpoint", "second", "--wait").code == 0
    assert receiver.received[-1].headers["webhook-id"] == ids["second"]
    assert webhooks("resend", ids["first"], "--wait", "--json").json["made"] == [ids["first"]]
    assert len(receiver.received) == 6

    # an endpoint that is paused is named, the other is sent to; exit code 1
    system.db.execute("update public.webhook_configurations set is_active = false where id = %s", (first,))
    done = webhooks("resend", request, "--wait")
    assert (done.code, done.out.count("HTTP 200"), 'endpoint "first" is inactive' in done.err) == (1, 1, True)
    assert webhooks("resend", ids["first"], "--endpoint", second).code == 2
    for unknown in (MISSING, "no-id"):
        missing = webhooks("resend", unknown, COLUMNS="200")
        assert missing.code == 2
        assert "has an id that begins with" in missing.err


def test_verify_a_delivery(system: System, webhooks: Webhooks, receiver: Receiver, tmp_path: Path) -> None:
    """A real one: from a file, pasted, by headers and a body; changed on the way, and what the project knows of it."""
    system.endpoint(receiver.url, name="CRM")
    assert webhooks("test", "CRM", "--wait").code == 0
    (got,) = receiver.received
    head = "".join(f"{name}: {value}\r\n" for name, value in got.headers.items())
    request, body = tmp_path / "request.http", tmp_path / "body.json"
    request.write_bytes(f"POST /x HTTP/1.1\r\n{head}\r\n".encode() + got.body)
    body.write_bytes(got.body)

    def verify(*arguments: str, secret: str = system.secret, given: str = "") -> Done:
        return webhooks("verify", *arguments, WEBHOOKS_VERIFY_SECRET=secret, given=given)

    assert (verify(str(request)).code, verify(str(request)).out.splitlines()[-1]) == (0, "Verified.")
    pasted = "\n" + head.replace("\r", "") + "\n" + got.body.decode() + "\n"
    assert verify(given=pasted).code == 0
    options = [f"--header={name}: {value}" for name, value in got.headers.items()]
    assert verify(*options, "--body", str(body)).code == 0
    assert verify(*options, str(body), "--json").json["verified"] is True

    body.write_bytes(got.body + b"\n")
    assert "it got a newline at its end" in verify(*options, "--body", str(body)).out
    body.write_bytes(got.body.replace(b"test delivery", b"best delivery"))
    unknown = verify(*options, "--body", str(body))
    assert (unknown.code, "add --compare" in unknown.out) == (1, True)
    assert "the body was changed: it differs" in verify(*options, "--body", str(body), "--compare").out
    wrong = verify(str(request), "--compare", secret=generate_secret())
    assert (wrong.code, "wrong secret" in wrong.out) == (1, True)
    assert all(one not in wrong.out + wrong.err for one in (system.secret, system.secret[6:]))


def test_verify_an_old_request() -> None:
    """Says how old; any age on demand. What cannot be verified at all is a wrong call."""
    secret, body = generate_secret(), b'{"a":1}'
    headers = signature_headers([secret], "msg_1", int(time.time()) - 7200, body)
    text = "".join(f"{name}: {value}\n" for name, value in headers.items()) + "\n" + body.decode()
    variables = {"WEBHOOKS_VERIFY_SECRET": secret}
    old = run("verify", variables=variables, given=text)
    assert (old.code, "2 h ago, more than the 5 min" in old.out) == (1, True)
    assert run("verify", "--max-age", "never", variables=variables, given=text).code == 0
    assert run("verify", "--max-age", "3h", variables=variables, given=text).code == 0
    for arguments, given, settings in (
        ([], "no headers", variables),
        ([], text, {}),
        (["/no/such/file"], "", variables),
        (["--max-age", "x"], text, variables),
    ):
        assert run("verify", *arguments, variables=settings, given=given).code == 2, arguments
    assert run("verify", variables={"WEBHOOKS_VERIFY_SECRET": "whsec_%"}, given=text).code == 1
