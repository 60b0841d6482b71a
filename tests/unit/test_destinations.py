"""The URL grammar, here and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.destinations import (
    EXAMPLES,
    GRAMMAR,
    LIMITS,
    PARSERS,
    Destination,
    HttpDestination,
    KafkaDestination,
    PubSubDestination,
    SqsDestination,
    parse,
)
from supabase_webhooks.webhooks.errors import DestinationError
from supabase_webhooks.workers.adapters import ADAPTERS

if TYPE_CHECKING:
    from psycopg import Connection

AMAZON = "sqs.us-east-1.amazonaws.com/123456789012"
RIGHT: dict[str, Destination] = {
    url: HttpDestination(url)
    for url in (
        "https://example.com/hook",
        "https://example.com",
        "https://[::1]:8443/x?a=1",
        "https://bücher.example/ä",
        *(EXAMPLES[scheme] for scheme in ("https", "http")),
    )
} | {
    (url := "sqs://my-queue?region=us-east-1"): SqsDestination(url, "my-queue", "us-east-1"),
    (url := "sqs://my-queue.fifo?region=eu-west-1"): SqsDestination(url, "my-queue.fifo", "eu-west-1"),
    (url := f"sqs://{AMAZON}/my-queue?region=us-east-1"): SqsDestination(
        url, "my-queue", "us-east-1", queue_url=f"https://{AMAZON}/my-queue"
    ),
    (url := "sqs://q?region=us-east-1&endpoint_url=http://localhost:9324"): SqsDestination(
        url, "q", "us-east-1", endpoint_url="http://localhost:9324"
    ),
    (url := "sqs://localhost:9324/123456789012/q?region=us-east-1&endpoint_url=http://localhost:9324/"): SqsDestination(
        url, "q", "us-east-1", "http://localhost:9324/123456789012/q", "http://localhost:9324/"
    ),
    (url := "pubsub://my-project/my-topic"): PubSubDestination(url, "my-project", "my-topic"),
    (url := "pubsub://my-project/my-topic?ordering_key=data.community_id"): PubSubDestination(
        url, "my-project", "my-topic", "data.community_id"
    ),
    (url := "kafka://broker/my-topic"): KafkaDestination(url, ("broker:9092",), "my-topic"),
    (url := "kafka://my_broker:9092/my-topic"): KafkaDestination(url, ("my_broker:9092",), "my-topic"),
    (url := "kafka://broker1:9092,broker2:9093/my-topic?key=actor_user_id"): KafkaDestination(
        url, ("broker1:9092", "broker2:9093"), "my-topic", "actor_user_id"
    ),
    (url := "kafka://broker:9094/t?tls=true&sasl=SCRAM-SHA-512"): KafkaDestination(
        url, ("broker:9094",), "t", None, tls=True, sasl="SCRAM-SHA-512"
    ),
}

WRONG = {
    "example.com/hook": "no scheme",
    "": "no scheme",
    "https://": "no host",
    "https:///path": "no host",
    "https://example.com:99999/": "malformed",
    "https://example.com:0/": "malformed",
    "https://exam\u00adple.com/": "invisible character",
    "https://example.com/a\u200bb": "invisible character",
    "https://example.com/a\u00a0b": "invisible character",
    "https://example..com/": "malformed",
    f"https://{'a' * 64}.com/": "malformed",
    f"https://{'ü' * 9}.example/": "malformed",
    "https://[::1::]/": "malformed",
    "https://exa<mple.com/": "malformed",
    "https://example.com:port/": "malformed",
    "https://example.com/a b": "white space",
    "https://example.com/#part": "fragment",
    "https://user:pass@example.com/": "user name or password",
    "https://user@example.com/": "user name or password",
    "sqs://my-queue": "has no region",
    "sqs://?region=us-east-1": "no host",
    "sqs://my queue?region=us-east-1": "white space",
    "sqs://my.queue?region=us-east-1": "queue 'my.queue' is not a valid one",
    f"sqs://{AMAZON[:-2]}/my-queue?region=us-east-1": "account '1234567890' is not a valid one",
    f"sqs://{AMAZON}?region=us-east-1": "the URL has no queue",
    "sqs://q?region=us-east-1&region=us-east-2": "'region' appears twice",
    "sqs://q?region=us-east-1&retries=3": "'retries' is unknown",
    "sqs://q?region=us-east-1&endpoint_url=ftp://x": "'endpoint_url' has a value that is not allowed",
    "sqs://q?region=us-east-1&endpoint_url=http://u:pass@x": "'endpoint_url' has a value that is not allowed",
    "sqs://key:pass@q?region=us-east-1": "user name or password",
    "pubsub://my-project": "the URL has no topic",
    "pubsub://p/my-topic": "project 'p' is not a valid one",
    "pubsub://my-project/1": "topic '1' is not a valid one",
    "pubsub://my-project/my-topic?ordering_key=a..b": "'ordering_key' has a value",
    "kafka://broker:9092": "the URL has no topic",
    "kafka://broker:9092,/t": "the URL has no broker",
    "kafka://broker:port/t": "broker 'broker:port' is not a valid one",
    "kafka://user:pass@broker:9092/t": "user name or password",
    "kafka://broker:9092/t?password=pass@x": "'password' is unknown",
    "kafka://broker:9092/t?key=a&tls=true&key=b": "'key' appears twice",
    "kafka://broker:9092/t?tls=yes": "'tls' has a value",
    "kafka://broker:9092/t?sasl=GSSAPI": "'sasl' has a value",
}


@pytest.mark.parametrize("url", RIGHT)
def test_right(url: str) -> None:
    """Parsed into its scheme's type."""
    assert parse(url, allow_http=True) == RIGHT[url]
    assert parse(url, allow_http=True).scheme == url.split(":", maxsplit=1)[0]


