"""Receipts of queues: what their brokers acknowledged, as the attempt log keeps it."""

from __future__ import annotations

import msgspec

from webhooks.deliveries import Receipt


def acknowledged(**identity: str | int | None) -> Receipt:
    """Return a receipt with what identifies a message at its broker, as compact JSON; None is left out."""
    known = {name: value for name, value in identity.items() if value is not None}
    return Receipt(excerpt=msgspec.json.encode(known).decode())
