"""One grammar: what the database accepts of an endpoint is what the workers can deliver to, and nothing else."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import h11
import httpx
import idna
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from supabase_webhooks.webhooks.destinations import EXAMPLES, LIMITS, PARSERS, normal, parse
from supabase_webhooks.webhooks.errors import DestinationError, SecretError
from supabase_webhooks.webhooks.signing import generate_key_pair, generate_secret, signature_headers
from tests.database.test_platform_events import one

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: Generated values go to the database in lists: a round trip each would take minutes.
LISTS = settings(
    max_examples=25,
    deadline=None,
    # a list is its own reduction: the assertion names the value
    phases=[Phase.generate],
    # the database holds no state that a list could leave behind
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: A function's result for each of many values.
ALL = "select array(select {} from unnest(%s::{}[]) with ordinality as t (u, n) order by n)"

#: What people paste, and what looks like something else: spaces, invisible characters, other scripts, syntax.
ODD = st.sampled_from([
    " ", "\t", "\n", "\u00a0", "\u00ad", "\u200b", "\u200d", "\u202e", "\u2028", "\u3000", "\ufeff", "\u180e",
    "\u0130",
    "\u00df", "\u00fc", "e\u0301", "\u0301", "\u4e2d", "\uff0f", "\uff1a", "\u3002", "\u2603", "\U0001f389",
    "\U000e0041",
    "%20", "%zz", "%", "<", ">", '"', "\\", "^", "`", "{", "}", "|", "[", "]", "#", "?", "&", "=", "@", ":",
    ":99999", ":0",
    ":65535", ":65536", ":080", "..", ".", "-", "_", "+", "*", "~", "'", "(", ",", ";", "//", "/", "xn--",
    "\x7f", "\x85",
])  # fmt: skip
PART = st.one_of(ODD, st.text(max_size=4), st.from_regex(r"[a-zA-Z0-9._-]{0,70}", fullmatch=True))
HOST = st.sampled_from([
    "example.com", "localhost", "127.0.0.1", "[::1]", "[::]", "[1:2:3:4:5:6:7:8]", "[1::2::3]", "[12345::]",
    "[::1.2.3.4]",
    "b\u00fccher.example", "a" * 63 + ".com",
    "a" * 64 + ".com", ("a" * 60 + ".") * 4 + "com", ("a" * 60 + ".") * 5 + "com",
    "\u00fc" * 8 + "a" * 16 + ".example", "\u00fc" * 9 + ".example", "\u4e2d" * 8, "\uac00" * 8 + "z" * 17,
    "example.com.", "",
])  # fmt: skip
PARAMETER = st.sampled_from([
    "region=us-east-1", "region=", "endpoint_url=http://localhost:9324", "endpoint_url=http%3A%2F%2Fx",
    "endpoint_url=https://a/b",
    "endpoint_url=http://a:99999", "key=actor_user_id", "key=data.id", "key=a..b", "tls=true", "tls=yes",
    "sasl=PLAIN",
    "sasl=GSSAPI", "ordering_key=data.id", "retries=3", "", "region",
])  # fmt: skip
MADE = st.builds(
    "{}{}://{}{}{}{}".format,
    st.sampled_from(["", " ", "\n", "\u00a0"]),
    st.sampled_from([*PARSERS, "HTTPS", "Kafka", "ftp", "", "https:"]),
    st.one_of(HOST, PART, st.sampled_from(["my-queue", "broker:9092,b2", "my-project", "h:1/123456789012/q"])),
    st.sampled_from(["", ":8443", "/", "/my-topic", "/a/b", ":0", ":65536"]),
    st.one_of(st.just(""), PART),
    st.one_of(st.just(""), st.lists(PARAMETER, min_size=1, max_size=3).map(lambda all_: "?" + "&".join(all_))),
)


@st.composite
def changed(draw: st.DrawFn) -> str:
    """Return a right URL with something odd somewhere."""
    url = draw(st.sampled_from([*EXAMPLES.values(), "sqs://h:1/123456789012/q?region=a&endpoint_url=http://h:1"]))
    place = draw(st.integers(0, len(url)))
    return url[:place] + draw(PART) + url[place + draw(st.integers(0, 2)) :]


def storable(text: str) -> bool:
    """Return whether Postgres can hold a text: without NUL and halves of pairs."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def parsed(url: str) -> str | None:
    """Return why a worker could not deliver to a URL, or None."""
    try:
        destination = parse(url, allow_http=True)
    except DestinationError as exc:
        return str(exc)
    return None if destination.scheme in PARSERS else "another scheme"


