"""What an endpoint can speak: cards to choose from, and whether a URL is one of its kind."""

from __future__ import annotations

from typing import NamedTuple

from supabase_webhooks.webhooks.destinations import EXAMPLES, normal, parse
from supabase_webhooks.webhooks.errors import DestinationError


class Protocol(NamedTuple):
    """A card: its title, a line about it, an example of its URL, what to know, and its URLs' schemes, if known."""

    title: str
    about: str
    example: str
    guide: str
    schemes: tuple[str, ...] = ()

    @property
    def takes_credentials(self) -> bool:
        """Whether workers need credentials for it."""
        return self.schemes != WEB

    def problem_of(self, url: str) -> str | None:
        """Return what is wrong with a URL, before the database checks it."""
        url = normal(url)
        if self.schemes and not url.startswith(tuple(f"{scheme}://" for scheme in self.schemes)):
            return f"This is not a URL for {self.title}. Example: {self.example}"
        if "/webhook-test/" in url and self is PROTOCOLS["n8n"]:
            return "This is the node's test URL, which receives only while someone tests it. Copy its production URL."
        try:
            parse(url, allow_http=True)
        except DestinationError as exc:
            told = str(exc)
            return f"{told[:1].upper()}{told[1:]}."
        return None


WEB = ("https", "http")

PROTOCOLS = {
    "https": Protocol(
        "HTTPS", "A server, a function, a CRM", EXAMPLES["https"],
        "Each event is a signed POST. The receiver responds with 2xx at once, and does its work afterwards.", WEB,
    ),
    "n8n": Protocol(
        "n8n", "The Webhook node of a workflow", "https://n8n.example.com/webhook/orders",
        "Copy the node's production URL, and activate the workflow: its test URL receives only while someone tests it.",
        WEB,
    ),
    "sqs": Protocol(
        "Amazon SQS", "A queue, standard or FIFO", EXAMPLES["sqs"],
        "Name the queue and its region. The workers' AWS credentials need sqs:SendMessage and sqs:GetQueueUrl.",
        ("sqs",),
    ),
    "pubsub": Protocol(
        "Google Pub/Sub", "A topic", EXAMPLES["pubsub"],
        "Name the project and the topic. The workers' Google credentials need the role Pub/Sub Publisher.", ("pubsub",),
    ),
    "kafka": Protocol(
        "Kafka", "A topic of a cluster", EXAMPLES["kafka"],
        "Name the brokers, separated by commas, and the topic. Add ?tls=true, and sasl=SCRAM-SHA-256 or another if the"
        " cluster asks for a password, which belongs in a credentials profile.", ("kafka",),
    ),
    "other": Protocol(
        "Other", "A protocol of your own", "redisstream://localhost:6379/events",
        "The workers need an adapter for its scheme, and the table webhooks.url_schemes a row.",
    ),
}  # fmt: skip
