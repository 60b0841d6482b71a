"""`webhooks admins`: who may use the dashboard and the API."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.output import FAILED, AsJson, complain, note, print_json, print_table, say
from supabase_webhooks.webhooks.cli.supabase import call, settings

app = typer.Typer(help="Manage who may use the dashboard and the API with their own sign-in.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The address that the account signs in with.")]

#: Bytes of a password that `--create` generates.
PASSWORD_BYTES = 18


@app.command("list")
def list_admins(as_json: AsJson = False) -> None:
    """List the accounts that app_metadata or public.users name as admins, and whether that counts."""
    found = call("webhook_admins")
    if as_json:
        print_json(found)
        return
    print_table(
        found, ["email", "named_by", "counts"], empty="There are no admins; add one with: webhooks admins add EMAIL"
    )


@app.command()
def add(
    email: Email,
    create: Annotated[
        bool, typer.Option("--create", help="Create the account if it does not exist, and print its password once.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account a webhook admin. This sets app_metadata.webhooks_role and nothing else."""
    # importing the client takes a moment: not for --help, nor for the shell's completion
    from supabase_webhooks.webhooks.accounts import add_admin, create_admin  # noqa: PLC0415

    password = None
    if create and not call("webhook_admins", email=email):
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        create_admin(settings(), email, password)
    else:
        add_admin(settings(), _account(email)["user_id"])
    if as_json:
        print_json({"email": email, "role": "admin"} | ({"password": password} if password else {}))
        return
    say(f"{email} is a webhook admin.")
    if password:
        say(f"Password (shown only once): {password}")


@app.command()
def remove(email: Email, as_json: AsJson = False) -> None:
    """Remove the admin role (app_metadata.webhooks_role) from an account. It takes effect immediately."""
    from supabase_webhooks.webhooks.accounts import remove_admin  # noqa: PLC0415 - as above

    remove_admin(settings(), _account(email)["user_id"])
    left = _account(email)
    if as_json:
        print_json(left)
    elif left["counts"]:
        note(f"{email} is still an admin through {' and '.join(left['named_by'])}, which belongs to your app.")
    else:
        say(f"{email} is no longer a webhook admin.")


def _account(email: str) -> dict[str, Any]:
    """Return the account with this address; exit if there is none, or more than one."""
    found: list[dict[str, Any]] = call("webhook_admins", email=email)
    if not found:
        complain(
            f"no account has the address {email}; sign up in the app first, or create it with: "
            f"webhooks admins add {email} --create"
        )
        raise typer.Exit(FAILED)
    if len(found) > 1:
        complain(
            f"{len(found)} accounts have the address {email} (single sign-on); set app_metadata.webhooks_role to "
            f"'admin' yourself for the right one: {', '.join(one['user_id'] for one in found)}"
        )
        raise typer.Exit(FAILED)
    return found[0]
