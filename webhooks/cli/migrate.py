"""`webhooks migrate`: the SQL migrations, applied to any Supabase database; `webhooks migrations` copies them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from webhooks.cli.output import FAILED, WRONG, AsJson, complain, note, print_json, print_table, progress
from webhooks.database import Database, Migration, shipped
from webhooks.database import migrations as read

app = typer.Typer(
    help="Apply the SQL migrations to a Supabase database, and see which are applied.", no_args_is_help=True
)

Dsn = Annotated[
    str,
    typer.Option(
        "--dsn",
        envvar=["DATABASE_URL", "SUPABASE_DB_URL"],
        show_envvar=True,
        help="The project's Postgres, postgresql://... (Project Settings > Database). Better in the environment.",
    ),
]
Folder = Annotated[Path | None, typer.Option("--folder", help="Another folder of migrations than this package's.")]

Partitioned = Annotated[
    bool,
    typer.Option("--partitioned", help="With those that keep history in partitions by day: docs/scaling.md says when."),
]


@app.command()
def apply(dsn: Dsn, folder: Folder = None, partitioned: Partitioned = False, as_json: AsJson = False) -> None:
    """Apply what is pending, each in a transaction, and record it as the Supabase CLI does."""
    done: list[str] = []
    with Database(dsn) as database:
        if problem := database.problem():
            complain(problem)
            raise typer.Exit(FAILED)
        with database.locked():
            applied = database.applied()
            pending = [migration for migration in _migrations(folder, partitioned) if migration.version not in applied]
            with progress() as bar:
                for migration in bar.track(pending, description="migrating"):
                    database.apply(migration)
                    done.append(_file(migration))
                    if not as_json:
                        typer.echo(f"applied {done[-1]}")
    if as_json:
        print_json({"applied": done})
    elif not done:
        note("Up to date.")


@app.command()
def status(dsn: Dsn, folder: Folder = None, partitioned: Partitioned = False, as_json: AsJson = False) -> None:
    """Show which migrations are applied; exit with 1 when some are pending."""
    with Database(dsn) as database:
        applied = database.applied()
    known = _migrations(folder, partitioned)
    rows: list[dict[str, Any]] = [
        {"version": m.version, "name": m.name, "status": "applied" if m.version in applied else "pending"}
        for m in known
    ]
    # the app's own migrations stand in the same table
    others = len(applied.keys() - {m.version for m in known})
    if as_json:
        print_json({"migrations": rows, "others": others})
    else:
        print_table(rows, ["version", "name", "status"])
        note(f"{others} others are applied, which are not this package's.")
    if any(row["status"] == "pending" for row in rows):
        raise typer.Exit(FAILED)


def migrations(
    directory: Annotated[Path, typer.Argument(help="The project's supabase/migrations.")],
    partitioned: Partitioned = False,
    as_json: AsJson = False,
) -> None:
    """Copy the SQL migrations into a Supabase project, for `supabase db push`. Existing files stay."""
    if not directory.is_dir():
        complain(f"{directory} is no folder; give the project's supabase/migrations")
        raise typer.Exit(WRONG)
    rows = []
    for file in (file for folder in _folders(None, partitioned) for file in sorted(folder.glob("*.sql"))):
        target = directory / file.name
        kept = target.exists()
        if not kept:
            shutil.copyfile(file, target)
        rows.append({"file": str(target), "result": "kept" if kept else "copied"})
        if not as_json:
            typer.echo(f"{rows[-1]['result']:<6} {target}")
    if as_json:
        print_json(rows)


def _migrations(folder: Path | None, partitioned: bool) -> list[Migration]:
    return read(*_folders(folder, partitioned))


def _folders(folder: Path | None, partitioned: bool) -> list[Path]:
    return [folder or shipped(), *([shipped("optional")] if partitioned else [])]


def _file(migration: Migration) -> str:
    return f"{migration.version}_{migration.name}.sql"
