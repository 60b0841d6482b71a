"""Sign-in attempts and wrong API tokens, counted in Postgres for all gateways: by address and account together.

A wrong token has no account: its address alone counts. A stranger gets few attempts, and cannot lock out an admin who
uses another address.
"""

from __future__ import annotations

import hmac
import unicodedata
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from supabase_webhooks.gateway.session import key
from supabase_webhooks.webhooks.tokens import API_TOKEN

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    from supabase_webhooks.webhooks.settings import Settings
    from supabase_webhooks.webhooks.store import Store

#: Leading bits of an IPv6 address that tell customers apart (RFC 6177); a customer chooses the rest.
CUSTOMER = 64


class Tries:
    """The count. The database keeps a keyed hash of each pair, not the address and the account themselves.

    Methods raise StoreUnavailable and StoreError, as the store does.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._key = key(settings, b"tries")

    async def count(self, connection: ASGIConnection[Any, Any, Any, Any], email: str) -> int:
        """Count an attempt; return the seconds until the next one is allowed, 0 if this one is."""
        return await self._store.count_sign_in(self._pair(connection, email))

    async def count_link(self, connection: ASGIConnection[Any, Any, Any, Any], email: str) -> int:
        """Count a link that is asked for; return the seconds until the next one is allowed, 0 if this one is.

        Links for all accounts together count by address too: each is a mail. Supabase Auth itself sends an account one
        a minute, from wherever it is asked.
        """
        every = await self._store.count_sign_in(self._digest(f"{_customer(connection)}\nlink"))
        return max(every, await self.count(connection, email))

    async def forget(self, connection: ASGIConnection[Any, Any, Any, Any], email: str) -> None:
        """Reset the count after a successful sign-in."""
        await self._store.forget_sign_ins(self._pair(connection, email))

    async def count_token(self, connection: ASGIConnection[Any, Any, Any, Any]) -> int:
        """Count a wrong API token; return the seconds until the next one is allowed, 0 if this one is."""
        return await self._store.count_sign_in(self._digest(f"{_customer(connection)}\n{API_TOKEN}"))

    def _pair(self, connection: ASGIConnection[Any, Any, Any, Any], email: str) -> str:
        return self._digest(f"{_customer(connection)} {account(email)}")

    def _digest(self, pair: str) -> str:
        return hmac.digest(self._key, pair.encode(), "sha256").hex()


def _customer(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    # the client, or the one that a trusted proxy names: uvicorn looks at X-Forwarded-For
    return customer(connection.client.host if connection.client else "")


def customer(address: str) -> str:
    """Return the customer behind an address: an IPv4 address, an IPv6 network, or the server's name for the client."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if ip.version == 4:  # noqa: PLR2004 - its name
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((int(ip), CUSTOMER), strict=False))


def account(email: str) -> str:
    """Return an e-mail address without what Supabase Auth ignores, case, and without accents and odd letters."""
    letters = unicodedata.normalize("NFKD", email.strip()).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
