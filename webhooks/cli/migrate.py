"""`webhooks migrate`: apply the SQL migrations to any Supabase database; `webhooks migrations` copies them."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.output import (
    FAILED,
    WRONG,
    AsJson,
    announce,
    complain,
    note,
    print_json,
    print_table,
    progress,
    say,
)
from supabase_webhooks.webhooks.copies import copy
from supabase_webhooks.webhooks.database import UNKNOWN, Applied, Database
from supabase_webhooks.webhooks.migration import LABELS, Migration
from supabase_webhooks.webhooks.migration import migrations as shipped_migrations
from supabase_webhooks.webhooks.settings import DATABASE_URL

app = typer.Typer(
    help="Apply the SQL migrations to a Supabase database, and see which are applied.", no_args_is_help=True
)


def _announce(dsn: str) -> str:
    """Say which database a connection string leads to, if that is certain: no part of a password may be shown."""
    if found := DATABASE_URL.fullmatch(dsn):
        announce("database " + "@".join(filter(None, (found["user"], found["host"]))))
    return dsn


Dsn = Annotated[
    str,
    typer.Option(
        "--dsn",
        callback=_announce,
        envvar=["DATABASE_URL", "SUPABASE_DB_URL"],
        show_envvar=True,
        help="The project's Postgres, postgresql://... (Project Settings > Database). Better in the environment.",
    ),
]
Upgrade = Annotated[
    bool,
    typer.Option("--upgrade", help="Include the migration that upgrades the platform's first generation of webhooks."),
]
Platform = Annotated[bool, typer.Option("--platform", help="Include the platform's own catalog of nine events.")]
Partitioned = Annotated[
    bool,
    typer.Option(
        "--partitioned", help="Include those that keep history in partitions by day: docs/scaling.md says when."
    ),
]
Update = Annotated[
    bool, typer.Option("--update", help="Also those that were applied or copied from another version of this package.")
]
MarkApplied = Annotated[
    list[str] | None,
    typer.Option("--mark-applied", metavar="NAME", help="Only record that this one is applied. May be repeated."),
]


@app.command()
def apply(
    dsn: Dsn,
    upgrade: Upgrade = False,
    platform: Platform = False,
    partitioned: Partitioned = False,
    update: Update = False,
    mark_applied: MarkApplied = None,
    as_json: AsJson = False,
) -> None:
    """Apply pending migrations, each in a transaction. Each records itself in webhooks.migrations."""
    wanted = _wanted(upgrade=upgrade, platform=platform, partitioned=partitioned)
    with Database(dsn) as database:
        if problem := database.problem():
            complain(problem)
            raise typer.Exit(FAILED)
        if mark_applied:
            _mark(database, mark_applied, as_json=as_json)
            return
        with database.locked():
            applied = database.applied()
            if not upgrade and "upgrade" not in applied and database.first_generation():
                complain(
                    "this database has the platform's first generation of webhooks; add --upgrade to keep its rows"
                )
                raise typer.Exit(FAILED)
            done = _apply(database, wanted, applied, update=update, as_json=as_json)
            database.record({label: row for label, row in applied.items() if row.checksum == UNKNOWN})
    changed = [one for one in wanted if one.label not in done and _state(one, applied) == "changed"]
    if as_json:
        print_json({"applied": done})
    elif not done and not changed:
        note("Up to date.")
    for warning in database.warnings:
        note(f"warning: {warning}")
    for one in changed:
        note(
            f"{one.label} was applied by version {applied[one.label].package_version} of this package and differs in "
            f"this one, {version('supabase-webhooks')}; --update applies it again."
        )


@app.command()
def status(
    dsn: Dsn,
    upgrade: Upgrade = False,
    platform: Platform = False,
    partitioned: Partitioned = False,
    as_json: AsJson = False,
) -> None:
    """Show which migrations are applied; exit with 1 when some are pending."""
    with Database(dsn) as database:
        applied = database.applied()
    asked = {one.label for one in _wanted(upgrade=upgrade, platform=platform, partitioned=partitioned)}
    rows: list[dict[str, Any]] = [
        {
            "name": one.label,
            "status": _state(one, applied),
            "package_version": applied[one.label].package_version if one.label in applied else None,
        }
        for one in shipped_migrations(*(asked | applied.keys()))
    ]
    if as_json:
        print_json({"migrations": rows})
    else:
        print_table(rows, ["name", "status", "package_version"])
    if any(row["status"] == "pending" for row in rows):
        raise typer.Exit(FAILED)


@app.command()
def secure(dsn: Dsn, as_json: AsJson = False) -> None:
    """Repair grants and policies, for example after a restore, and show what was changed."""
    with Database(dsn) as database:
        changed = database.secure()
    if as_json:
        print_json({"changed": changed})
    elif changed:
        print_table(changed, ["kind", "object", "was", "should_be"])
    else:
        note("Grants and policies are correct.")


def migrations(
    directory: Annotated[Path, typer.Argument(help="The project's supabase/migrations.")],
    upgrade: Upgrade = False,
    platform: Platform = False,
    partitioned: Partitioned = False,
    update: Update = False,
    as_json: AsJson = False,
) -> None:
    """Copy the SQL migrations into a Supabase project, after its own, for `supabase db push`. Keeps existing files."""
    if not directory.is_dir():
        complain(f"{directory} is not a folder; give the project's supabase/migrations")
        raise typer.Exit(WRONG)
    done = copy(directory, _wanted(upgrade=upgrade, platform=platform, partitioned=partitioned), update=update)
    if as_json:
        print_json([{"name": one.label, "file": str(one.file), "result": one.result} for one in done])
    else:
        for one in done:
            say(f"{one.result:<7} {one.file}")
    if upgrade:
        # `supabase db push` shows no warning of a migration
        note(
            "If users can change public.users.role, it no longer makes anyone a webhook admin: `webhooks doctor` "
            "says whether they can, and `webhooks admins add EMAIL` adds an admin."
        )
    for one in done:
        if one.result == "differs":
            note(
                f"{one.file.name} is {one.label} from another version of this package. Not pushed yet: delete the "
                "file and run this again. Pushed: leave the file, and run this with --update, which adds the new one."
            )


def _wanted(*, upgrade: bool, platform: bool, partitioned: bool) -> list[Migration]:
    asked = {"system": True, "upgrade": upgrade, "platform": platform}
    return shipped_migrations(*(label for label in LABELS if asked.get(label, partitioned)))


def _state(migration: Migration, applied: dict[str, Applied]) -> str:
    if migration.label not in applied:
        return "pending"
    return "applied" if applied[migration.label].checksum in {UNKNOWN, migration.checksum} else "changed"


def _apply(
    database: Database, wanted: list[Migration], applied: dict[str, Applied], *, update: bool, as_json: bool
) -> list[str]:
    done: list[str] = []
    due = {"pending", "changed"} if update else {"pending"}
    with progress() as bar:
        for one in bar.track([one for one in wanted if _state(one, applied) in due], description="migrating"):
            database.apply(one)
            done.append(one.label)
            if not as_json:
                say(f"applied {one.label}")
    return done


def _mark(database: Database, labels: list[str], *, as_json: bool) -> None:
    if unknown := sorted(set(labels) - LABELS.keys()):
        complain(f"unknown migration {', '.join(unknown)}; the migrations are {', '.join(LABELS)}")
        raise typer.Exit(WRONG)
    found = {one.label: Applied(one.checksum, version("supabase-webhooks")) for one in shipped_migrations(*labels)}
    database.record(found)
    if as_json:
        print_json({"marked": [*found]})
    else:
        for label in found:
            say(f"marked {label}")
