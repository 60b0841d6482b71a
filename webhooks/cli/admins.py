"""`webhooks admins`: who may use the dashboard and the API, and who may look."""

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
    """List the accounts that app_metadata or public.users name as admins or viewers, and whether that counts."""
    found = call("webhook_admins")
    if as_json:
        print_json(found)
        return
    print_table(
        found,
        ["email", "role", "named_by", "counts"],
        empty="There are no admins; add one with: webhooks admins add EMAIL",
    )


@app.command()
def add(
    email: Email,
    create: Annotated[
        bool, typer.Option("--create", help="Create the account if it does not exist, and print its password once.")
    ] = False,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="Make it a viewer: it looks at everything, and changes nothing.")
    ] = False,
    payloads: Annotated[
        bool, typer.Option("--payloads", help="Let the viewer see payloads and responses too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an account a webhook admin, or a viewer. This sets app_metadata.webhooks_role, and nothing else."""
    # importing the client takes a moment: not for --help, nor for the shell's completion
    from supabase_webhooks.webhooks.accounts import ADMIN, VIEWER, create_account, set_role  # noqa: PLC0415

    if payloads and not viewer:
        raise typer.BadParameter("only a viewer needs it: admins see payloads", param_hint="--payloads")
    role, password = VIEWER if viewer else ADMIN, None
    if create and not call("webhook_admins", email=email):
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        create_account(settings(), email, password, role, payloads=payloads)
    else:
        set_role(settings(), _account(email)["user_id"], role, payloads=payloads)
    if as_json:
        print_json({"email": email, "role": role} | ({"password": password} if password else {}))
        return
    say(f"{email} is a webhook {role}.")
    if password:
        say(f"Password (shown only once): {password}")


@app.command()
def remove(email: Email, as_json: AsJson = False) -> None:
    """Remove the role (app_metadata.webhooks_role) from an account. It takes effect immediately."""
    from supabase_webhooks.webhooks.accounts import set_role  # noqa: PLC0415 - as above

    project = settings()  # which says what is missing before anything is asked
    account = _account(email)
    set_role(project, account["user_id"], None)
    left = _account(email)
    if as_json:
        print_json(left)
    elif left["counts"]:
        note(f"{email} is still an admin through {' and '.join(left['named_by'])}, which belongs to your app.")
    else:
        say(f"{email} is no longer a webhook {account['role'] or 'admin'}.")


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
