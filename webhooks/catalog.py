"""The event catalog of a Supabase project, read from its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import msgspec

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.errors import SettingsError, StoreUnavailable
from supabase_webhooks.webhooks.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds for one request. The catalog is some kilobytes.
TIMEOUT = 30

#: Rows of one request: PostgREST's default maximum.
PAGE = 1000


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """A type of event. `data_schema`: JSON Schema of its data; `emitted_by`: the table changes that emit it."""

    name: str
    description: str
    data_schema: dict[str, Any]
    example: dict[str, Any]
    emitted_by: tuple[str, ...] = ()


def from_environment(environment: Mapping[str, str]) -> list[EventType]:
    """Return the catalog of the environment's project. Raises SettingsError if it names none."""
    names = ("SUPABASE_URL", "SUPABASE_SERVICE_ROLE_KEY")
    if missing := [name for name in names if not environment.get(name)]:
        raise SettingsError(f"set {', '.join(missing)} in the environment or in .env; `webhooks env` writes it")
    return fetch(*(environment[name] for name in names))


def fetch(supabase_url: str, key: str, *, access_token: str = "") -> list[EventType]:
    """Return the webhook event types, by name: a server's key, or any with a user's access token.

    Raises StoreUnavailable and StoreError.
    """
    headers = {"apikey": key}
    if access_token or not key.startswith("sb_"):
        headers["Authorization"] = f"Bearer {access_token or key}"  # a legacy key is also a token
    url = f"{supabase_url.rstrip('/')}/rest/v1"
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT) as rest:
            types = _rows(rest, "webhook_event_types", "name,description,data_schema,example,analytics_destination")
            triggers = _rows(rest, "webhook_triggers", "event_type,operation,source")
    except httpx.HTTPError as exc:
        raise StoreUnavailable(f"Supabase did not respond ({type(exc).__name__}); is SUPABASE_URL right?") from exc
    emitted_by: dict[str, list[str]] = {}
    for row in triggers:
        # REST omits the schema public, which it searches
        table = row["source"] if "." in row["source"] else f"public.{row['source']}"
        emitted_by.setdefault(row["event_type"], []).append(f"{row['operation']} on {table}")
    return [
        EventType(
            name=row["name"],
            description=row["description"],
            data_schema=row["data_schema"],
            example=row["example"],
            emitted_by=tuple(sorted(emitted_by.get(row["name"], []))),
        )
        for row in sorted(types, key=lambda row: str(row["name"]))
        if row["analytics_destination"] is None
    ]


def _rows(rest: httpx.Client, table: str, columns: str) -> list[dict[str, Any]]:
    rows: list[Any] = []
    while True:
        query: dict[str, str | int] = {
            "select": columns,
            "order": columns.partition(",")[0],
            "offset": len(rows),
            "limit": PAGE,
        }
        response = rest.get(f"/{table}", params=query)
        if not response.is_success:
            raise refused(response, "the event catalog")
        try:
            found = exact.decode(response.content)
        except ValueError as exc:
            raise StoreUnavailable(f"the response is not from Supabase's API ({type(exc).__name__})") from None
        rows += found
        if len(found) < PAGE:
            return rows
