"""A probe of an endpoint's URL: resolve the name, connect, verify the certificate, and send nothing.

Its findings are written for the person who entered the URL.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, NamedTuple, cast

import httpx

from supabase_webhooks.webhooks import destinations
from supabase_webhooks.webhooks.addresses import parse_networks
from supabase_webhooks.webhooks.errors import AddressError, DestinationError, SetupError
from supabase_webhooks.workers.adapters import Context
from supabase_webhooks.workers.adapters.authorities import lenient, trusted
from supabase_webhooks.workers.adapters.transport import connect, host_and_port
from supabase_webhooks.workers.delivery import own_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from supabase_webhooks.webhooks.deliveries import UrlCheck
    from supabase_webhooks.webhooks.destinations import Destination, KafkaDestination, SqsDestination
    from supabase_webhooks.webhooks.settings import Settings

#: OpenSSL's codes (x509_vfy.h) -> what to do about a certificate.
CURES = {
    9: "correct the receiver's clock, or wait",  # not yet valid
    10: "renew it",  # expired
    18: "use one from a public authority, or add it to the workers' WEBHOOKS_CA_BUNDLE",  # self-signed
    19: "use one from a public authority, or add its authority to the workers' WEBHOOKS_CA_BUNDLE",  # its root is
    20: "have the receiver send the intermediate certificates, or add its authority to the workers' WEBHOOKS_CA_BUNDLE",
    62: "correct the URL's host, or install a certificate for it on the receiver",  # another name
    64: "use the name that the certificate is for in the URL, instead of an address",  # another address
}


class Target(NamedTuple):
    """A host and port that deliveries are sent to, and whether by TLS."""

    host: str
    port: int
    tls: bool


async def warning(check: UrlCheck, settings: Settings) -> str | None:
    """Return why deliveries to a URL would fail, and how to fix it; None if it is fine, or unknown.

    Raises if the process runs out of resources such as files, and SetupError for unreadable certificate authorities.
    """
    trusted(settings.ca_bundle)
    try:
        destination = destinations.parse(check.url, allow_http=settings.allow_http)
        context = Context.of(settings, destination, check.credentials_profile, public_only=check.public_only)
        authorities = _authorities(context)
        targets = TARGETS[destination.scheme](destination) if destination.scheme in TARGETS else []
    except (DestinationError, httpx.InvalidURL) as exc:
        return f"Deliveries will fail: {exc}."
    for target in targets:
        try:
            problem = await _problem(target, authorities, context.settings)
        except AddressError as exc:
            # a customer must not learn the addresses of the app's network
            reason = f"{target.host} has no public address" if check.public_only else str(exc)
            return f"Deliveries will fail: {reason}."
        if problem:
            return problem
    return None


async def _problem(target: Target, authorities: ssl.SSLContext, settings: Settings) -> str | None:
    """Connect, and return what went wrong, with what to do about it."""
    allowed = parse_networks(settings.allowed_networks)
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            connection = await connect(target.host, target.port, authorities if target.tls else None, allowed, limit=0)
        connection.abort()
    except TimeoutError:
        return f"{_named(target)} does not respond within {settings.timeout_seconds:g} s: check the port and firewalls."
    except httpx.ConnectError as exc:
        if own_fault(exc):
            raise
        return _described(target, exc)
    return None


def _authorities(context: Context) -> ssl.SSLContext:
    file = context.credentials.get("ca_file")
    if not file:
        return trusted(context.settings.ca_bundle)
    try:
        return lenient(ssl.create_default_context(cafile=file))
    except OSError as exc:  # ssl.SSLError is one
        raise SetupError(f"the credentials profile's ca_file, {file}, has no PEM certificates ({exc})") from exc


def _described(target: Target, error: httpx.ConnectError) -> str:
    """Return what went wrong with a connection, and what to do about it."""
    cause = error.__cause__
    if isinstance(cause, socket.gaierror):
        if cause.errno == socket.EAI_AGAIN:
            return f"The name server cannot resolve {target.host} at the moment: check the name, and the workers' DNS."
        return f"The name {target.host} does not resolve: check its spelling."
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.verify_message.rstrip(".")
        cure = CURES.get(cause.verify_code, "replace it")
        return f"The certificate of {_named(target)} is not accepted ({reason}): {cure}."
    if isinstance(cause, ssl.SSLError):
        # OpenSSL's own have a reason, such as WRONG_VERSION_NUMBER
        reason = str(getattr(cause, "reason", None) or cause)
        return f"{_named(target)} does not speak TLS correctly ({reason}): check the port."
    return f"{_named(target)} does not accept connections ({error}): check the port, the firewall and the receiver."


def _named(target: Target) -> str:
    return f"[{target.host}]:{target.port}" if ":" in target.host else f"{target.host}:{target.port}"


def _http(destination: Destination) -> list[Target]:
    return [_of(destination.url)]


def _sqs(destination: Destination) -> list[Target]:
    """Return an SQS-compatible service; AWS's own hosts may be reached by proxies alone."""
    url = cast("SqsDestination", destination).endpoint_url
    return [_of(url)] if url else []


def _kafka(destination: Destination) -> list[Target]:
    kafka = cast("KafkaDestination", destination)
    brokers = (broker.rpartition(":") for broker in kafka.brokers)
    return [Target(host, int(port), kafka.tls) for host, _, port in brokers]


def _of(url: str) -> Target:
    parsed = httpx.URL(url)
    return Target(*host_and_port(parsed), tls=parsed.scheme == "https")


#: scheme -> the hosts that its deliveries are sent to. Pub/Sub's is always Google's own.
TARGETS: dict[str, Callable[[Destination], list[Target]]] = {
    "https": _http,
    "http": _http,
    "sqs": _sqs,
    "kafka": _kafka,
}