@pytest.mark.parametrize("url", WRONG)
def test_wrong(url: str) -> None:
    """The error names the part, shows a right example of the same scheme, and repeats no password."""
    with pytest.raises(DestinationError, match=WRONG[url]) as caught:
        parse(url)
    assert "pass@" not in str(caught.value)
    assert EXAMPLES.get(url.partition(":")[0], EXAMPLES["https"]) in str(caught.value)


def test_http_only_in_development() -> None:
    """Plain http needs the setting, which the error names."""
    with pytest.raises(DestinationError, match="WEBHOOKS_ALLOW_HTTP"):
        parse("http://127.0.0.1/")


def test_fifo_queues() -> None:
    """Known by their names, as AWS has it."""
    fifo = parse("sqs://q.fifo?region=us-east-1")
    assert isinstance(fifo, SqsDestination)
    assert fifo.fifo
    assert not SqsDestination("", "q", "us-east-1").fifo


@pytest.mark.parametrize(
    ("scheme", "headers", "key", "problem"),
    [
        ("sqs", {f"X-{n}": "x" for n in range(10)}, "", None),
        ("sqs", {f"X-{n}": "x" for n in range(11)}, "", "SQS accepts 10 message attributes; remove 1 "),
        ("sqs", {"X-Long": "x" * 100_000}, "k" * 2000, None),
        ("sqs", {"X-Empty": ""}, "", "SQS does not accept an empty message attribute; give 'X-Empty' a value"),
        ("sqs", {"X" * 256: "x", "X_a.b": "x"}, "", None),
        ("sqs", {"X" * 257: "x"}, "", "attribute with the name"),
        *[
            ("sqs", {name: "x"}, "", "attribute with the name")
            for name in ("X!", "AWS.x", "amazon.x", ".x", "x.", "x..y")
        ],
        ("pubsub", {"X-Empty": "", "X!": "x", "X": "ü" * 512}, "ü" * 512, None),
        ("pubsub", {"X": "ü" * 512 + "x"}, "", "Pub/Sub accepts 1,024 bytes per attribute; shorten the header 'X'"),
        ("pubsub", {"google": "x"}, "", "attribute with the name 'google'"),
        ("pubsub", {}, "ü" * 512 + "x", "Pub/Sub accepts 1,024 bytes as an ordering key"),
    ],
)
def test_limits_of_queues(scheme: str, headers: dict[str, str], key: str, problem: str | None) -> None:
    """What is at a limit passes; what is beyond one is named, and its value is not repeated."""
    if problem is None:
        LIMITS[scheme].check(headers, key)
        return
    with pytest.raises(DestinationError, match=problem) as caught:
        LIMITS[scheme].check(headers, key)
    assert "üü" not in str(caught.value)


def test_a_scheme_that_an_entry_point_may_know() -> None:
    """Its adapter parses the rest; the rules that hold for all hold for it too."""
    assert parse("nats://host/subject") == Destination("nats://host/subject")
    with pytest.raises(DestinationError, match="user name or password"):
        parse("nats://u:p@host/subject")


@pytest.mark.parametrize("url", ["HTTPS://example.com/A", "  https://example.com/A \n", "\tHttps://example.com/A"])
def test_the_normal_form(url: str, db: Connection[dict[str, Any]]) -> None:
    """Space around a URL and capitals in its scheme are corrected, when it is saved and when it is read."""
    assert parse(url) == HttpDestination("https://example.com/A")
    row = db.execute(
        "insert into public.webhook_configurations (name, url, events) values ('x', %s, '{*}') returning url", (url,)
    ).fetchone()
    assert row == {"url": "https://example.com/A"}


def test_the_database_agrees(db: Connection[dict[str, Any]]) -> None:
    """What is rejected at delivery is rejected when it is saved, and what is saved can be delivered."""
    for url in (*RIGHT, *WRONG):
        row = db.execute("select webhooks.url_problem(%s) as problem", (url,)).fetchone()
        assert row is not None
        assert (row["problem"] is None) == (url in RIGHT), (url, row["problem"])


def test_every_scheme_has_an_adapter(db: Connection[dict[str, Any]]) -> None:
    """The grammar's schemes are the adapters', and the database's."""
    rows = db.execute("select scheme, example, pattern from webhooks.url_schemes").fetchall()
    assert set(PARSERS) == set(ADAPTERS) == set(EXAMPLES) == {row["scheme"] for row in rows}
    assert {row["scheme"]: row["example"] for row in rows} == EXAMPLES
    assert {row["scheme"]: row["pattern"] for row in rows} == GRAMMAR
