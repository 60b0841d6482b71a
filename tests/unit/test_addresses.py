"""Which addresses are rejected, in whatever form they come."""

from __future__ import annotations

import pytest

from supabase_webhooks.webhooks.addresses import parse_networks, refused

PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:0101:0101::1",
          "192.88.98.255", "192.88.100.0", "3ffe:ffff::1", "2a00:1450::1"]  # fmt: skip
PRIVATE = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "this host": ["0.0.0.0", "0.1.2.3", "::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "fc00::1", "fd12:3456::1", "fec0::1"],
    "shared (CGNAT)": ["100.64.0.1", "100.127.255.255"],
    "link-local": ["169.254.1.1", "fe80::1", "fe80::1%eth0"],
    "metadata": ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": [
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.51.100.1",
        "203.0.113.1",
        "198.18.0.1",
        "2001:db8::1",
    ],
    "mapped": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1"],
    "NAT64": ["64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"],
    "6to4": ["2002:7f00:1::1", "2002:a00:1::1", "2002:a9fe:a9fe::1"],
    # the rest of IANA's special-purpose registries that is not globally reachable
    "6to4 relays": ["192.88.99.0", "192.88.99.1", "192.88.99.255", "64:ff9b::192.88.99.1", "2002:c058:6301::1"],
    "documentation": ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"],
    "dummy": ["192.0.0.8", "100:0:0:1::1"],
    "discard": ["100::1"],
    "benchmarking": ["198.19.255.255", "2001:2::1"],
    "protocol assignments": ["192.0.0.1", "192.0.0.170", "2001:1ff:ffff::1"],
    "segment routing": ["5f00::1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:f5ff:fffe", "2001:0:7f00:1::"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    """Also within IPv6."""
    assert not refused(address, ())


@pytest.mark.parametrize("address", [one for many in PRIVATE.values() for one in many])
def test_not_public(address: str) -> None:
    """None of them is delivered to."""
    assert refused(address, ())


def test_allowed_networks() -> None:
    """By network or address, in each form of the address."""
    allowed = parse_networks("10.0.0.0/8, 192.168.1.5, fd00::/8")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "192.168.1.5", "fd12::1"):
        assert not refused(address, allowed)
    for address in ("192.168.1.6", "127.0.0.1", "::ffff:127.0.0.1", "fc00::1"):
        assert refused(address, allowed)


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "10.0.0.0/33"])
def test_a_wrong_network(text: str) -> None:
    """It is named."""
    with pytest.raises(ValueError, match=text.partition("/")[0]):
        parse_networks(text)
