"""The catalog as TypeScript: payload types for receivers, a typed `dispatch` for supabase-js."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.codegen.naming import type_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.catalog import EventType

HEADER = """\
// Generated from the event catalog by `webhooks types typescript`. Do not edit; generate it again.
import type { SupabaseClient } from "@supabase/supabase-js";
"""

#: What does not depend on the catalog. The client's own generics do not matter to the call.
FOOTER = """\
export type WebhookEventType = keyof WebhookEvents;

/** What an endpoint receives; `switch (payload.event)` narrows its data. */
export type WebhookPayload<T extends WebhookEventType = WebhookEventType> = {
  [K in T]: {
    event: K;
    /** ISO 8601, UTC. */
    timestamp: string;
    actor_user_id: string | null;
    data: WebhookEvents[K];
    request_id: string;
  };
}[T];

export interface DispatchResult {
  request_id: string;
  /** How many endpoints receive the event. */
  deliveries: number;
}

export interface DispatchOptions {
  /** The user who did it: a browser may name its own user only. */
  actorUserId?: string | null;
  /** A repeated key returns the first response and delivers nothing again. */
  idempotencyKey?: string;
  /** The tenant of the event: its endpoints receive it, and the app's own. */
  tenantId?: string;
}

/** Dispatches an event to every endpoint that subscribes to it; throws Supabase's error if it is rejected. */
export async function dispatch<T extends WebhookEventType>(
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  supabase: SupabaseClient<any, any, any>,
  event: T,
  data: WebhookEvents[T],
  options: DispatchOptions = {},
): Promise<DispatchResult> {
  const response = await supabase.rpc("dispatch_webhook", {
    event_type: event,
    event_data: data,
    actor_user_id: options.actorUserId ?? null,
    idempotency_key: options.idempotencyKey ?? null,
    tenant_id: options.tenantId ?? null,
  });
  if (response.error) throw response.error;
  return response.data as DispatchResult;
}
"""

SIMPLE = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def render(events: Sequence[EventType]) -> str:
    """Return the module."""
    names = type_names(events)
    parts = [HEADER, *declarations(events).values()]
    table = "".join(f"  {json.dumps(e.name)}: {names[e.name]};\n" for e in events)
    parts += [f"/** The data of each event. */\nexport interface WebhookEvents {{\n{table}}}\n", FOOTER]
    return "\n".join(parts)


def declarations(events: Sequence[EventType]) -> dict[str, str]:
    """Return the type of each event's data, by the event's name."""
    names = type_names(events)
    return {e.name: f"{_comment(e.description)}export type {names[e.name]} = {_type(e.data_schema)};\n" for e in events}


def _type(schema: Any, indent: str = "") -> str:  # noqa: ANN401, PLR0911 - a schema is any JSON; one return a keyword
    if not isinstance(schema, dict):
        return "unknown"
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return _union(map(_literal, schema["enum"]))
    for keyword in ("anyOf", "oneOf"):
        if schema.get(keyword):
            return _union(_type(each, indent) for each in schema[keyword])
    kind = schema.get("type")
    if isinstance(kind, list):
        return _union(_type({**schema, "type": each}, indent) for each in kind)
    if kind == "array":
        return f"Array<{_type(schema.get('items'), indent)}>"
    if kind == "object":
        return _object(schema, indent)
    return SIMPLE.get(str(kind), "unknown")


def _object(schema: dict[str, Any], indent: str) -> str:
    properties = dict(schema.get("properties") or {})
    required = schema.get("required") or []
    properties.update({key: {} for key in required if key not in properties})
    if not properties:
        return "Record<string, unknown>"
    inner = f"{indent}  "
    lines = []
    for key, each in properties.items():
        described = each.get("description") or each.get("format") if isinstance(each, dict) else None
        name = key if re.fullmatch(r"[A-Za-z_$][\w$]*", key, re.ASCII) else json.dumps(key)
        optional = "" if key in required else "?"
        lines.append(f"{_comment(described, inner)}{inner}{name}{optional}: {_type(each, inner)};\n")
    return f"{{\n{''.join(lines)}{indent}}}"


def _union(types: Any) -> str:  # noqa: ANN401 - any iterable of text
    unique = list(dict.fromkeys(types))
    return " | ".join(unique) if unique else "never"


def _literal(value: object) -> str:
    if isinstance(value, Decimal | float):
        return exact.encode(value)
    return json.dumps(value) if value is None or isinstance(value, str | int) else "unknown"


def _comment(text: object, indent: str = "") -> str:
    safe = " ".join(str(text or "").replace("*/", "*\\/").split())
    return f"{indent}/** {safe} */\n" if safe else ""
