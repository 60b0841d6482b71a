"""The command line: `webhooks gateway`, `worker`, `secret`, `migrations`, `types` and `events`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

from webhooks import catalog
from webhooks.codegen import LANGUAGES, docs
from webhooks.errors import SettingsError, StoreError
from webhooks.settings import Settings
from webhooks.signing import generate_secret

#: Dramatiq reads these when it is imported. One message at a time, since a message drains whatever is due and
#: another process should have the next; delayed wake-ups fire within 100 ms instead of 1 s.
WORKER_ENVIRONMENT = {"dramatiq_queue_prefetch": "1", "dramatiq_worker_timeout": "100"}


def main() -> None:
    """Run a command; exits with 2 when the settings are wrong."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except (SettingsError, StoreError) as exc:
        sys.exit(f"webhooks: {exc}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="webhooks", description="Webhooks for Supabase apps.")
    commands = parser.add_subparsers(required=True, metavar="command")

    gateway = commands.add_parser("gateway", help="serve the gateway (settings come from the environment)")
    gateway.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    gateway.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    gateway.set_defaults(run=_gateway)

    worker = commands.add_parser("worker", help="deliver (settings come from the environment)")
    worker.add_argument("--processes", type=int, default=1, help="worker processes (default: %(default)s)")
    worker.set_defaults(run=_worker)

    secret = commands.add_parser("secret", help="print a new endpoint secret")
    secret.set_defaults(run=lambda _: print(generate_secret()))

    migrations = commands.add_parser("migrations", help="copy the SQL migrations into a Supabase project")
    migrations.add_argument("directory", type=Path, help="the project's supabase/migrations")
    migrations.set_defaults(run=_migrations)

    types = commands.add_parser(
        "types", help="print the event catalog's types (SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY)"
    )
    types.add_argument("language", choices=LANGUAGES)
    types.set_defaults(run=lambda a: print(LANGUAGES[a.language](catalog.from_environment(os.environ)), end=""))

    events = commands.add_parser("events", help="the event catalog (SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY)")
    actions = events.add_subparsers(required=True, metavar="action")
    page = actions.add_parser("docs", help="print it as a page in Markdown")
    page.set_defaults(run=lambda _: print(docs.render(catalog.from_environment(os.environ)), end=""))
    return parser


def _gateway(arguments: argparse.Namespace) -> None:
    Settings.from_environment(os.environ)
    command = [
        "-m",
        "uvicorn",
        "--factory",
        "gateway.main:app",
        "--host",
        arguments.host,
        "--port",
        str(arguments.port),
    ]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - our own interpreter


def _worker(arguments: argparse.Namespace) -> None:
    Settings.from_environment(os.environ)
    os.environ.update(WORKER_ENVIRONMENT)
    command = [
        "-m",
        "dramatiq",
        "workers.main:main",
        "--threads",
        "1",
        "--processes",
        str(arguments.processes),
    ]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - our own interpreter


def migration_files() -> Path:
    """Return the folder of the SQL migrations: inside the installed package, else the source tree's."""
    with as_file(files("webhooks") / "migrations") as installed:
        return installed if installed.is_dir() else Path(__file__).parent.parent / "supabase" / "migrations"


def _migrations(arguments: argparse.Namespace) -> None:
    if not arguments.directory.is_dir():
        sys.exit(f"webhooks: {arguments.directory} is no folder; give the project's supabase/migrations")
    for file in sorted(migration_files().glob("*.sql")):
        target = arguments.directory / file.name
        if target.exists():
            print(f"kept   {target}")
        else:
            shutil.copyfile(file, target)
            print(f"copied {target}")


if __name__ == "__main__":
    main()
