"""The root of the command line: every group, and the exit codes."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from supabase_webhooks.webhooks import environment
from supabase_webhooks.webhooks.cli import (
    admins,
    adopt,
    code,
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
    login,
    migrate,
    processes,
    receive,
    resend,
    secrets,
    stats,
    tokens,
    trigger,
    types,
    uninstall,
    verify,
)
from supabase_webhooks.webhooks.cli.output import FAILED, UNAVAILABLE, WRONG, announce, complain, say
from supabase_webhooks.webhooks.cli.supabase import VARIABLE
from supabase_webhooks.webhooks.errors import QueueUnavailable, SettingsError, StoreUnavailable, WebhooksError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    profile: Annotated[
        str | None,
        typer.Option("--profile", envvar=VARIABLE, help="The project of this profile; see: webhooks login."),
    ] = None,
) -> None:
    """Webhooks for Supabase apps: signed, retried, visible."""
    if profile:
        os.environ[VARIABLE] = profile
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
app.add_typer(tokens.app, name="tokens")
app.command()(adopt.adopt)
app.command()(uninstall.uninstall)
app.add_typer(endpoints.app, name="endpoints")
app.command()(login.login)
app.command()(login.logout)
app.command("profiles")(login.list_profiles)
app.command()(code.plan)
app.command()(code.apply)
app.command()(code.export)
app.add_typer(events.app, name="events")
app.add_typer(deliveries.app, name="deliveries")
app.command()(dispatch.dispatch)
app.command()(trigger.trigger)
app.command()(resend.resend)
app.command("test")(endpoints.send_test)
app.command()(listen.listen)
app.command()(receive.receive)
app.command()(verify.verify)
app.command()(stats.stats)

#: error -> exit code; the first that fits.
EXIT_CODES: list[tuple[type[WebhooksError], int]] = [
    (SettingsError, WRONG),
    (StoreUnavailable, UNAVAILABLE),
    (QueueUnavailable, UNAVAILABLE),
    (WebhooksError, FAILED),
]


def hoisted(arguments: Sequence[str]) -> list[str]:
    """Return arguments with `--profile` in front, where it belongs: people write it behind a command, too."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(arguments)
    for one in left:
        if one == "--":
            rest += [one, *left]
        elif one == "--profile":
            front += [one, *islice(left, 1)]
        elif one.startswith("--profile="):
            front.append(one)
        else:
            rest.append(one)
    return [*front, *rest]


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
            app(args=hoisted(sys.argv[1:]), prog_name="webhooks")
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
