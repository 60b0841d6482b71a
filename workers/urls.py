"""Checks of new and changed URLs: a worker resolves, connects and verifies the certificate, and sends nothing.

What it finds is a warning on the endpoint, in words for whoever wrote the URL. Deliveries go out all the same.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, cast

import httpx
import msgspec

from webhooks import destinations
from webhooks.addresses import parse_networks
from webhooks.errors import DestinationError, SetupError, StoreError
from workers.adapters import Context
from workers.adapters.authorities import trusted
from workers.adapters.transport import connect, host_and_port
from workers.delivery import own_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.deliveries import UrlCheck
    from webhooks.destinations import Destination, KafkaDestination, SqsDestination
    from webhooks.settings import Settings
    from webhooks.store import Store

logger = logging.getLogger(__name__)

#: Checks at once, and in one call.
AT_ONCE = 10

#: OpenSSL's codes (x509_vfy.h) -> what to do about a certificate.
CURES = {
    9: "set the receiver's clock, or wait",  # not yet valid
    10: "renew it",  # expired
    18: "use one of a public authority, or give the workers this one in WEBHOOKS_CA_BUNDLE",  # self-signed
    19: "use one of a public authority, or give the workers its authority in WEBHOOKS_CA_BUNDLE",  # its root is
    20: "let the receiver send the intermediate certificates, or give the workers its authority in WEBHOOKS_CA_BUNDLE",
    62: "correct the URL's host, or give the receiver a certificate for it",  # another name
    64: "give the URL the name that the certificate is for, in place of an address",  # another address
}


class Target(NamedTuple):
    """A host and port that deliveries are sent to, and whether by TLS."""

    host: str
    port: int
    tls: bool


class UrlChecks:
    """Checks beside deliveries, when asked to: what is due, a few at a time, until nothing is."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._under_way: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, unless checks are under way."""
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Leave what is not finished to another worker, once its lease runs out."""
        if self._under_way:
            self._under_way.cancel()
            with suppress(asyncio.CancelledError):
                await self._under_way

    async def _run(self) -> None:
        try:
            while claimed := await self._store.claim_url_checks(how_many=AT_ONCE):
                checked = await asyncio.gather(*(self._checked(one) for one in claimed))
                if results := [one for one in checked if one]:
                    await self._store.record_url_checks(results)
        except StoreError as exc:
            logger.warning("checks of URLs wait: %s", exc)
        except Exception:
            # the sweep starts them again
            logger.exception("checks of URLs failed")

    async def _checked(self, one: UrlCheck) -> UrlCheck | None:
        """Return a check with what it found, or None after a fault of this process."""
        try:
            return msgspec.structs.replace(one, warning=await warning(one, self._settings))
        except Exception:
            logger.exception("the URL of endpoint %s is not checked: a fault of this process", one.id)
            return None


async def warning(check: UrlCheck, settings: Settings) -> str | None:
    """Return why deliveries to a URL would fail, and what to do; None when it is in order, or not known.

    Raises what the process itself lacks, such as files, and SetupError for certificate authorities that it cannot read.
    """
    trusted(settings.ca_bundle)
    try:
        destination = destinations.parse(check.url, allow_http=settings.allow_http)
        context = Context.of(settings, check.credentials_profile)
        authorities = _authorities(context)
        targets = TARGETS[destination.scheme](destination) if destination.scheme in TARGETS else []
    except (DestinationError, httpx.InvalidURL) as exc:
        return f"Deliveries will fail: {exc}."
    for target in targets:
        if problem := await _problem(target, authorities, settings):
            return problem
    return None


async def _problem(target: Target, authorities: ssl.SSLContext, settings: Settings) -> str | None:
    """Connect, and return what went wrong, with what to do about it."""
    allowed = parse_networks(settings.allowed_networks)
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            connection = await connect(target.host, target.port, authorities if target.tls else None, allowed, limit=0)
        connection.abort()
    except SetupError as exc:
        return f"Deliveries will fail: {exc}."
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
        return ssl.create_default_context(cafile=file)
    except OSError as exc:  # ssl.SSLError is one
        raise SetupError(f"the credentials profile's ca_file, {file}, has no certificates in PEM ({exc})") from exc


def _described(target: Target, error: httpx.ConnectError) -> str:
    """Return what went wrong with a connection, and what to do about it."""
    cause = error.__cause__
    if isinstance(cause, socket.gaierror):
        if cause.errno == socket.EAI_AGAIN:
            return f"The name server does not know {target.host} at present: check the name, and the workers' DNS."
        return f"The name {target.host} does not resolve: check its spelling."
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.verify_message.rstrip(".")
        cure = CURES.get(cause.verify_code, "replace it")
        return f"The certificate of {_named(target)} is not accepted ({reason}): {cure}."
    if isinstance(cause, ssl.SSLError):
        return f"{_named(target)} does not speak TLS as it should ({cause.reason or cause}): check the port."
    return f"{_named(target)} accepts no connection ({error}): check the port, firewalls, and that the receiver runs."


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


#: scheme -> the hosts that its deliveries are sent to. Pub/Sub's is Google's own, which no URL can get wrong.
TARGETS: dict[str, Callable[[Destination], list[Target]]] = {
    "https": _http,
    "http": _http,
    "sqs": _sqs,
    "kafka": _kafka,
}
