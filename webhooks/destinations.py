"""The grammar of endpoint URLs: one frozen type per scheme. The database has the same in webhooks.url_schemes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, parse_qsl, urlsplit

from supabase_webhooks.webhooks.errors import DestinationError, SetupError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: scheme -> an example URL, shown in errors.
EXAMPLES = {
    "https": "https://example.com/webhooks",
    "http": "http://localhost:8000/webhooks",
    "sqs": "sqs://my-queue?region=us-east-1",
    "pubsub": "pubsub://my-project/my-topic",
    "kafka": "kafka://broker:9092/my-topic",
}

#: Where Kafka listens when a URL names no port.
KAFKA_PORT = 9092

#: Characters of a host (RFC 1035, section 2.3.4).
HOST_LENGTH = 253

#: Characters of a URL. What is longer is cut or rejected by receivers.
LENGTH = 2000

#: What no URL may contain: control characters, white space and invisible characters, such as zero-width spaces.
#: By number, since what counts as a space depends on a program's Unicode version, and on a database's locale.
INVISIBLE = (
    r"[\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u3000\u3164\ud7b0-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U0010ffff]"
)

#: Letters beyond ASCII that every IDNA library accepts in a host, in any order; other hosts are written as xn--.
LETTERS = r"\u00df-\u00f6\u00f8-\u00ff\u03ac-\u03ce\u0430-\u045f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3"

#: A host with such letters that has no form as xn--, or one of over 63 bytes a label: IDNA is strict about the rest.
UNENCODABLE = (
    r"(^|\.)([^.]*[^.\u0001-\u007f]){9}|(^|\.)[^.]*[^.\u0001-\u007f][^.]{24}|(^|\.)[^.]{24}[^.]*[^.\u0001-\u007f]"
    r"|^(?=.*[^\u0001-\u007f])(-|[^.]{2}--|.*(_|-\.|\.-|-$|\.[^.]{2}--))"
)

PORT = "(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3}))?"
NAME = r"([A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}"
HOST = rf"(\[[0-9A-Fa-f:]+\]|([A-Za-z0-9_{LETTERS}-]{{1,63}}\.)*[A-Za-z0-9_{LETTERS}-]{{1,63}}\.?)"
SQS_ENDPOINT = rf"endpoint_url=https?://{NAME}{PORT}(/[A-Za-z0-9._~/-]*)?"
KAFKA_FIELD = r"key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*"
KAFKA_OPTION = f"({KAFKA_FIELD}|tls=true|tls=false|sasl=PLAIN|sasl=SCRAM-SHA-256|sasl=SCRAM-SHA-512)"

#: scheme -> a whole URL. The database holds the same patterns (webhooks.url_schemes): one grammar, on both sides.
GRAMMAR = {
    "https": rf"^https://{HOST}{PORT}([/?][^#]*)?$",
    "http": rf"^http://{HOST}{PORT}([/?][^#]*)?$",
    "sqs": (
        rf"^sqs://({NAME}{PORT}/[0-9]{{12}}/)?[A-Za-z0-9_-]{{1,80}}(\.fifo)?"
        rf"\?({SQS_ENDPOINT}&)?region=[a-z0-9-]+(&{SQS_ENDPOINT})?$"
    ),
    "pubsub": (
        r"^pubsub://[a-z][a-z0-9.:-]{4,61}[a-z0-9]/[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
        r"(\?ordering_key=[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)?$"
    ),
    "kafka": (rf"^kafka://{NAME}{PORT}(,{NAME}{PORT})*/[A-Za-z0-9._-]{{1,249}}(\?{KAFKA_OPTION}(&{KAFKA_OPTION})*)?$"),
}

#: A parameter that appears twice.
TWICE = r"[?&]([a-z_]+)=[^&]*(&.*)?&\1="


@dataclass(frozen=True)
class Destination:
    """An endpoint's URL; of a scheme that an entry point added, its adapter reads the rest."""

    url: str

    @property
    def scheme(self) -> str:
        """The URL's scheme, which names the adapter."""
        return self.url.partition(":")[0]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where deliveries go, each as `host:port`; without a port where the URL names none."""
        return tuple(urlsplit(self.url).netloc.split(","))


@dataclass(frozen=True)
class HttpDestination(Destination):
    """An endpoint that receives deliveries by POST."""


@dataclass(frozen=True)
class SqsDestination(Destination):
    """A queue: `queue` is its name, `queue_url` its URL when the endpoint gives one."""

    queue: str
    region: str
    queue_url: str | None = None
    endpoint_url: str | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The service's host, and port."""
        parts = urlsplit(self.endpoint_url or self.queue_url or f"https://sqs.{self.region}.amazonaws.com")
        return (f"{parts.hostname}:{parts.port or (80 if parts.scheme == 'http' else 443)}",)

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

    @property
    def hosts(self) -> tuple[str, ...]:
        """Google's."""
        return ("pubsub.googleapis.com:443",)


