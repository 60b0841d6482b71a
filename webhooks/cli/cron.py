"""`webhooks cron`: what calls the gateway once a minute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from supabase_webhooks.webhooks import workflow
from supabase_webhooks.webhooks.cli.migrate import Dsn
from supabase_webhooks.webhooks.cli.outcome import Outcome, end, show
from supabase_webhooks.webhooks.cli.output import AsJson
from supabase_webhooks.webhooks.cli.supabase import settings
from supabase_webhooks.webhooks.database import Database
from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.settings import variable

app = typer.Typer(help="Set up what calls the gateway once a minute: the database or GitHub.", no_args_is_help=True)

Gateway = Annotated[str, typer.Argument(metavar="URL", help="The gateway's public address, https://...")]
Repository = Annotated[Path, typer.Argument(help="The repository that runs the workflow.", file_okay=False)]


@app.command()
def database(gateway: Gateway, dsn: Dsn, as_json: AsJson = False) -> None:
    """Let pg_cron call the gateway, with the dispatch token from Supabase Vault. It costs nothing."""
    _print(by_database(gateway, dsn), as_json=as_json)


@app.command()
def github(repository: Repository = Path(), as_json: AsJson = False) -> None:
    """Copy the workflow for GitHub Actions into a repository. It is free in a public one."""
    _print(by_github(repository), as_json=as_json)


def by_database(gateway: str, dsn: str) -> Outcome:
    """Set it up. Raises MigrationError, which says what is missing."""
    token = settings().dispatch_token
    if not token:
        raise SettingsError(f"set {variable('dispatch_token')}: `webhooks env` generates it")
    with Database(dsn) as connected:
        kept = connected.keep_token(token)
        called = connected.call_by_cron(gateway)
    vault = "Vault has the token" if kept == "kept" else "the token was put into Vault"
    return Outcome("cron", "done", f"{called}; {vault}", "`webhooks doctor` says when it has called")


def by_github(repository: Path) -> Outcome:
    """Copy the workflow, unless there is one."""
    file, result = workflow.copy(repository)
    return Outcome(
        "cron",
        "done" if result == "copied" else "kept",
        f"{file} {'differs from this version; it was kept' if result == 'differs' else f'was {result}'}",
        "gh variable set WEBHOOKS_GATEWAY_URL, and gh secret set WEBHOOKS_DISPATCH_TOKEN (its value is in .env)",
    )


def _print(outcome: Outcome, *, as_json: bool) -> None:
    if not as_json:
        show(outcome)
    end([outcome], as_json=as_json)
