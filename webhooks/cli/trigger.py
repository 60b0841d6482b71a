"""`webhooks trigger`: dispatch the catalog's example of an event, with fields of your own."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import typer

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.cli.dispatch import Tenant
from supabase_webhooks.webhooks.cli.events import named
from supabase_webhooks.webhooks.cli.output import AsJson, note, print_fields, print_json
from supabase_webhooks.webhooks.cli.resend import deliveries_of
from supabase_webhooks.webhooks.cli.responses import Timeout, Wait, show_responses
from supabase_webhooks.webhooks.cli.supabase import call

#: Type of a value -> the names that JSON Schema has for it.
TYPES: dict[type, set[str]] = {
    bool: {"boolean"},
    int: {"integer", "number"},
    Decimal: {"number"},
    dict: {"object"},
    list: {"array"},
    type(None): {"null"},
}


def trigger(
    event: Annotated[str, typer.Argument(help="The event type, for example user.joined_community.")],
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="data.FIELD=VALUE",
            help="Another value in the example: data.user.name=Ada, data.items.0.count=2. JSON, or text.",
        ),
    ] = None,
    actor: Annotated[UUID | None, typer.Option(help="The user who did it.")] = None,
    tenant: Tenant = None,
    wait: Wait = False,
    timeout: Timeout = 30,
    as_json: AsJson = False,
) -> None:
    """Dispatch the catalog's example of an event to every endpoint that subscribes to it."""
    found = named(event)
    data = copy.deepcopy(found["example"])
    for change in changes or []:
        _set(data, change, found["data_schema"])
    made = call(
        "dispatch_webhook",
        event_type=event,
        event_data=data,
        actor_user_id=str(actor) if actor else None,
        tenant_id=tenant,
    )
    if wait and made["deliveries"]:
        if not as_json:
            print_fields({"event": event} | made)
        before = {one["id"]: 0 for one in deliveries_of(made["request_id"])}
        show_responses(before, timeout=timeout, made=made, as_json=as_json)
        return
    if as_json:
        print_json(made)
        return
    print_fields({"event": event} | made)
    if not made["deliveries"]:
        note("No active endpoint subscribes to it.")
    else:
        note(f"To see the result: webhooks deliveries list --request {made['request_id']}")


def _set(data: Any, change: str, schema: Any) -> None:  # noqa: ANN401 - any JSON
    path, marked, text = change.partition("=")
    root, *fields = path.split(".")
    if not marked or root != "data" or not all(fields) or not fields:
        raise typer.BadParameter(f"--set {change!r} is not a field and its value; example: --set data.user.name=Ada")
    for field in fields[:-1]:
        data, schema = _step(data, field, path), _part(schema, field)
    value = _value(text, _part(schema, fields[-1]))
    if isinstance(data, list):
        place = _place(data, fields[-1], path)
        data[place : place + 1] = [value]
    elif isinstance(data, dict):
        data[fields[-1]] = value
    else:
        raise typer.BadParameter(f"--set {path}: the example has no fields there")


def _step(data: Any, field: str, path: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what a field holds: an object is created where there is nothing."""
    if isinstance(data, list):
        place = _place(data, field, path)
        data[place:] = data[place:] or [{}]
        return data[place]
    if not isinstance(data, dict):
        raise typer.BadParameter(f"--set {path}: the example has no fields in front of {field!r}")
    return data.setdefault(field, {})


def _place(items: list[Any], field: str, path: str) -> int:
    if not (field.isascii() and field.isdigit() and int(field) <= len(items)):
        raise typer.BadParameter(f"--set {path}: {field!r} is not a place in a list of {len(items)}; the first is 0")
    return int(field)


def _part(schema: Any, field: str) -> dict[str, Any]:  # noqa: ANN401 - JSON Schema
    if not isinstance(schema, dict):
        return {}
    properties = schema.get("properties")
    part = properties.get(field) if isinstance(properties, dict) and field in properties else schema.get("items")
    return part if isinstance(part, dict) else {}


def _value(text: str, schema: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON's value, or the text: also for 42 where the catalog has text and no number."""
    try:
        value = exact.decode(text)
    except ValueError:
        return text
    wanted = schema.get("type")
    names = {wanted} if isinstance(wanted, str) else set(wanted or [])
    return text if "string" in names and not isinstance(value, str) and not TYPES[type(value)] & names else value