@dataclass(frozen=True)
class KafkaDestination(Destination):
    """A topic; `key` names the payload field that is the message's key, `sasl` the mechanism."""

    brokers: tuple[str, ...]
    topic: str
    key: str | None = None
    tls: bool = False
    sasl: str | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The brokers to begin with."""
        return self.brokers


@dataclass(frozen=True)
class Limits:
    """A queue's limits besides the body's: headers become attributes, ours included. Sizes in bytes of UTF-8."""

    service: str
    attributes: int
    names: str
    name_bytes: int = 256
    value_bytes: int | None = None
    empty_values: bool = True
    ordering_key_bytes: int | None = None

    def check(self, headers: Mapping[str, str], ordering_key: str = "") -> None:
        """Raise DestinationError, which names what exceeds a limit."""
        if len(headers) > self.attributes:
            surplus = len(headers) - self.attributes
            raise DestinationError(
                f"{self.service} accepts {self.attributes} message attributes; remove {surplus} of the extra headers"
            )
        for name, value in headers.items():
            if len(name.encode()) > self.name_bytes or not re.fullmatch(self.names, name):
                raise DestinationError(
                    f"{self.service} does not accept a message attribute with the name {name[:80]!r}"
                )
            if not value and not self.empty_values:
                raise DestinationError(
                    f"{self.service} does not accept an empty message attribute; give {name!r} a value"
                )
            if self.value_bytes is not None and len(value.encode()) > self.value_bytes:
                raise DestinationError(
                    f"{self.service} accepts {self.value_bytes:,} bytes per attribute; shorten the header {name!r}"
                )
        if self.ordering_key_bytes is not None and len(ordering_key.encode()) > self.ordering_key_bytes:
            raise DestinationError(
                f"{self.service} accepts {self.ordering_key_bytes:,} bytes as an ordering key;"
                " let ordering_key name a field with shorter values"
            )


#: scheme -> its limits; Kafka has only the message's size. Sources: "Amazon SQS message metadata" in
#: its developer guide, and https://cloud.google.com/pubsub/quotas#resource_limits
LIMITS = {
    "sqs": Limits("SQS", 10, r"(?!\.|(?i:aws|amazon)\.)(?!.*\.(\.|$))[A-Za-z0-9_.-]+", empty_values=False),
    "pubsub": Limits("Pub/Sub", 100, r"(?!goog).+", value_bytes=1024, ordering_key_bytes=1024),
}


def parse(url: str, *, allow_http: bool = False) -> Destination:
    """Return the destination of a URL; raise DestinationError, which names the wrong part and an example."""
    url = normal(url)
    scheme = url.partition(":")[0]
    example = EXAMPLES.get(scheme, EXAMPLES["https"])
    try:
        parts = urlsplit(url)
        if problem := _problem(url, parts):
            raise DestinationError(problem)  # noqa: TRY301 - the example is added below, as to the parsers' errors
        if scheme == "http" and not allow_http:
            raise SetupError("the URL is plain http; use https, or set WEBHOOKS_ALLOW_HTTP=true in development")
        destination = PARSERS.get(scheme, _other)(url, parts)
        if not _matches(scheme, url, parts):
            raise DestinationError("the URL is malformed")  # noqa: TRY301
        return destination  # noqa: TRY300 - what raises is above
    except DestinationError as exc:
        raise type(exc)(f"{exc}; example: {example}") from None
    except ValueError as exc:
        raise DestinationError(f"the URL is malformed ({exc}); example: {example}") from None


def normal(url: str) -> str:
    """Return a URL without the space around it, and with its scheme in lower case, as the database stores it."""
    url = url.strip(" \t\n\r\f\v")
    scheme, colon, rest = url.partition(":")
    return f"{scheme.lower() if scheme.isascii() else scheme}{colon}{rest}"


def _matches(scheme: str, url: str, parts: SplitResult) -> bool:
    if scheme not in GRAMMAR:
        return True
    if not re.fullmatch(GRAMMAR[scheme].strip("^$"), url):
        return False
    if scheme in {"https", "http"}:
        return len(parts.hostname or "") <= HOST_LENGTH and not re.search(UNENCODABLE, parts.hostname or "")
    return not re.search(TWICE, url)


def _problem(url: str, parts: SplitResult) -> str | None:
    """Return what is wrong with a URL, whatever its scheme."""
    if len(url) > LENGTH:
        return f"the URL has more than {LENGTH} characters"
    if "\0" in url or re.search(INVISIBLE, url):
        return "the URL contains white space or an invisible character"
    if not parts.scheme or not url.startswith(f"{parts.scheme}:"):
        return f"the URL has no scheme in lower case, such as {', '.join(EXAMPLES)}"
    if "@" in parts.netloc:
        return (
            "the URL contains a user name or password; put credentials in secret_key, "
            "or in WEBHOOKS_CREDENTIALS under the endpoint's credentials_profile"
        )
    if parts.fragment:
        return "the URL has a fragment (#...), which is never sent"
    return None if parts.netloc else "the URL has no host"


def _other(url: str, _: SplitResult) -> Destination:
    return Destination(url)


def _http(url: str, parts: SplitResult) -> HttpDestination:
    _ = parts.port  # raises ValueError unless it is a number
    if not parts.hostname:
        raise DestinationError("the URL has no host")
    return HttpDestination(url)


def _sqs(url: str, parts: SplitResult) -> SqsDestination:
    query = _query(parts, region=r"[a-z0-9-]+", endpoint_url=r"https?://[^@]+")
    if "region" not in query:
        raise DestinationError("the URL has no region")
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
        _match("broker", broker, r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")
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
            raise DestinationError(f"the URL's parameter {name!r} appears twice")
        if not re.fullmatch(patterns[name], value):
            # the value is not repeated: it may be a secret in the wrong place
            raise DestinationError(f"the URL's parameter {name!r} has a value that is not allowed")
        query[name] = value
    return query
