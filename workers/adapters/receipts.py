"""Receipts of queues: their brokers' acknowledgments, as the attempt log keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from supabase_webhooks.webhooks.deliveries import Receipt

if TYPE_CHECKING:
    import asyncio


def acknowledged(**identity: str | int | None) -> Receipt:
    """Return a receipt with what identifies a message at its broker, as compact JSON; None is left out."""
    known = {name: value for name, value in identity.items() if value is not None}
    return Receipt(excerpt=msgspec.json.encode(known).decode())


def settle(future: asyncio.Future[Receipt], result: Receipt | Exception) -> None:
    """Resolve a caller's future with the receipt or the error, unless it no longer waits."""
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
