"""An adapter's connections: the name is resolved, every address checked, and a checked one connected to.

A name is never looked up a second time, so that it cannot point elsewhere after the check (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from aiohappyeyeballs import start_connection

from supabase_webhooks.webhooks.addresses import refused
from supabase_webhooks.webhooks.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.addresses import Network

#: Seconds after which the next address is tried while earlier ones have not responded (RFC 8305, section 5).
STAGGER = 0.25

#: An address as getaddrinfo gives it: the last field is what sockets take.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

#: Concurrent look-ups: some name servers never respond, and must not stop other look-ups.
_LOOKUPS = ThreadPoolExecutor(64, thread_name_prefix="asyncio_lookup")

#: (host, port) -> its look-up in progress. All of a process's adapters run on one event loop.
_UNDER_WAY: dict[tuple[str, int], asyncio.Future[list[AddressInfo]]] = {}


async def checked_addresses(host: str, port: int, allowed: Sequence[Network]) -> list[AddressInfo]:
    """Return a host's addresses. Raises AddressError when one may not be delivered to, OSError for no such host."""
    loop = asyncio.get_running_loop()
    lookup = _UNDER_WAY.get((host, port))
    if lookup is None:
        # one for all concurrent callers: a name whose server is dead holds one thread
        lookup = loop.run_in_executor(_LOOKUPS, _lookup, host, port)
        _UNDER_WAY[host, port] = lookup
        lookup.add_done_callback(lambda _: _UNDER_WAY.pop((host, port), None))
    addresses = await asyncio.shield(lookup)
    for *_, address in addresses:
        check_address(str(address[0]), allowed, host=host)
    return addresses


def _lookup(host: str, port: int) -> list[AddressInfo]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:  # a label that is empty or too long
        raise OSError(f"not a host name: {exc}") from exc
    return list(dict.fromkeys(found))


async def connected(protocol: asyncio.Protocol, addresses: Sequence[AddressInfo]) -> tuple[Any, ...]:
    """Connect a protocol to the address that responds first; return it. Raises OSError if none does.

    One that does not respond costs the others STAGGER seconds, not the attempt (RFC 8305, "Happy Eyeballs").
    """
    sock = await start_connection(addresses, happy_eyeballs_delay=STAGGER)
    try:
        address: tuple[Any, ...] = sock.getpeername()
        await asyncio.get_running_loop().create_connection(lambda: protocol, sock=sock)
    except BaseException:
        sock.close()
        raise
    return address


def check_address(address: str, allowed: Sequence[Network], *, host: str | None = None) -> None:
    """Raise AddressError for an address that may not be delivered to."""
    if refused(address, allowed):
        name = f"{host} resolves to {address}, which" if host and host != address else address
        raise AddressError(f"{name} is not a public address; WEBHOOKS_ALLOWED_NETWORKS can allow its network")
