"""What Pub/Sub and Google's token endpoint may say of a worker's credentials, and where these go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.pubsub_v1.types import Topic

from devstack.brokers import PubSub
from devstack.processes import free_port
from devstack.pubsub_server import serve
from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.workers.adapters import pubsub
from supabase_webhooks.workers.adapters.tokens import RESPONSE_BYTES
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.receivers import certificate, endless, receiver, script
from tests.adapters.shorthands import adapter_cache, deliver, make_delivery, make_settings
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

URL = "pubsub://devstack/guarded"
KEY = (
    rsa.generate_private_key(public_exponent=65537, key_size=2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)


@pytest.fixture(scope="module")
def emulator(directory: Path) -> Iterator[PubSub]:
    """A Pub/Sub for this module."""
    broker = PubSub(directory, say=quiet)
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAUTHENTICATED", "NOT_FOUND"])
async def test_permissions_are_the_workers_setup(code: str, emulator: PubSub, monkeypatch: pytest.MonkeyPatch) -> None:
    """No attempt is used, deliveries wait behind the circuit; once it is permitted they arrive."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    topic = code.lower().replace("_", "-")
    url = emulator.create(topic, fails_with=code)
    async with adapter_cache() as adapters:
        for _ in range(2):
            result = await attempt(make_delivery(url), adapters, make_settings())
            assert (result.delivered, result.permanent, result.health, result.setup) == (False, False, "failed", True)
            assert f"Pub/Sub {code}: " in str(result.error)
        emulator.create(topic)
        assert (await attempt(make_delivery(url), adapters, make_settings())).delivered


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED"])
async def test_what_is_no_setup_counts(code: str, emulator: PubSub, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage, or a quota."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    result = await deliver(emulator.create(code.lower().replace("_", "-"), fails_with=code))
    assert (result.delivered, result.permanent, result.setup) == (False, False, False)


# tokens


class Tokens(grpc.ServerInterceptor):  # type: ignore[misc]
    """Keeps the authorization of calls, in their order."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def intercept_service(self, continuation: Callable[[Any], Any], details: grpc.HandlerCallDetails) -> Any:
        """Keep it and go on."""
        self.seen += [value for name, value in details.invocation_metadata if name == "authorization"]
        return continuation(details)


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tokens]:
    """A Pub/Sub over TLS, which the adapter takes for Google's."""
    _, crt = certificate(tmp_path, "DNS:localhost")
    port, tokens = free_port(), Tokens()
    pair = [((tmp_path / "key.pem").read_bytes(), crt.read_bytes())]
    server = serve(port, grpc.ssl_server_credentials(pair), tokens)
    roots = grpc.ssl_channel_credentials(crt.read_bytes())
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    monkeypatch.setattr(pubsub, "HOST", f"localhost:{port}")
    monkeypatch.setattr(pubsub.grpc, "ssl_channel_credentials", lambda: roots)
    with grpc.secure_channel(f"localhost:{port}", roots) as channel:
        channel.unary_unary("/google.pubsub.v1.Publisher/CreateTopic")(
            Topic.serialize(Topic(name="projects/devstack/topics/guarded"))
        )
    yield tokens
    server.stop(0).wait()


def account(token_uri: str, **more: str) -> str:
    """Return a service account's file."""
    return json.dumps(
        {"type": "service_account", "client_email": "w@x", "private_key": KEY, "token_uri": token_uri, **more}
    )


def issuing(token: str) -> Callable[[Received], Reply]:
    """Return a token endpoint's response."""
    body = json.dumps({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).encode()
    return lambda _: Reply(200, body, {"Content-Type": "application/json"})


async def deliver_with(file: Path, adapters: Any) -> Any:
    """Deliver with a credentials file."""
    settings = make_settings(credentials={"p": {"credentials_file": str(file)}}, timeout_seconds=5)
    return await attempt(make_delivery(URL, credentials_profile="p"), adapters, settings)


#: Contents of a credentials file that holds none.
NO_CREDENTIALS = {
    "no file": None, "an empty one": "", "no JSON": "<html>", "a list": "[]", "nothing": "{}", "a number": "5",
    "no such kind": '{"type": "x"}', "half a service account": '{"type": "service_account"}',
    "half a workload identity": '{"type": "external_account"}', "half a user": '{"type": "authorized_user"}',
    "a wrong key": account("http://localhost:1", private_key="-----BEGIN PRIVATE KEY-----\nx\n"),
    "no text": "\udcff",
}  # fmt: skip


@pytest.mark.parametrize("case", NO_CREDENTIALS)
async def test_without_credentials(case: str, google: Tokens, tmp_path: Path) -> None:
    """They are the worker's setup, and read again: the first attempt after they are there succeeds."""
    file, text = tmp_path / "credentials.json", NO_CREDENTIALS[case]
    if text is not None:
        file.write_bytes(text.encode(errors="surrogateescape"))
    with Receiver(answer=issuing("good")) as endpoint:
        async with adapter_cache(credentials={"p": {"credentials_file": str(file)}}) as adapters:
            result = await deliver_with(file, adapters)
            assert (result.delivered, result.permanent, result.health, result.setup) == (False, False, "failed", True)
            assert str(result.error).startswith("Pub/Sub ")
            file.write_text(account(endpoint.url))
            result = await deliver_with(file, adapters)
            assert result.delivered, result.error
    assert google.seen == ["Bearer good"]


#: What a token endpoint may respond with.
NO_TOKEN = {
    "the key is revoked": Reply(400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}'),
    "forbidden": Reply(403, b'{"error":"access_denied"}'),
    "an outage": Reply(500, b"oh no"),
    "no JSON": Reply(200, b"<html>"),
    "no token": Reply(200, b"{}"),
    "a list": Reply(200, b"[]"),
    "no text": Reply(200, b"\xff\xfe"),
}


@pytest.mark.parametrize("case", NO_TOKEN)
async def test_without_a_token(case: str, google: Tokens, tmp_path: Path) -> None:
    """Nor is that an outage of Pub/Sub, as gRPC would have it."""
    file = tmp_path / "credentials.json"
    replies = [NO_TOKEN[case]]
    with Receiver(answer=lambda request: replies[0] if replies else issuing("good")(request)) as endpoint:
        file.write_text(account(endpoint.url))
        async with adapter_cache(credentials={"p": {"credentials_file": str(file)}}) as adapters:
            result = await deliver_with(file, adapters)
            assert (result.delivered, result.permanent, result.health, result.setup) == (False, False, "failed", True)
            assert str(result.error).startswith("Pub/Sub ")
            assert google.seen == []
            replies.clear()
            assert (await deliver_with(file, adapters)).delivered


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_of_a_token_endpoint_is_followed(status: int, google: Tokens, tmp_path: Path) -> None:
    """What proves who the worker is goes to no other origin."""
    file = tmp_path / "credentials.json"
    with Receiver(answer=issuing("stolen")) as other:
        elsewhere = Reply(status, b"", {"Location": other.url})
        with Receiver(answer=lambda _: elsewhere) as endpoint:
            file.write_text(account(endpoint.url))
            async with adapter_cache(credentials={"p": {"credentials_file": str(file)}}) as adapters:
                result = await deliver_with(file, adapters)
            assert len(endpoint.received) >= 1
        assert other.received == []
    assert (result.delivered, result.setup, google.seen) == (False, True, [])


async def test_no_token_endpoint_is_read_without_end(google: Tokens, tmp_path: Path) -> None:
    """An attempt ends, and its error says why."""
    file = tmp_path / "credentials.json"
    with receiver(script(b"HTTP/1.1 200 OK\r\n\r\n", endless)) as raw:
        file.write_text(account(raw.url))
        async with adapter_cache(credentials={"p": {"credentials_file": str(file)}}) as adapters:
            result = await deliver_with(file, adapters)
    assert (result.delivered, result.setup, google.seen) == (False, True, [])
    assert "sends an endless response" in str(result.error), RESPONSE_BYTES


async def test_one_token_for_many(google: Tokens, tmp_path: Path) -> None:
    """It is asked for once, and not before it has run out."""
    file = tmp_path / "credentials.json"
    with Receiver(answer=issuing("good")) as endpoint:
        file.write_text(account(endpoint.url))
        async with adapter_cache(credentials={"p": {"credentials_file": str(file)}}) as adapters:
            for _ in range(3):
                assert (await deliver_with(file, adapters)).delivered
        assert len(endpoint.received) == 1
    assert google.seen == ["Bearer good"] * 3


async def test_a_profile_of_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose hosts are others is for no topic of Google's."""
    monkeypatch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
    credentials = {"p": {"credentials_file": "/x", "hosts": "broker.example.com"}}
    result = await deliver(URL, endpoint={"credentials_profile": "p"}, credentials=credentials)
    assert (result.setup, result.permanent) == (True, False)
    assert str(result.error).startswith("the credentials_profile 'p' is not for pubsub.googleapis.com:443; add it to")
