"""Form fields and URL parameters, converted for the database. An error names the field."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from supabase_webhooks.webhooks import exact, retries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class FormError(Exception):
    """Raised when a field cannot be read; names it and what it must contain. `field`: the field's name."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


def text(form: Mapping[str, Any], name: str) -> str | None:
    """Return a field without blanks around it; None when it is empty."""
    return str(form.get(name) or "").strip() or None


def number(form: Mapping[str, Any], name: str, kind: type[int | float] = int) -> float | None:
    """Return a number."""
    value = text(form, name)
    try:
        found = None if value is None else kind(value)
    except ValueError:
        raise FormError(f"{label(name)} must be a number", name) from None
    # "nan" and "inf" are floats in Python, but not numbers in JSON
    if found is not None and not math.isfinite(found):
        raise FormError(f"{label(name)} must be a number", name)
    return found


def seconds(form: Mapping[str, Any], name: str) -> list[int]:
    """Return a list of seconds."""
    value = text(form, name)
    try:
        waits = retries.parse(value or "")
    except ValueError as exc:
        raise FormError(f"{label(name)}: {exc}", name) from None
    if isinstance(waits, str):
        raise FormError(f"{label(name)} must be seconds such as 5, 300, 1800", name)
    return waits


def choice(form: Mapping[str, Any], name: str, *, of: Sequence[str]) -> str | None:
    """Return one of some words."""
    value = text(form, name)
    if value is not None and value not in of:
        raise FormError(f"{label(name)} must be one of {', '.join(of)}", name)
    return value


def moment(form: Mapping[str, Any], name: str) -> str | None:
    """Return a time as ISO 8601; one without an offset, as browsers send it, is UTC."""
    value = text(form, name)
    try:
        at = None if value is None else datetime.fromisoformat(value)
    except ValueError:
        raise FormError(f"{label(name)} must be a time such as 2026-01-29T12:34", name) from None
    return None if at is None else (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def identifier(form: Mapping[str, Any], name: str) -> str | None:
    """Return a UUID."""
    value = text(form, name)
    try:
        return None if value is None else str(UUID(value))
    except ValueError:
        raise FormError(f"{label(name)} must be a UUID", name) from None


def document(form: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401 - any JSON object
    """Return a JSON object; None when the field is empty."""
    value = text(form, name)
    try:
        found = {} if value is None else exact.decode(value)
    except ValueError as exc:
        raise FormError(f"{label(name)} must be a JSON object: {exc}", name) from None
    if not isinstance(found, dict):
        raise FormError(f"{label(name)} must be a JSON object", name)
    return None if value is None else found


def label(name: str) -> str:
    """Return a field's name as the page writes it."""
    return name.replace("_", " ").capitalize()
