"""The catalog as a page in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks import exact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.catalog import EventType

HEADER = """\
# Event catalog

Generated from `public.webhook_event_types` by `webhooks events docs`. Each event arrives as
`{"event", "timestamp", "actor_user_id", "data", "request_id"}`; below is what `data` holds.
"""


def render(events: Sequence[EventType]) -> str:
    """Return the page."""
    rows = [f"| [{event.name}](#{_anchor(event.name)}) | {_cell(event.description)} |" for event in events]
    index = "\n".join(["| event | meaning |", "|---|---|", *rows])
    return "\n".join([HEADER, f"{index}\n", *map(_section, events)])


def _section(event: EventType) -> str:
    required = event.data_schema.get("required") or []
    properties = dict(event.data_schema.get("properties") or {})
    properties.update({key: {} for key in required if key not in properties})
    lines = [f"## {event.name}", "", event.description, ""]
    if event.emitted_by:
        lines += [f"Emitted by the database: {', '.join(event.emitted_by)}.", ""]
    lines += ["| key | type | always there |", "|---|---|---|"]
    lines += [
        f"| `{_cell(key)}` | {_cell(_type(schema))} | {'yes' if key in required else 'no'} |"
        for key, schema in properties.items()
    ]
    example = exact.pretty(exact.encode(event.example))
    return "\n".join([*lines, "", "```json", example, "```", ""])


def _type(schema: Any) -> str:  # noqa: ANN401 - a schema is any JSON
    if not isinstance(schema, dict):
        return "any"
    if "enum" in schema:
        return " or ".join(f"`{exact.encode(value)}`" for value in schema["enum"])
    kind = schema.get("type", "any")
    names = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return names + (f" ({schema['format']})" if "format" in schema else "")


def _anchor(name: str) -> str:
    # as GitHub makes them: a heading's dots go
    return name.replace(".", "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
