"""The migrations, as `webhooks init` brings them into a project: copied into its own, or applied."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.cli.outcome import Outcome
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.copies import copy
from supabase_webhooks.webhooks.database import Database
from supabase_webhooks.webhooks.errors import MigrationError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supabase_webhooks.webhooks.migration import Migration

#: The step's name.
STEP = "migrations"

#: An app's own folder, as the Supabase CLI has it.
FOLDER = Path("supabase") / "migrations"

#: Seconds that PostgREST may take to notice new functions.
RELOAD_SECONDS = 20.0


def dsn() -> str:
    """Return the connection string of the environment, as `webhooks migrate` reads it; empty without one."""
    return os.environ.get("DATABASE_URL") or os.environ.get("SUPABASE_DB_URL") or ""


def install(wanted: Sequence[Migration]) -> Outcome:
    """Copy the migrations into the app's own if it has a supabase/ folder, else apply them; say what is left to do."""
    if FOLDER.parent.is_dir():
        return _copied(wanted)
    if dsn():
        return _applied(wanted)
    if _installed():
        return Outcome(STEP, "kept", "the database has them")
    return Outcome(
        STEP,
        "missing",
        "there is no supabase/ folder here, and DATABASE_URL is not set",
        "run this in the folder that contains supabase/, or set DATABASE_URL",
    )


def _copied(wanted: Sequence[Migration]) -> Outcome:
    FOLDER.mkdir(exist_ok=True)
    copied = [one.file.name for one in copy(FOLDER, wanted) if one.result == "copied"]
    text = f"{', '.join(copied)} copied to {FOLDER}" if copied else f"{FOLDER} has them"
    if _installed() and not copied:
        return Outcome(STEP, "kept", text)
    return Outcome(STEP, "missing", f"{text}; the database lacks them", "supabase db push, then webhooks init again")


def _applied(wanted: Sequence[Migration]) -> Outcome:
    try:
        done = _apply(wanted)
    except MigrationError as exc:
        return Outcome(STEP, "missing", str(exc), "fix what it names, then webhooks init again")
    deadline = time.monotonic() + RELOAD_SECONDS
    while not _installed():
        if time.monotonic() > deadline:
            text = "the database has them, but Supabase's API does not know the new functions yet"
            return Outcome(STEP, "missing", text, "in a minute: webhooks init again")
        time.sleep(1)
    return (
        Outcome(STEP, "done", f"applied {', '.join(done)}") if done else Outcome(STEP, "kept", "the database has them")
    )


def _apply(wanted: Sequence[Migration]) -> list[str]:
    """Apply what is pending; return its labels."""
    with Database(dsn()) as database:
        if problem := database.problem():
            raise MigrationError(problem)
        with database.locked():
            applied = database.applied()
            if "upgrade" not in applied and database.first_generation():
                raise MigrationError(
                    "this database has the platform's first generation of webhooks; webhooks migrate apply --upgrade "
                    "keeps its rows"
                )
            due = [one for one in wanted if one.label not in applied]
            for one in due:
                database.apply(one)
    return [one.label for one in due]


def _installed() -> bool:
    """Return whether the database has our functions."""
    from supabase_webhooks.webhooks.versions import LACKING  # noqa: PLC0415 - takes a second: not for --help

    try:
        call("webhook_version")
    except StoreError as exc:
        if exc.code in LACKING:
            return False
        raise
    return True
