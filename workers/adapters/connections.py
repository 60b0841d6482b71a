"""Connections that an adapter makes: the name is resolved, every address checked, and a checked one connected to.

A name is never looked up a second time, so that it cannot point elsewhere after the check (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpcore

from webhooks.addresses import refused
from webhooks.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from httpcore import SOCKET_OPTION, AsyncNetworkStream

    from webhooks.addresses import Network

#: Look-ups at once: some name servers never answer, and must not stop the look-ups of others.
_LOOKUPS = ThreadPoolExecutor(64, thread_name_prefix="asyncio_lookup")

#: (host, port) -> its look-up under way. All of a process's adapters live on one event loop.
_UNDER_WAY: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}


async def checked_addresses(host: str, port: int, allowed: Sequence[Network]) -> list[str]:
    """Return a host's addresses. Raises SetupError when one may not be delivered to, OSError for no such host."""
    loop = asyncio.get_running_loop()
    lookup = _UNDER_WAY.get((host, port))
    if lookup is None:
        # one for all who ask meanwhile: a name whose server is dead holds one thread
        lookup = loop.run_in_executor(_LOOKUPS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        _UNDER_WAY[host, port] = lookup
        lookup.add_done_callback(lambda _: _UNDER_WAY.pop((host, port), None))
    found = await asyncio.shield(lookup)
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    for address in addresses:
        check_address(address, allowed, host=host)
    return addresses


def check_address(address: str, allowed: Sequence[Network], *, host: str | None = None) -> None:
    """Raise SetupError for an address that may not be delivered to."""
    if refused(address, allowed):
        name = f"{host} resolves to {address}, which" if host and host != address else address
        raise SetupError(f"{name} is no public address; WEBHOOKS_ALLOWED_NETWORKS can allow its network")


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """httpcore's own backend, behind the check. TLS still verifies the name, not the address."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = allowed
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first address that answers."""
        try:
            addresses = await checked_addresses(host, port, self._allowed)
        except OSError as exc:
            raise httpcore.ConnectError(f"{host}: {exc}") from exc
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(self, *_: object, **__: object) -> AsyncNetworkStream:
        """Refuse: nothing is delivered to a file."""
        raise httpcore.UnsupportedProtocol("unix sockets are not delivered to")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
