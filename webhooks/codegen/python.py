"""The catalog as Python: payload types for receivers, a typed `dispatch` for supabase-py."""

from __future__ import annotations

import json
import keyword
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks.codegen.naming import type_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from supabase_webhooks.webhooks.catalog import EventType

HEADER = '''\
"""Generated from the event catalog by `webhooks types python`. Do not edit; generate it again."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict, overload

from supabase import Client
'''

RESULT = '''\
class DispatchResult(TypedDict):
    """What dispatch returns. `deliveries`: how many endpoints receive the event."""

    request_id: str
    deliveries: int
'''

#: The one body behind the typed signatures.
BODY = '''\
    """Dispatch an event to every endpoint that subscribes; raise postgrest.APIError if Supabase rejects it.

    `actor_user_id`: the user who did it; a user's own client may name that user only. A repeated `idempotency_key`
    returns the first response and delivers nothing again. `tenant_id`: whose endpoints
    receive it, and the app's own.
    """
    arguments = {
        "event_type": event,
        "event_data": data,
        "actor_user_id": actor_user_id,
        "idempotency_key": idempotency_key,
        "tenant_id": tenant_id,
    }
    response: Any = client.rpc("dispatch_webhook", arguments).execute().data
    return DispatchResult(request_id=response["request_id"], deliveries=response["deliveries"])
'''

SIGNATURE = """\
def dispatch(
    client: Client,
    event: {event},
    data: {data},
    *,
    actor_user_id: str | None = None,
    idempotency_key: str | None = None,
    tenant_id: str | None = None,
) -> DispatchResult:"""

SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def render(events: Sequence[EventType]) -> str:
    """Return the module. It needs Python 3.11 or newer."""
    names = type_names(events)
    parts = [HEADER]
    for event in events:
        parts += _dictionary(names[event.name], event.data_schema, event.description)
        parts += [_payload(event.name, names[event.name])]
    literals = [f"Literal[{json.dumps(event.name)}]" for event in events]
    payloads = " | ".join(f"{names[event.name]}Payload" for event in events)
    parts += [f"#: What an endpoint receives; `event` says which.\nWebhookPayload: TypeAlias = {payloads or 'Any'}\n"]
    parts += [RESULT]
    # a single overload is not valid
    if len(events) > 1:
        pairs = zip(literals, (names[event.name] for event in events), strict=True)
        parts += [f"@overload\n{SIGNATURE.format(event=event, data=data)} ...\n" for event, data in pairs]
        parts += [f"{SIGNATURE.format(event='str', data='Any')}\n{BODY}"]
    else:
        only = {"event": literals[0], "data": names[events[0].name]} if events else {"event": "str", "data": "Any"}
        parts += [f"{SIGNATURE.format(**only)}\n{BODY}"]
    return "\n\n".join(parts)


def _payload(event: str, name: str) -> str:
    return (
        f"class {name}Payload(TypedDict):\n"
        f'    """What an endpoint receives for {event}."""\n\n'
        f"    event: Literal[{json.dumps(event)}]\n    timestamp: str\n    actor_user_id: str | None\n"
        f"    data: {name}\n    request_id: str\n"
    )


def _dictionary(name: str, schema: dict[str, Any], description: str) -> list[str]:
    """Return the definitions of an object's type: those of the objects inside it first."""
    properties = dict(schema.get("properties") or {})
    required = schema.get("required") or []
    properties.update({key: {} for key in required if key not in properties})
    inner: list[str] = []
    fields = {}
    for key, each in properties.items():
        kind = _type(each, f"{name}{''.join(part.capitalize() for part in key.split('_') if part.isalnum())}", inner)
        fields[key] = kind if key in required else f"NotRequired[{kind}]"
    text = " ".join(description.replace("\\", "").replace('"""', "'''").split()).rstrip('"')
    if all(key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("__") for key in fields):
        lines = "".join(f"    {key}: {kind}\n" for key, kind in fields.items())
        return [*inner, f'class {name}(TypedDict):\n    """{text}"""\n' + (f"\n{lines}" if lines else "")]
    # keys that are not valid Python names need the functional syntax
    lines = "".join(f"        {json.dumps(key)}: {kind},\n" for key, kind in fields.items())
    return [*inner, f'#: {text}\n{name} = TypedDict(\n    "{name}",\n    {{\n{lines}    }},\n)\n']


def _type(schema: Any, name: str, inner: list[str]) -> str:  # noqa: ANN401, PLR0911 - a schema is any JSON; one a keyword
    if not isinstance(schema, dict):
        return "Any"
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return _union(map(_literal, schema["enum"]))
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _union(_type(each, f"{name}{n}", inner) for n, each in enumerate(schema[key], 1))
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(_type({**schema, "type": each}, name, inner) for each in kind)
    if kind == "array":
        return f"list[{_type(schema.get('items'), f'{name}Item', inner)}]"
    if kind == "object":
        if not schema.get("properties") and not schema.get("required"):
            return "dict[str, Any]"
        inner += _dictionary(name, schema, str(schema.get("description") or f"Part of {name}."))
        return name
    return SIMPLE.get(str(kind), "Any")


def _union(types: Iterable[str]) -> str:
    unique = list(dict.fromkeys(types))
    return "Any" if "Any" in unique or not unique else " | ".join(unique)


def _literal(value: object) -> str:
    if value is None:
        return "None"
    # Literal has no floating-point numbers
    return f"Literal[{value!r}]" if isinstance(value, str | int) else "Any"
