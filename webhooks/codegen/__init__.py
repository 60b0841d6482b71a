"""Code generated from the event catalog: types for both sides of a webhook, and a page that documents it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.codegen import python, typescript

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from supabase_webhooks.webhooks.catalog import EventType

#: `webhooks types <language>` -> what renders the catalog as a module of that language.
LANGUAGES: dict[str, Callable[[Sequence[EventType]], str]] = {
    "typescript": typescript.render,
    "python": python.render,
}