def test_urls(db: Database) -> None:
    """The database and the workers agree on thousands; and what both accept, the HTTP client takes."""
    seen = {True: 0, False: 0}

    @LISTS
    @given(st.lists(st.one_of(MADE, changed()).filter(storable), min_size=100, max_size=100))
    def agree(urls: list[str]) -> None:
        sql = ALL.format("webhooks.url_problem(u)", "text")
        for url, problem in zip(urls, one(db, sql, urls), strict=True):
            ours = parsed(url)
            assert (problem is None) == (ours is None), (url, problem, ours)
            seen[problem is None] += 1
            if problem is None and normal(url).startswith("http"):
                host = urlsplit(normal(url)).hostname or ""
                assert httpx.URL(normal(url)).raw_host
                assert host.isascii() or idna.encode(host)

    agree()
    assert min(seen.values()) > 500, seen


#: What a queue's URL is made of, each part right or nearly so.
LABEL = st.one_of(
    st.from_regex(r"[A-Za-z0-9_.~+%-]{1,8}", fullmatch=True),
    st.sampled_from(["a" * 63, "a" * 64, "a..b", "", "."]),
    ODD,
)
RIGHT = st.from_regex(r"[a-z][A-Za-z0-9_-]{3,20}", fullmatch=True)
PORT = st.sampled_from(["", "", ":9092", ":1", ":65535", ":65536", ":0", ":", ":x", ":080"])
BROKERS = st.lists(st.builds("{}{}".format, LABEL, PORT), min_size=1, max_size=3).map(",".join)
FIELD = st.sampled_from(["actor_user_id", "data.community_id", "a..b", ".a", "a-b", "", "ü"])
LONG = st.sampled_from(["", "", "q" * 70, "q" * 250, "q" * 260])
OPTION = st.one_of(
    st.builds("key={}".format, FIELD), st.builds("ordering_key={}".format, FIELD),
    st.builds("region={}".format, st.sampled_from(["us-east-1", "US", "", "a b", "eu-west-1&region=x"])),
    st.builds(
        "endpoint_url=http{}://{}{}{}".format,
        st.sampled_from(["", "s"]), LABEL, PORT, st.sampled_from(["", "/", "/a/b", "/a?b"]),
    ),
    st.sampled_from(
        ["tls=true", "tls=false", "tls=1", "sasl=PLAIN", "sasl=SCRAM-SHA-512", "sasl=plain", "tls", "&", "x=1"]
    ),
)  # fmt: skip
OPTIONS = st.lists(OPTION, max_size=3).map(lambda all_: "?" + "&".join(all_) if all_ else "")
QUEUES = st.one_of(
    st.builds("kafka://{}/{}{}{}".format, BROKERS, LABEL, LONG, OPTIONS),
    st.builds(
        "pubsub://{}/{}{}{}".format,
        st.one_of(st.just("my-project"), LABEL, st.just("example.com:p1")), LABEL, LONG, OPTIONS,
    ),
    st.builds("sqs://{}{}{}{}".format, LABEL, LONG, st.sampled_from(["", ".fifo", ".FIFO"]), OPTIONS),
    st.builds("sqs://{}{}/{}/{}{}".format, LABEL, PORT, st.sampled_from(["123456789012", "1", ""]), LABEL, OPTIONS),
    # most of what is made at random is wrong: of these, much is right
    st.builds("sqs://{}?region=us-east-1{}".format, RIGHT, st.sampled_from(["", "&endpoint_url=http://h:1/a", "&x"])),
    st.builds("sqs://h/123456789012/{}.fifo?endpoint_url=http://{}&region=a".format, RIGHT, RIGHT),
    st.builds("pubsub://my-project/{}?ordering_key={}".format, RIGHT, FIELD),
    st.builds("sqs://q{}?region=us-east-1&{}".format, LONG, OPTION), st.builds("kafka://b{}/t?{}".format, PORT, OPTION),
    st.builds("pubsub://my-project/topic{}?{}".format, LONG, OPTION),
)  # fmt: skip


