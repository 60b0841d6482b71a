"""Which addresses deliveries may go to: public ones, and the networks that the settings allow.

Sources: the IANA special-purpose address registries for IPv4 and IPv6, which Python's ipaddress follows
(https://docs.python.org/3/library/ipaddress.html#ipaddress.IPv4Address.is_global), and for addresses within addresses
RFC 4291 section 2.5.5 (mapped, compatible), RFC 6052 and RFC 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Prefixes whose addresses carry an IPv4 address in their last 32 bits.
_LAST_32_BITS = tuple(ip_network(prefix) for prefix in ("::/96", "::ffff:0:0/96", "64:ff9b::/96"))

#: Not public, regardless of the registries in this Python version.
_NEVER = (
    ip_network("64:ff9b:1::/48"),  # NAT64 for local use: it stays within a network
    ip_network("fec0::/10"),  # site-local, deprecated
    ip_network("192.0.0.0/24"),  # IETF protocol assignments; Oracle Cloud's metadata is there
    ip_network("192.88.99.0/24"),  # 6to4 relays, deprecated (RFC 7526)
    ip_network("100:0:0:1::/64"),  # dummy prefix (RFC 9780)
    ip_network("2001::/23"),  # IETF protocol assignments; Teredo's are looked into before this
    ip_network("3fff::/20"),  # documentation (RFC 9637)
    ip_network("5f00::/16"),  # segment routing within a network (RFC 9602)
    ip_network("168.63.129.16"),  # Azure's metadata, at an address of its own
)


@lru_cache(maxsize=8)
def parse_networks(text: str) -> tuple[Network, ...]:
    """Return networks from `10.0.0.0/8, 127.0.0.1`. Raises ValueError, which names the wrong one."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def refused(host: str, allowed: Sequence[Network]) -> bool:
    """Return whether deliveries to an address, given as text, are forbidden. A scope such as `%eth0` is ignored."""
    address = ip_address(host.partition("%")[0])
    inner = _embedded(address)
    if any(one in network for network in allowed for one in (address, *inner) if one.version == network.version):
        return False
    return not all(_public(one) for one in (inner or [address]))


def _public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _NEVER if network.version == address.version)
    )


def _embedded(address: Address) -> list[Address]:
    """Return the IPv4 addresses that traffic to an IPv6 address may reach."""
    if not isinstance(address, IPv6Address):
        return []
    if any(address in network for network in _LAST_32_BITS):
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour is not None:
        return [address.sixtofour]
    if address.teredo is not None:
        return list(address.teredo)
    return []
