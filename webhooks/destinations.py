"""The grammar of endpoint URLs: one frozen type for each scheme. Mirrored by webhooks.url_schemes in the database."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit

from webhooks.errors import DestinationError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: scheme -> a right URL, shown in errors.
EXAMPLES = {
    "https": "https://example.com/webhooks",
    "http": "http://localhost:8000/webhooks",
    "sqs": "sqs://my-queue?region=us-east-1",
    "pubsub": "pubsub://my-project/my-topic",
    "kafka": "kafka://broker:9092/my-topic",
}

#: Where Kafka listens when a URL names no port.
KAFKA_PORT = 9092


@dataclass(frozen=True)
class Destination:
    """An endpoint's URL; of a scheme that an entry point added, its adapter reads the rest."""

    url: str

    @property
    def scheme(self) -> str:
        """The URL's scheme, which names the adapter."""
        return self.url.partition(":")[0]


@dataclass(frozen=True)
class HttpDestination(Destination):
    """An endpoint that is delivered to by POST."""


@dataclass(frozen=True)
class SqsDestination(Destination):
    """A queue: `queue` is its name, `queue_url` its URL when the endpoint gives one."""

    queue: str
    region: str
    queue_url: str | None = None
    endpoint_url: str | None = None

    @property
    def fifo(self) -> bool:
        """Whether the queue keeps order; AWS has such names end in .fifo."""
        return self.queue.endswith(".fifo")


@dataclass(frozen=True)
class PubSubDestination(Destination):
    """A topic; `ordering_key` names the payload field whose value orders messages, such as actor_user_id."""

    project: str
    topic: str
    ordering_key: str | None = None


@dataclass(frozen=True)
class KafkaDestination(Destination):
    """A topic; `key` names the payload field that is the message's key, `sasl` the mechanism."""

    brokers: tuple[str, ...]
    topic: str
    key: str | None = None
    tls: bool = False
    sasl: str | None = None


@dataclass(frozen=True)
class Limits:
    """What a queue takes beside the body: headers become attributes, ours included. Sizes in bytes of UTF-8."""

    service: str
    attributes: int
    names: str
    name_bytes: int = 256
    value_bytes: int | None = None
    empty_values: bool = True
    ordering_key_bytes: int | None = None

    def check(self, headers: Mapping[str, str], ordering_key: str = "") -> None:
        """Raise DestinationError that names what is beyond a limit."""
        if len(headers) > self.attributes:
            surplus = len(headers) - self.attributes
            raise DestinationError(
                f"{self.service} takes {self.attributes} message attributes; remove {surplus} of the extra headers"
            )
        for name, value in headers.items():
            if len(name.encode()) > self.name_bytes or not re.fullmatch(self.names, name):
                raise DestinationError(f"{self.service} does not take a message attribute of the name {name[:80]!r}")
            if not value and not self.empty_values:
                raise DestinationError(f"{self.service} takes no empty message attribute; give {name!r} a value")
            if self.value_bytes is not None and len(value.encode()) > self.value_bytes:
                raise DestinationError(
                    f"{self.service} takes {self.value_bytes:,} bytes in an attribute; shorten the header {name!r}"
                )
        if self.ordering_key_bytes is not None and len(ordering_key.encode()) > self.ordering_key_bytes:
            raise DestinationError(
                f"{self.service} takes {self.ordering_key_bytes:,} bytes as an ordering key;"
                " let ordering_key name a field with shorter values"
            )


#: scheme -> its limits; Kafka has none of its own beside the message's size. Sources: "Amazon SQS message metadata" in
#: its developer guide, and https://cloud.google.com/pubsub/quotas#resource_limits
LIMITS = {
    "sqs": Limits("SQS", 10, r"(?!\.|(?i:aws|amazon)\.)(?!.*\.(\.|$))[A-Za-z0-9_.-]+", empty_values=False),
    "pubsub": Limits("Pub/Sub", 100, r"(?!goog).+", value_bytes=1024, ordering_key_bytes=1024),
}


def parse(url: str, *, allow_http: bool = False) -> Destination:
    """Return the destination of a URL; raise DestinationError that names the wrong part and a right example."""
    scheme = url.partition(":")[0]
    example = EXAMPLES.get(scheme, EXAMPLES["https"])
    try:
        parts = urlsplit(url)
        if problem := _problem(url, parts):
            raise DestinationError(problem)  # noqa: TRY301 - the example is added below, as to the parsers' errors
        if scheme == "http" and not allow_http:
            raise SetupError("the URL is plain http; use https, or set WEBHOOKS_ALLOW_HTTP=true in development")
        return PARSERS.get(scheme, _other)(url, parts)
    except DestinationError as exc:
        raise type(exc)(f"{exc}; a right one is {example}") from None
    except ValueError as exc:
        raise DestinationError(f"the URL is malformed ({exc}); a right one is {example}") from None


