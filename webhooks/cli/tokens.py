"""`webhooks tokens`: API tokens for servers, CI and scripts."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.arguments import Yes, confirm, interval
from supabase_webhooks.webhooks.cli.output import (
    FAILED,
    AsJson,
    complain,
    note,
    print_fields,
    print_json,
    print_table,
    say,
)
from supabase_webhooks.webhooks.cli.supabase import call

app = typer.Typer(help="Manage API tokens, which open the gateway's API for servers and CI.", no_args_is_help=True)


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"
    MANAGE = "manage"
    DISPATCH = "dispatch"


@app.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List tokens: the active ones, then those that ended in the last 30 days."""
    found = call("list_webhook_api_tokens")
    if as_json:
        print_json(found)
        return
    columns = ["name", "prefix", "scopes", "status", "expires_at", "last_used_at", "created_by", "id"]
    print_table(found, columns, empty="There are no tokens; create one with: webhooks tokens create NAME --scope read")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who uses it: it is the actor in the log of actions.")],
    scope: Annotated[
        list[Scope],
        typer.Option(
            help="read: all but secrets; manage: also change endpoints, retry, replay and test; dispatch: events and"
            " nothing else. May be repeated."
        ),
    ],
    expires: Annotated[str, typer.Option(help="How long it is valid: 12h, 90d; or never.")] = "90d",
    as_json: AsJson = False,
) -> None:
    """Create a token and print it. It is shown only once: only its hash is stored."""
    # as an action, whose arguments may be null: for a token that does not expire
    arguments = {"name": name, "scopes": [str(one) for one in scope], "expires_after": interval(expires)}
    made = call("webhook_admin_write", action="create_token", arguments=arguments)
    if as_json:
        print_json(made)
        return
    token = made.pop("token")
    print_fields(made)
    note("The token is shown only once. Send it as: Authorization: Bearer TOKEN")
    say(token)


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="Its name, prefix or id, as `webhooks tokens list` shows them.")],
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Revoke a token. It is rejected from the next request on."""
    found = _token(token)
    confirm(f"Revoke {found['name']} ({found['prefix']}, {', '.join(found['scopes'])})?", yes=yes)
    done = call("revoke_webhook_api_token", token_id=found["id"])
    if as_json:
        print_json(done)
    else:
        say(f"{found['name']} ({found['prefix']}) is revoked.")


def _token(given: str) -> dict[str, Any]:
    """Return the active token with this name, prefix or id; exit if there is none, or more than one."""
    found: list[dict[str, Any]] = [
        one
        for one in call("list_webhook_api_tokens")
        if one["status"] == "active" and given in {one["name"], one["prefix"], one["id"]}
    ]
    if not found:
        complain(f"no active token has the name, prefix or id {given}; see: webhooks tokens list")
        raise typer.Exit(FAILED)
    if len(found) > 1:
        complain(
            f"{len(found)} tokens have the name {given}; use a prefix: {', '.join(one['prefix'] for one in found)}"
        )
        raise typer.Exit(FAILED)
    return found[0]
