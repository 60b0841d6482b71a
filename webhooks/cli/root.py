"""The root of the command line: every group, and the exit codes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from supabase_webhooks.webhooks import environment
from supabase_webhooks.webhooks.cli import (
    admins,
    adopt,
    cron,
    deliveries,
    dev,
    dispatch,
    doctor,
    endpoints,
    env,
    events,
    init,
    listen,
    migrate,
    processes,
    secrets,
    stats,
    types,
    uninstall,
)
from supabase_webhooks.webhooks.cli.output import FAILED, UNAVAILABLE, WRONG, announce, complain, say
from supabase_webhooks.webhooks.errors import QueueUnavailable, SettingsError, StoreUnavailable, WebhooksError

app = typer.Typer(
    name="webhooks",
    help="Webhooks for Supabase apps: signed, retried, visible.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # local variables in a trace may hold secrets
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"webhooks {metadata.version('supabase-webhooks')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 - its callback
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Webhooks for Supabase apps: signed, retried, visible."""
    announce.cache_clear()
    # what `webhooks dev` runs has settings of its own
    if context.invoked_subcommand != "dev":
        environment.load(os.environ, optional=context.invoked_subcommand in {"init", "env"})


app.command()(init.init)
app.command()(env.env)
app.add_typer(cron.app, name="cron")
app.command()(dev.dev)
app.command()(processes.serve)
app.command()(processes.gateway)
app.command()(processes.worker)
app.command()(doctor.doctor)
app.command()(secrets.secret)
app.add_typer(secrets.app, name="secrets")
app.command()(types.types)
app.command()(migrate.migrations)
app.add_typer(migrate.app, name="migrate")
app.add_typer(admins.app, name="admins")
app.command()(adopt.adopt)
app.command()(uninstall.uninstall)
app.add_typer(endpoints.app, name="endpoints")
app.add_typer(events.app, name="events")
app.add_typer(deliveries.app, name="deliveries")
app.command()(dispatch.dispatch)
app.command()(listen.listen)
app.command()(stats.stats)

#: error -> exit code; the first that fits.
EXIT_CODES: list[tuple[type[WebhooksError], int]] = [
    (SettingsError, WRONG),
    (StoreUnavailable, UNAVAILABLE),
    (QueueUnavailable, UNAVAILABLE),
    (WebhooksError, FAILED),
]


def run() -> None:
    """Run a command; an expected error is one line on stderr and an exit code."""
    # for a closed descriptor (`>&-`) Python has no stream
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115 - until the end
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115 - as above
    for stream in (sys.stdout, sys.stderr):
        # a terminal that lacks a character (cp1252, ASCII) shows its number
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app(prog_name="webhooks")
        finally:
            sys.stdout.flush()
    except WebhooksError as exc:
        complain(str(exc))
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(exc, kind)))
    except KeyboardInterrupt:
        sys.exit(0)
    except BrokenPipeError:
        # `webhooks deliveries list | head`: the reader has closed the pipe
        _stop_writing()
        sys.exit(0)
    except OSError as exc:
        _stop_writing()
        with suppress(OSError):
            complain(f"{exc.filename or 'the output'}: {exc.strerror or exc}")
        sys.exit(FAILED)


def _stop_writing() -> None:
    """Discard what is still buffered: Python would write it at exit, and print a traceback."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
