"""`webhooks dispatch`: dispatch one event as a server-side caller."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from supabase_webhooks.webhooks.cli.arguments import json_object
from supabase_webhooks.webhooks.cli.events import named
from supabase_webhooks.webhooks.cli.output import WRONG, AsJson, complain, note, print_fields, print_json
from supabase_webhooks.webhooks.cli.supabase import call

Tenant = Annotated[
    str | None, typer.Option(help="The tenant of the event: its endpoints receive it, and the app's own.", metavar="ID")
]


def dispatch(
    event: Annotated[str, typer.Argument(help="The event type, for example user.joined_community.")],
    data: Annotated[str | None, typer.Option("--data", "-d", help="The event's data: JSON, @file or -.")] = None,
    example: Annotated[bool, typer.Option("--example", help="Use the catalog's example as data.")] = False,
    actor: Annotated[UUID | None, typer.Option(help="The user who did it.")] = None,
    tenant: Tenant = None,
    idempotency_key: Annotated[str | None, typer.Option(help="A repeated key delivers nothing again.")] = None,
    as_json: AsJson = False,
) -> None:
    """Dispatch an event to every endpoint that subscribes to it."""
    if (data is None) == (not example):
        complain("give either --data '{...}' or --example")
        raise typer.Exit(WRONG)
    event_data = named(event)["example"] if example else json_object(data or "")
    made = call(
        "dispatch_webhook",
        event_type=event,
        event_data=event_data,
        actor_user_id=str(actor) if actor else None,
        idempotency_key=idempotency_key,
        tenant_id=tenant,
    )
    if as_json:
        print_json(made)
        return
    print_fields(made)
    if not made["deliveries"]:
        note("No active endpoint subscribes to it.")
    else:
        note(f"To see the result: webhooks deliveries list --request {made['request_id']}")
