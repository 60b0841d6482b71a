"""`webhooks listen`: a project's events on this machine, without a tunnel and without touching anyone's endpoints."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import nullcontext, suppress
from typing import Annotated

import typer

from supabase_webhooks.webhooks.cli.board import Board, possible
from supabase_webhooks.webhooks.cli.listener import BATCH, Handled, Listener, note_trouble
from supabase_webhooks.webhooks.cli.output import FAILED, AsJson, note, print_line
from supabase_webhooks.webhooks.cli.received import target, without_password
from supabase_webhooks.webhooks.cli.supabase import Connection
from supabase_webhooks.webhooks.errors import SecretError, SettingsError
from supabase_webhooks.webhooks.signing import PRIVATE_PREFIX, generate_secret, key_bytes
from supabase_webhooks.webhooks.tokens import is_access_token

#: End a listener; Windows lacks the last.
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def listen(
    events: Annotated[
        list[str] | None,
        typer.Option("--events", "--event", help="Types and families (user.*), comma-separated. Default: all."),
    ] = None,
    forward: Annotated[
        str | None,
        typer.Option("--forward", "--forward-to", help="localhost:3000/path: forward there, and report the response."),
    ] = None,
    secret: Annotated[
        str,
        typer.Option(
            envvar="WEBHOOKS_LISTEN_SECRET",
            show_envvar=True,
            help="Sign with it: the secret that your app verifies with. Default: a new one.",
        ),
    ] = "",
    access_token: Annotated[
        str,
        typer.Option(
            envvar="WEBHOOKS_ACCESS_TOKEN", show_envvar=True, help="A signed-in admin's: listen as this user."
        ),
    ] = "",
    gateway: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="WEBHOOKS_GATEWAY_URL",
            show_envvar=True,
            help="Your gateway's address: the key o opens deliveries in its dashboard.",
        ),
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Exit after one delivery: with 1 if it failed.")] = False,
    as_json: AsJson = False,
) -> None:
    """Receive the project's events here, without a tunnel: verify, show and forward them. JSON: one line each.

    In a terminal they are a list. Keys: j k or arrows move, Enter reads, Esc goes back, r retries, c copies the
    payload, o opens the dashboard, q quits. Without a terminal (`| cat`, CI), each one is printed as it comes.

    The listener has a temporary endpoint of its own, which is deleted at Ctrl-C. No other endpoint changes.
    """
    if secret.startswith(PRIVATE_PREFIX):
        raise SecretError("--secret must be a shared secret, whsec_...: the listener verifies what it signs")
    key_bytes(secret)  # raises for a broken one
    url = target("--forward", forward)
    chosen = [name.strip() for given in events or ["*"] for name in given.split(",") if name.strip()]
    delivered = asyncio.run(
        _listen(
            chosen, url, secret or generate_secret(),
            once=once, as_json=as_json, access_token=access_token, gateway=gateway,
        )
    )  # fmt: skip
    raise typer.Exit(FAILED if once and not delivered else 0)


async def _listen(
    events: list[str], url: str | None, secret: str, *, once: bool, as_json: bool, access_token: str, gateway: str
) -> bool:
    """Listen until the end; return whether the last delivery succeeded."""
    connection = _connection(access_token)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task  # noqa: S101 - for mypy: this runs in one
    left = asyncio.Event()

    def leave() -> None:
        # once: a closed window says so several times, by its terminal, its shell and its keys
        if not left.is_set():
            left.set()
            task.cancel()

    ends = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    async with connection.opened() as store:
        project = connection.settings
        screen = None if as_json or once or not possible() else Board(store, gateway, leave=leave)
        listener = await Listener.start(
            store, events, screen.add if screen else show_as_json if as_json else show,
            user_agent=project.user_agent, secret=secret, url=url, trouble=screen.trouble if screen else note_trouble,
        )  # fmt: skip
        names, where = ", ".join(events), f", forwarding to {without_password(url)}" if url else ""
        for one in ends:
            # Windows has none, but raises KeyboardInterrupt, which ends the task too
            with suppress(NotImplementedError):
                loop.add_signal_handler(one, leave)
        note(f"Listening to {names} of {project.supabase_url} as {listener.name}{where}; Ctrl-C ends it")
        try:
            with screen or nullcontext():
                if screen:
                    screen.entitle(f"{names} of {project.host}{where} ({listener.name})")
                while not (await listener.deliver(1 if once or url else BATCH) and once):
                    await connection.renew(store)
        except asyncio.CancelledError:
            task.uncancel()
        finally:
            for one in ends:
                # a second Ctrl-C ends it at once
                with suppress(NotImplementedError):
                    if one.name != "SIGHUP":
                        loop.remove_signal_handler(one)
            await listener.stop()
            if screen:
                note(f"Received {screen.inbox.received:,}, of which {screen.inbox.failed:,} failed.")
        return listener.delivered


def show(one: Handled) -> None:
    """Print a delivery for people."""
    one.received.show(one.error or f"returned {one.status}", failed=bool(one.error))


def show_as_json(one: Handled) -> None:
    """Print a delivery as one line of JSON."""
    received = one.received
    record = {"id": one.id, "event": one.event, "attempt": one.attempt, "headers": received.headers}
    verified = {"body": received.parsed, "verified": received.verified, "problem": received.problem}
    print_line({**record, **verified, "status": one.status, "error": one.error})


def _connection(access_token: str) -> Connection:
    """Return the same connection as other commands', or that of the environment's project for an access token."""
    if not access_token:
        return Connection()
    if not is_access_token(access_token):
        raise SettingsError("WEBHOOKS_ACCESS_TOKEN is not an access token; supabase.auth.getSession() has the user's")
    if publishable := os.environ.get("SUPABASE_ANON_KEY"):
        # it will do: the token says who calls
        os.environ.setdefault("SUPABASE_SERVICE_ROLE_KEY", publishable)
    return Connection(access_token)
