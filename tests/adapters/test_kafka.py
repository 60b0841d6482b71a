"""What Kafka's brokers may say, against one that says it: the protocol's own error codes, limits and announcements."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.workers.delivery import attempt
from tests.adapters.kafka_server import AUTHENTICATE, HANDSHAKE, INIT_PRODUCER, PRODUCE, Broker, kafka
from tests.adapters.receivers import certificate
from tests.adapters.shorthands import adapter_cache, deliver, make_delivery, make_settings

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

    from supabase_webhooks.webhooks.deliveries import Attempt

pytestmark = pytest.mark.anyio

SCRAM = "?sasl=SCRAM-SHA-256"

#: What a broker says of a worker's credentials and permissions, by where it says it.
NOT_PERMITTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "a wrong password": ({"errors": {AUTHENTICATE: "SASL_AUTHENTICATION_FAILED"}}, SCRAM, "_AUTHENTICATION"),
    "another mechanism": ({"errors": {HANDSHAKE: "UNSUPPORTED_SASL_MECHANISM"}}, SCRAM, "_AUTHENTICATION"),
    "an illegal state": ({"errors": {AUTHENTICATE: "ILLEGAL_SASL_STATE"}}, SCRAM, "ILLEGAL_SASL_STATE"),
    "a topic's metadata": ({"topic_error": "TOPIC_AUTHORIZATION_FAILED"}, "", "TOPIC_AUTHORIZATION_FAILED"),
    "no such topic": ({"topic_error": "UNKNOWN_TOPIC_OR_PART"}, "", "UNKNOWN_TOPIC_OR_PART"),
    **{
        f"{name}, {where}": ({"errors": {api: name}}, "", name)
        for where, api in {"for an id": INIT_PRODUCER, "for a record": PRODUCE}.items()
        for name in ("CLUSTER_AUTHORIZATION_FAILED", "TRANSACTIONAL_ID_AUTHORIZATION_FAILED")
    },
    "TOPIC_AUTHORIZATION_FAILED, for a record": (
        {"errors": {PRODUCE: "TOPIC_AUTHORIZATION_FAILED"}}, "", "TOPIC_AUTHORIZATION_FAILED",
    ),
}  # fmt: skip


def url(broker: Broker, query: str = "") -> str:
    """Return an endpoint's URL."""
    return f"kafka://127.0.0.1:{broker.port}/t{query}"


def profile(**entry: str) -> dict[str, Any]:
    """Return settings with a profile `p` for brokers of this machine."""
    return {"credentials": {"p": {"username": "u", "password": "geheim", "hosts": "127.0.0.1", **entry}}}


@pytest.mark.parametrize("case", NOT_PERMITTED)
async def test_permissions_are_the_workers_setup(case: str) -> None:
    """No attempt is used, deliveries wait behind the circuit; once it is permitted they arrive, by the same cache."""
    behavior, query, code = NOT_PERMITTED[case]
    settings = {"timeout_seconds": 4, **(profile() if query else {})}
    endpoint = {"credentials_profile": "p"} if query else {}
    with kafka(Broker(**behavior)) as broker:
        async with adapter_cache(**settings) as adapters:
            for _ in range(2):
                result = await attempt(
                    make_delivery(url(broker, query), **endpoint), adapters, make_settings(**settings)
                )
                assert (result.delivered, result.permanent, result.health, result.setup) == (
                    False,
                    False,
                    "failed",
                    True,
                )
                assert code in str(result.error), result.error
                assert "geheim" not in str(result.error)
            if query:  # this broker does not speak SCRAM to its end
                return
            broker.errors, broker.topic_error = {}, ""
            result = await attempt(make_delivery(url(broker)), adapters, make_settings(**settings))
            assert result.delivered, result.error


async def together(broker: Broker, sizes: list[int]) -> list[Attempt]:
    """Deliver records of such sizes at once."""
    async with adapter_cache() as adapters:
        many = [make_delivery(url(broker), id=f"d-{n}", body=f'{{"x":"{"y" * size}"}}') for n, size in enumerate(sizes)]
        return await asyncio.gather(*(attempt(one, adapters, make_settings()) for one in many))