def _problem(url: str, parts: SplitResult) -> str | None:
    """Return what is wrong with a URL of whatever scheme."""
    if any(c.isspace() or ord(c) < ord(" ") for c in url):
        return "the URL contains white space"
    if not parts.scheme or not url.startswith(f"{parts.scheme}:"):
        return f"the URL has no scheme in lower case, such as {', '.join(EXAMPLES)}"
    if "@" in parts.netloc:
        return (
            "the URL carries a user name or password; put credentials in secret_key, "
            "or in WEBHOOKS_CREDENTIALS under the endpoint's credentials_profile"
        )
    if parts.fragment:
        return "the URL has a fragment (#...), which is never sent"
    if not parts.netloc:
        return "the URL has no host"
    return None


def _other(url: str, _: SplitResult) -> Destination:
    return Destination(url)


def _http(url: str, parts: SplitResult) -> HttpDestination:
    _ = parts.port  # raises ValueError for what is no number
    if not parts.hostname:
        raise DestinationError("the URL has no host")
    return HttpDestination(url)


def _sqs(url: str, parts: SplitResult) -> SqsDestination:
    query = _query(parts, region=r"[a-z0-9-]+", endpoint_url=r"https?://[^@]+")
    if "region" not in query:
        raise DestinationError("the URL names no region")
    queue, queue_url = parts.netloc, None
    if parts.path not in {"", "/"}:
        account, _, queue = parts.path.removeprefix("/").partition("/")
        _match("account", account, r"[0-9]{12}")
        queue_url = f"https://{parts.netloc}{parts.path}"
        if "endpoint_url" in query:
            queue_url = f"{query['endpoint_url'].rstrip('/')}{parts.path}"
    _match("queue", queue, r"[A-Za-z0-9_-]{1,80}(\.fifo)?")
    return SqsDestination(url, queue, query["region"], queue_url, query.get("endpoint_url"))


def _pubsub(url: str, parts: SplitResult) -> PubSubDestination:
    query = _query(parts, ordering_key=FIELD)
    topic = parts.path.removeprefix("/")
    _match("project", parts.netloc, r"[a-z][a-z0-9.:-]{4,61}[a-z0-9]")
    _match("topic", topic, r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}")
    return PubSubDestination(url, parts.netloc, topic, query.get("ordering_key"))


def _kafka(url: str, parts: SplitResult) -> KafkaDestination:
    query = _query(parts, key=FIELD, tls="true|false", sasl="PLAIN|SCRAM-SHA-256|SCRAM-SHA-512")
    brokers = []
    for broker in parts.netloc.split(","):
        _match("broker", broker, r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
        brokers.append(broker if ":" in broker else f"{broker}:{KAFKA_PORT}")
    topic = parts.path.removeprefix("/")
    _match("topic", topic, r"[A-Za-z0-9._-]{1,249}")
    tls = query.get("tls") == "true"
    return KafkaDestination(url, tuple(brokers), topic, query.get("key"), tls, query.get("sasl"))


#: scheme -> its parser. workers/adapters and the database have the same schemes; a test keeps the three alike.
PARSERS: dict[str, Callable[[str, SplitResult], Destination]] = {
    "https": _http,
    "http": _http,
    "sqs": _sqs,
    "pubsub": _pubsub,
    "kafka": _kafka,
}

#: A payload field, as `field` reads it: actor_user_id, data.community_id.
FIELD = r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*"


def _match(part: str, text: str, pattern: str) -> None:
    if not re.fullmatch(pattern, text):
        raise DestinationError(f"the URL's {part} {text!r} is not a valid one" if text else f"the URL has no {part}")


def _query(parts: SplitResult, **patterns: str) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)):
        if name not in patterns:
            raise DestinationError(f"the URL's parameter {name!r} is unknown (known: {', '.join(patterns)})")
        if name in query:
            raise DestinationError(f"the URL's parameter {name!r} stands twice")
        if not re.fullmatch(patterns[name], value):
            # the value is not repeated: it may be a secret in the wrong place
            raise DestinationError(f"the URL's parameter {name!r} has a value that is not allowed")
        query[name] = value
    return query
