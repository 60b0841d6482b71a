"""What an endpoint can speak: cards to choose from, and whether a URL is one of its kind."""

from __future__ import annotations

from typing import NamedTuple

from supabase_webhooks.webhooks.destinations import EXAMPLES, normal, parse
from supabase_webhooks.webhooks.errors import DestinationError


class Protocol(NamedTuple):
    """A card: its title, a line about it, an example of its URL, what to know, and the schemes of its URLs."""

    title: str
    about: str
    example: str
    guide: str
    schemes: tuple[str, ...]


WEB = ("https", "http")

PROTOCOLS = {
    "https": Protocol(
        "HTTPS", "A server, or a service on the web", EXAMPLES["https"],
        "Each event is a signed POST. The receiver responds with 2xx, and soon: it does its work afterwards.", WEB,
    ),
    "n8n": Protocol(
        "n8n", "The Webhook node of a workflow", "https://n8n.example.com/webhook/orders",
        "Copy the node's production URL, and activate the workflow: its test URL works only while the editor listens.",
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
        "Name brokers, separated by commas, and the topic. Add ?tls=true, and sasl=SCRAM-SHA-256 or another if it asks"
        " for a password, which belongs in a credentials profile.", ("kafka",),
    ),
}  # fmt: skip


def problem_of(protocol: str, url: str) -> str | None:
    """Return what is wrong with a URL for the chosen card, before the database checks it; None without a card."""
    chosen = PROTOCOLS.get(protocol)
    if chosen is None:
        return None
    url = normal(url)
    if not url.startswith(tuple(f"{scheme}://" for scheme in chosen.schemes)):
        return f"This is not a URL for {chosen.title}. Example: {chosen.example}"
    if protocol == "n8n" and "/webhook-test/" in url:
        return "This is the node's test URL, which receives only while the editor listens. Copy its production URL."
    try:
        parse(url, allow_http=True)
    except DestinationError as exc:
        told = str(exc)
        return f"{told[:1].upper()}{told[1:]}."
    return None
