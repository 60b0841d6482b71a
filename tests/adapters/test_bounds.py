"""What AWS's SDK is kept from: reading without end, following redirects, credentials where they do not belong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest

from devstack.receiver import Receiver, Reply
from supabase_webhooks.workers.adapters.aws import session
from supabase_webhooks.workers.adapters.profiles import AWS, PROVIDERS, of_provider
from supabase_webhooks.workers.delivery import attempt
from tests.adapters.held import memory
from tests.adapters.receivers import OK, certificate, endless, hold, receiver, script
from tests.adapters.shorthands import adapter_cache, deliver, make_delivery, make_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/x-amz-json-1.0"}
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "geheim", "aws_session_token": "sitzung"}
QUEUE = "sqs://q?region=us-east-1&endpoint_url="


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of this machine's, and nothing that another test's session keeps."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    session.cache_clear()
    yield
    session.cache_clear()


def profile(**more: str) -> dict[str, Any]:
    """Return settings with a profile `p` for this machine."""
    return {"credentials": {"p": {**KEYS, "hosts": "127.0.0.1", **more}}}


async def sent(url: str, **settings: Any) -> Any:
    """Deliver with the profile."""
    return await deliver(url, endpoint={"credentials_profile": "p"}, **{"timeout_seconds": 5, **profile(), **settings})


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    "head", [b"\r\n", b"Content-Length: 9999999999\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffffff\r\n"]
)
async def test_no_response_is_read_without_end(
    head: bytes, tls: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt ends at once, and costs no memory."""
    context, crt = certificate(tmp_path, "IP:127.0.0.1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(crt))
    await sent(f"{QUEUE}http://127.0.0.1:1")  # the SDK is loaded
    before = memory()
    with receiver(script(b"HTTP/1.1 200 OK\r\n" + head, endless), context=context if tls else None) as raw:
        result = await sent(f"{QUEUE}{raw.url.rstrip('/')}")
    assert (result.delivered, result.permanent, result.health) == (False, False, "failed")
    assert "the response is longer than 262144 bytes" in str(result.error)
    assert memory() - before < 30_000_000


@pytest.mark.parametrize("size", [10_000, 3_000_000])
async def test_no_head_is_read_without_end(size: int) -> None:
    """Nor many headers."""
    for headers in (b"X: " + b"x" * size + b"\r\n", b"X: y\r\n" * size):
        with receiver(script(b"HTTP/1.1 200 OK\r\n" + headers, hold)) as raw:
            result = await sent(f"{QUEUE}{raw.url.rstrip('/')}")
        assert not result.delivered
        assert result.duration_ms < 4500, "it waited for the end"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    """The session token goes to no other origin; the error says what to do."""
    with Receiver() as other:
        elsewhere = Reply(status, b"", {"Location": other.url})
        with Receiver(answer=lambda _: elsewhere) as service:
            result = await sent(f"{QUEUE}{service.url}")
        assert other.received == []
        assert service.received[0].headers["x-amz-security-token"] == "sitzung"
    assert (result.delivered, result.permanent) == (False, False)
    assert "redirects are not followed; give the endpoint its final endpoint_url" in str(result.error)


#: Responses that are none of SQS's; after the two for the queue's URL and limit.
RUBBISH = [
    b"", b"<html>", b"[]", b"5", b"null", b'"x"', b"\xff\xfe", b"{", b"[" * 100_000, b'{"Successful":' * 20_000,
    b'{"Successful":null}', b'{"Successful":5}', b'{"Successful":[5]}', b'{"Successful":[{}]}', b'{"Successful":{}}',
    b'{"Successful":[{"Id":"x","MessageId":"m"}]}', b'{"Successful":[{"Id":"0"}]}', b'{"Successful":[{"Id":5}]}',
    b'{"Successful":[{"Id":"99","MessageId":"m"}]}', b'{"Failed":[{"Id":"x"}]}', b'{"Failed":[null]}',
    b'{"Failed":[{"Id":"0","Code":5}]}', b'{"__type":5}', b'{"QueueUrl":5}', b'{"Attributes":5}',
]  # fmt: skip


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_what_is_no_response_of_sqs(status: int) -> None:
    """Is a failure of the service, whose error does not read as one of ours."""
    replies = [{"QueueUrl": "http://x/q"}, {"Attributes": {"MaximumMessageSize": "1024"}}]
    for at in range(3):
        responses: list[bytes] = []
        with Receiver(answer=lambda _, a=responses: Reply(200 if len(a) > 1 else status, a.pop(0), JSON)) as service:  # type: ignore[misc]
            async with adapter_cache(**profile()) as adapters:
                responses += [json.dumps(one).encode() for one in replies[:at]]
                for body in RUBBISH:
                    responses.append(body)
                    delivery = make_delivery(f"{QUEUE}{service.url}", credentials_profile="p")
                    result = await attempt(delivery, adapters, make_settings(**profile()))
                    assert not result.delivered, body
                    assert "internal error" not in str(result.error), (at, body, result.error)
                    responses.clear()


async def test_a_service_sets_no_cookies() -> None:
    """They would add up."""
    replies = [{"QueueUrl": "http://x/q"}, {"Attributes": {}}]
    numbers = iter(range(1000))

    def respond(_: Any) -> Reply:
        number = next(numbers)
        body = replies[number] if number < 2 else {"Successful": [{"Id": "0", "MessageId": "m"}]}
        return Reply(200, json.dumps(body).encode(), {**JSON, "Set-Cookie": f"c{number}=x"})

    with Receiver(answer=respond) as service:
        async with adapter_cache(**profile()) as adapters:
            for _ in range(3):
                delivery = make_delivery(f"{QUEUE}{service.url}", credentials_profile="p")
                assert (await attempt(delivery, adapters, make_settings(**profile()))).delivered
        assert not any("cookie" in request.headers for request in service.received)


# where the SDK's own credentials come from

#: variable -> with what else the SDK asks there for credentials.
SOURCES = {
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": {"AWS_EC2_METADATA_DISABLED": "false"},
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": {},
    "AWS_ENDPOINT_URL_STS": {
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN",
        "AWS_DEFAULT_REGION": "us-east-1",
    },
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
async def test_sources_of_credentials_are_bounded_too(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles of a machine, a container or a web identity: no redirect is followed, nothing read without end."""
    (tmp_path / "token").write_text("ausweis")
    for name, value in SOURCES[source].items():
        monkeypatch.setenv(name, value.replace("TOKEN", str(tmp_path / "token")))
    with Receiver() as service, receiver(script(OK)) as other:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", service.url)
        elsewhere = f"HTTP/1.1 307 No\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n".encode()
        with receiver(script(elsewhere)) as metadata:
            monkeypatch.setenv(source, metadata.url.rstrip("/"))
            result = await deliver(f"{QUEUE}{service.url}", timeout_seconds=5)
            assert metadata.requests, "it was asked"
        assert other.requests == []
        assert (result.delivered, result.permanent) == (False, False)
        session.cache_clear()
        before = memory()
        with receiver(script(b"HTTP/1.1 200 OK\r\n\r\n", endless)) as raw:
            monkeypatch.setenv(source, raw.url.rstrip("/"))
            result = await deliver(f"{QUEUE}{service.url}", timeout_seconds=5)
            assert raw.requests
        assert not result.delivered
        assert memory() - before < 30_000_000
        assert service.received == []


# where credentials belong


@pytest.mark.parametrize("credentials", [KEYS, {"profile_name": "partner"}])
async def test_a_profile_without_hosts_is_for_aws(credentials: dict[str, str]) -> None:
    """A service that says it is compatible receives no request."""
    with Receiver() as service:
        for url in (f"{QUEUE}{service.url}", f"{QUEUE}{service.url.replace('127.0.0.1', 'localhost')}"):
            result = await sent(url, credentials={"p": credentials})
            assert (result.delivered, result.permanent, result.health, result.setup) == (False, False, "failed", True)
            assert "add its hosts in WEBHOOKS_CREDENTIALS, for example" in str(result.error)
            assert "geheim" not in str(result.error)
        assert service.received == []


async def test_the_sdks_own_credentials_are_for_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or for the service that the workers' environment names."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name.upper(), value)
    with Receiver() as service:
        result = await deliver(f"{QUEUE}{service.url}")
        assert (result.delivered, result.permanent, result.setup) == (False, False, True)
        assert "set AWS_ENDPOINT_URL_SQS in the workers' environment" in str(result.error)
        assert service.received == []
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", service.url)
        await deliver(f"{QUEUE}{service.url}")
        assert service.received


def test_hosts_of_the_provider() -> None:
    """All of AWS's partitions; not what anyone may have below AWS's domains, and no other port."""
    partitions = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
    outputs = [partition["outputs"] for partition in partitions]
    domains = {one[suffix] for one in outputs for suffix in ("dnsSuffix", "dualStackDnsSuffix")}
    assert domains <= set(AWS)
    right = [f"{host}.{domain}:443" for domain in domains for host in ("sqs.eu-central-1", "sqs-fips.us-gov-west-1")]
    right += ["vpce-0a1b-2c.sqs.us-east-1.vpce.amazonaws.com:443", "us-east-1.queue.amazonaws.com:443"]
    wrong = [
        "lb-1.us-east-1.elb.amazonaws.com:443", "ec2-1-2-3-4.compute-1.amazonaws.com:443", "amazonaws.com:443",
        "sqs.us-east-1.amazonaws.com.example.com:443", "sqs.us-east-1.amazonaws.com:8443", "sqs.example.com:443",
        "x.sqs.us-east-1.amazonaws.com:443", "sqs.us-east-1.amazonawsxcom:443", "sqs.us-east-1.amazonaws.com:443\n",
        "evil-sqs.us-east-1.amazonaws.com:443", "a.execute-api.us-east-1.amazonaws.com:443",
    ]  # fmt: skip
    assert [host for host in right if not of_provider("sqs", host)] == []
    assert [host for host in wrong if of_provider("sqs", host)] == []
    assert not any(of_provider("kafka", host) for host in right)
    assert set(PROVIDERS) == {"sqs", "pubsub"}


@pytest.mark.parametrize("hosts", ["*", "*.com", "http://x", "x y", "a:b", "*.*.example.com", "x.*", "geheim@x", "."])
async def test_hosts_that_are_none(hosts: str) -> None:
    """They would match nothing, or anything."""
    result = await sent(f"{QUEUE}https://example.com", **profile(hosts=hosts))
    assert result.setup
    assert str(result.error).startswith("WEBHOOKS_CREDENTIALS, p: hosts has ")
