"""Names of generated types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.catalog import EventType

#: What the generated modules define themselves.
TAKEN = {"WebhookEvents", "WebhookEventType", "WebhookPayload", "DispatchResult", "DispatchOptions"}


def type_names(events: Sequence[EventType]) -> dict[str, str]:
    """Return each event's type name: user.joined_community -> UserJoinedCommunity; all are different."""
    names: dict[str, str] = {}
    for event in events:
        base = "".join(word.capitalize() for word in re.split(r"[._]+", event.name) if word)
        if not base[:1].isalpha():
            base = f"Event{base}"
        name, number = base, 2
        while name in TAKEN or name in names.values():
            name, number = f"{base}{number}", number + 1
        names[event.name] = name
    return names