def test_urls_of_queues(db: Database) -> None:
    """The same for queues, whose URLs random text rarely hits; and what both accept, its parser reads whole."""
    seen = dict.fromkeys([(scheme, good) for scheme in ("sqs", "pubsub", "kafka") for good in (True, False)], 0)

    @LISTS
    @given(st.lists(QUEUES.filter(storable), min_size=150, max_size=150))
    def agree(urls: list[str]) -> None:
        sql = ALL.format("webhooks.url_problem(u)", "text")
        for url, problem in zip(urls, one(db, sql, urls), strict=True):
            ours = parsed(url)
            assert (problem is None) == (ours is None), (url, problem, ours)
            seen[url.partition(":")[0], problem is None] += 1

    agree()
    assert min(seen.values()) > 50, seen


SECRET = st.one_of(
    st.text(max_size=40),
    st.binary(max_size=80).map(lambda raw: "whsec_" + b64encode(raw).decode()),
    st.binary(max_size=80).map(lambda raw: "whsk_" + b64encode(raw).decode()),
    st.builds(lambda secret, odd, place: secret[:place] + odd + secret[place:],
              st.sampled_from([generate_secret(), generate_key_pair()[0], "a plain secret"]), ODD, st.integers(0, 60)),
)  # fmt: skip


#: Around a secret: spaces, and what cannot be seen.
SPACE = set("\u205f\u3000\ufeff\u00a0\x7f").union(
    map(chr, [*range(0x21), *range(0x80, 0xA0), *range(0x2000, 0x2010), *range(0x2028, 0x2030)])
)


def signs(secret: str) -> bool:
    """Return whether a worker signs with a secret as it was meant, by rules of this test's own."""
    if not secret or secret.startswith("fernet:"):
        return True
    try:
        signed = signature_headers([secret], "id", 1, b"{}")["webhook-signature"]
    except SecretError:
        return False
    raw = secret.encode()
    prefix, encoded = secret[: secret.find("_") + 1], secret[secret.find("_") + 1 :]
    if prefix in {"whsec_", "whsk_"} and len(encoded) % 4:
        # a worker reads too much padding, which secrets of long ago may have
        return False
    size = len(b64decode(encoded)) if prefix == "whsec_" else 32
    return (
        signed.isascii()
        and not SPACE.intersection((secret[0], secret[-1]))
        and not any(byte < 0x20 or byte == 0x7F for byte in raw)
        and not secret.startswith(("v1,", "v1a,", "whpk_"))
        and 24 <= size <= 64
        and 5 <= len(raw) <= 1000
    )


def test_secrets(db: Database) -> None:
    """The database accepts exactly those that sign, of thousands; an error repeats none."""
    seen = {True: 0, False: 0}

    @LISTS
    @given(st.lists(SECRET.filter(storable), min_size=120, max_size=120))
    def agree(secrets: list[str]) -> None:
        sql = ALL.format("webhooks.secret_problem(u)", "text")
        for secret, problem in zip(secrets, one(db, sql, secrets), strict=True):
            seen[problem is None] += 1
            assert (problem is None) == signs(secret), (secret, problem)
            assert problem is None or len(secret) < 8 or secret not in problem

    agree()
    assert min(seen.values()) > 500, seen


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (f"v1,{generate_secret()}", "begins after the comma"),
        (f" {generate_secret()}", "white space around it"),
        ("a plain secret\u00a0", "white space around it"),
        ("a plain\nsecret", "control characters"),
        ("whsec_AA==", "fewer than 24 bytes"),
        ("x", "fewer than 5 bytes"),
        (generate_key_pair()[1], "public key"),
    ],
    # two processes must collect the same names
    ids=["a signature", "a blank", "a no-break space", "a line", "one byte", "a letter", "a public key"],
)
def test_secrets_that_cannot_sign(endpoint: Callable[..., str], secret: str, message: str) -> None:
    """Rejected with the reason, which repeats no secret."""
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=message) as caught:
        endpoint(secret_key=secret)
    assert len(secret) < 2 or secret.strip() not in str(caught.value)


