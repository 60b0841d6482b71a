"""`webhooks uninstall`: remove everything of this package from a database; the app's own objects stay."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from supabase_webhooks.webhooks.cli.migrate import Dsn
from supabase_webhooks.webhooks.cli.output import FAILED, WRONG, AsJson, complain, note, print_json, print_table, say
from supabase_webhooks.webhooks.database import Database
from supabase_webhooks.webhooks.inventory import COUNTED

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.inventory import Inventory


def uninstall(
    dsn: Dsn,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show everything of this package in a database, ask, and remove it in one transaction. Keeps your own tables."""
    if as_json and not yes:
        complain("--json cannot ask for confirmation; add --yes")
        raise typer.Exit(WRONG)
    with Database(dsn) as database:
        found = database.inventory()
        if not as_json:
            _show(found)
        if found.dependents:
            complain(f"your own objects depend on it; drop them first: {', '.join(found.dependents)}")
            raise typer.Exit(FAILED)
        if not found.tables and not found.functions:
            note("Nothing of this package is installed here.")
        elif yes or typer.confirm("Remove all of it, including these rows?", err=True):
            database.uninstall()
            note("Removed. Delete its files from supabase/migrations, or the next reset installs it again.")
            if found.pushed:
                note(
                    f"Then tell the Supabase CLI: supabase migration repair --status reverted {' '.join(found.pushed)}"
                )
        else:
            raise typer.Exit(FAILED)
    if as_json:
        print_json({"removed": asdict(found)})


def _show(found: Inventory) -> None:
    if found.tables:
        counts = {table: f"more than {COUNTED}" if rows > COUNTED else rows for table, rows in found.tables.items()}
        print_table([{"table": table, "rows": rows} for table, rows in counts.items()], ["table", "rows"])
    if found.triggers:
        print_table([{"trigger": one} for one in found.triggers], ["trigger"])
    if found.functions:
        say(f"{len(found.functions)} functions, and the schema webhooks")
    if found.callers:
        note(f"Your own objects mention it and may fail without it: {', '.join(found.callers)}")
