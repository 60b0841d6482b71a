"""`webhooks secret` and `webhooks secrets`: endpoints' secrets, and their encryption in the database."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from supabase_webhooks.webhooks.cli.output import AsJson, print_json, say
from supabase_webhooks.webhooks.cli.supabase import settings, supabase
from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.sealing import generate_key, seal_secrets
from supabase_webhooks.webhooks.signing import generate_key_pair, generate_secret

app = typer.Typer(help="Endpoints' secrets at rest.", no_args_is_help=True)


def secret(
    ed25519: Annotated[
        bool,
        typer.Option("--ed25519", help="Create a key pair instead: whsk_ for the endpoint, whpk_ for its receiver."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a new endpoint secret."""
    if ed25519:
        made, public = generate_key_pair()
    else:
        made, public = generate_secret(), None
    if as_json:
        print_json({"secret": made} | ({"public_key": public} if public else {}))
    else:
        say("\n".join(filter(None, [made, public])))


@app.command()
def key(as_json: AsJson = False) -> None:
    """Print a new key for WEBHOOKS_ENCRYPTION_KEYS."""
    made = generate_key()
    if as_json:
        print_json({"key": made})
    else:
        say(made)


@app.command()
def seal(as_json: AsJson = False) -> None:
    """Encrypt all secrets with the first key of WEBHOOKS_ENCRYPTION_KEYS; workers do this every minute."""
    keys = settings().encryption_keys
    if not keys:
        raise SettingsError("set WEBHOOKS_ENCRYPTION_KEYS; create a key with: webhooks secrets key")

    async def once() -> int:
        async with supabase() as store:
            return await seal_secrets(store, keys)

    sealed = asyncio.run(once())
    if as_json:
        print_json({"sealed": sealed})
    else:
        say(f"{sealed} secrets encrypted with the first key")