NAMES = ["Host", "TE", "webhook-id", "X-Webhook-Signature", "X-Team", "x-team", "AWS.x"]
NAME = st.one_of(
    st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True), st.text(max_size=8), ODD, st.sampled_from(NAMES)
)
VALUE = st.one_of(st.text(max_size=8), st.from_regex(r"[ -~]{0,30}", fullmatch=True), ODD, st.just("x" * 5000))
HEADERS = st.dictionaries(NAME.filter(storable), VALUE.filter(storable), max_size=5)


#: What the sender sets (docs/protocols/http.md), and what belongs to a connection.
RESERVED = re.compile(
    r"webhook-.*|x-webhook-signature|content-(type|length|encoding)|host|connection|transfer-encoding|te|trailer|upgrade"
    r"|expect|user-agent",
    re.IGNORECASE,
)
OURS = {"Content-Type": "a", "User-Agent": "a", **signature_headers([generate_secret()], "id", 1, b"{}")}


def sends(headers: dict[str, str], scheme: str) -> bool:
    """Return whether a worker sends headers as they are: by a strict HTTP implementation, and a queue's own limits."""
    try:
        sent = h11.Connection(h11.CLIENT).send(
            h11.Request(method="POST", target="/", headers=[("Host", "x"), *headers.items()])
        )
        if scheme in LIMITS:
            # a trace may come in addition to ours
            LIMITS[scheme].check({**OURS, "traceparent": "a", **headers})
    except (h11.LocalProtocolError, UnicodeEncodeError, DestinationError):
        return False
    return (
        sent is not None
        # h11 strips what is around a value; a queue's attribute keeps it
        and all(value and f"{name}: {value}\r\n".encode() in sent for name, value in headers.items())
        and all(value.isascii() and value.isprintable() for value in headers.values())
        and not any(RESERVED.fullmatch(name) for name in headers)
        and len({name.lower() for name in headers}) == len(headers)
        and sum(len(f"{name}{value}") for name, value in headers.items()) <= 4096
    )


def test_headers(db: Database) -> None:
    """The database accepts exactly those that a worker sends as they are, of thousands, for each protocol."""
    seen = {(scheme, good): 0 for scheme in ("https", "sqs", "pubsub", "kafka") for good in (True, False)}

    @LISTS
    @given(st.lists(HEADERS, min_size=100, max_size=100))
    def agree(headers: list[dict[str, str]]) -> None:
        sql = ALL.format("webhooks.headers_problem(u, %s)", "jsonb")
        for scheme in ("https", "sqs", "pubsub", "kafka"):
            for given_, problem in zip(headers, one(db, sql, scheme, [json.dumps(h) for h in headers]), strict=True):
                seen[scheme, problem is None] += 1
                assert (problem is None) == sends(given_, scheme), (scheme, given_, problem)

    agree()
    assert min(seen.values()) > 200, seen


def test_headers_that_an_endpoint_has_already(db: Database, endpoint: Callable[..., str]) -> None:
    """A URL that changes to SQS is rejected when its headers do not fit there."""
    config = endpoint(headers=json.dumps({f"X-{number}": "a" for number in range(5)}))
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="SQS accepts at most 3"):
        db.execute("update public.webhook_configurations set url = 'sqs://q?region=us-east-1' where id = %s", (config,))


def test_a_secret_error_is_the_workers_own() -> None:
    """A secret that an older version accepted is a permanent error of its deliveries."""
    with pytest.raises(SecretError):
        signature_headers(["whsec_x"], "id", 1, b"{}")
