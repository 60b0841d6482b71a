"""The fields of an event's data, read from its JSON Schema, as rows of a table."""

from __future__ import annotations

from typing import Any, NamedTuple

#: Levels that are shown; deeper ones are in the schema itself.
DEPTH = 5


class Field(NamedTuple):
    """A field: its path (items of a list as `[]`), its type in words, whether it must be there, and what it means."""

    path: str
    type: str
    required: bool
    description: str


def fields(schema: Any, path: str = "", depth: int = DEPTH) -> list[Field]:  # noqa: ANN401 - any JSON
    """Return the fields of an object's schema, each followed by those inside it."""
    if not isinstance(schema, dict) or not depth:
        return []
    properties, required = schema.get("properties"), schema.get("required")
    found: list[Field] = []
    for name, one in (properties if isinstance(properties, dict) else {}).items():
        where = f"{path}.{name}" if path else str(name)
        needed = isinstance(required, list) and name in required
        about = one.get("description") if isinstance(one, dict) else None
        found.append(Field(where, _type(one), needed, str(about or "")))
        found += fields(one, where, depth - 1)
        if isinstance(one, dict) and one.get("items"):
            found += fields(one["items"], f"{where}[]", depth - 1)
    return found


def _type(schema: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(schema, dict):
        return "any"
    if "const" in schema:
        return f"always {schema['const']}"
    if isinstance(schema.get("enum"), list):
        return " or ".join(str(value) for value in schema["enum"])
    given = schema.get("type", "any")
    words = " or ".join(str(one) for one in given) if isinstance(given, list) else str(given)
    return f"{words} ({schema['format']})" if schema.get("format") else words