@pytest.mark.parametrize("code", ["MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE", "INVALID_RECORD", "POLICY_VIOLATION"])
async def test_a_batch_is_rejected_and_none_of_its_records(code: str) -> None:
    """Twenty at once, of which one is too large: nineteen arrive, each of them once."""
    limit = 3000
    sizes = [100] * 10 + [5000] + [100] * 9
    with kafka(Broker(verdict=lambda _, size: code if size > limit else "")) as broker:
        results = await together(broker, sizes)
    assert max(count for count, _ in broker.batches) > 1, "there was no batch"
    assert [result.delivered for result in results] == [size < limit for size in sizes]
    assert (results[10].permanent, results[10].health) == (True, "answered")
    assert code in str(results[10].error)
    assert broker.records == 19


async def test_no_batch_is_larger_than_the_topics_own_limit() -> None:
    """Nothing is rejected that would fit."""
    with kafka(Broker(max_message_bytes=3000)) as broker:
        results = await together(broker, [100] * 30)
    assert all(result.delivered for result in results)
    assert max(size for _, size in broker.batches) <= 3000
    assert max(count for count, _ in broker.batches) > 1


# credentials go only where they belong


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's context and the certificate that it is verified with."""
    return certificate(tmp_path_factory.mktemp("authority"), "IP:127.0.0.1", "IP:127.0.0.2")


#: hosts of a profile, with PORT for the broker's -> whether it may receive the password.
PLACES = {
    "127.0.0.1": True,
    "127.0.0.1:PORT": True,
    "kafka.example.com, 127.0.0.1:PORT": True,
    "*.0.0.1": True,
    "127.0.0.1:1": False,
    "27.0.0.1": False,
    "*.7.0.0.1": False,
    "*.127.0.0.1": False,
    "kafka.example.com": False,
    "": False,
}


@pytest.mark.parametrize("hosts", PLACES)
async def test_a_password_goes_to_its_brokers_only(hosts: str, authority: tuple[ssl.SSLContext, Path]) -> None:
    """Another broker receives nothing at all: a person who may edit endpoints must not learn it."""
    expected = PLACES[hosts]
    with kafka(Broker(), authority[0]) as broker:
        settings = profile(ca_file=str(authority[1]), hosts=hosts.replace("PORT", str(broker.port)))
        result = await deliver(
            url(broker, "?tls=true&sasl=PLAIN"), endpoint={"credentials_profile": "p"}, timeout_seconds=4, **settings
        )
    assert (result.delivered, bool(broker.passwords)) == (expected, expected), result.error
    if not expected:
        assert (result.permanent, result.health, result.setup) == (False, "failed", True)
        start = f"the credentials_profile 'p' is not for 127.0.0.1:{broker.port}; "
        assert str(result.error).startswith(start + ("add it to" if hosts else "add its hosts in WEBHOOKS_CREDENTIALS"))
        assert "geheim" not in str(result.error)


async def test_a_password_goes_to_no_broker_that_another_names(authority: tuple[ssl.SSLContext, Path]) -> None:
    """Those of the metadata count as those of the URL do."""
    settings = {"timeout_seconds": 4, **profile(ca_file=str(authority[1]))}
    with kafka(Broker(), authority[0]) as other, kafka(Broker(), authority[0]) as broker:
        broker.named = [("127.0.0.1", broker.port), ("127.0.0.2", other.port)]
        endpoint = {"credentials_profile": "p"}
        result = await deliver(url(broker, "?tls=true&sasl=PLAIN"), endpoint=endpoint, **settings)
    assert other.passwords == []
    assert (result.delivered, result.setup) == (False, True)
    assert f"the credentials_profile 'p' is not for 127.0.0.2:{other.port}" in str(result.error)


async def test_a_profile_without_a_password_needs_no_hosts(authority: tuple[ssl.SSLContext, Path]) -> None:
    """A file of certificates is not a secret."""
    with kafka(Broker(), authority[0]) as broker:
        credentials = {"p": {"ca_file": str(authority[1])}}
        endpoint = {"credentials_profile": "p"}
        result = await deliver(url(broker, "?tls=true"), endpoint=endpoint, timeout_seconds=4, credentials=credentials)
    assert result.delivered, result.error
