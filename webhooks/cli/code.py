"""`webhooks plan`, `apply` and `export`: endpoints and event types as code, in webhooks.toml."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli.arguments import Yes, confirm
from supabase_webhooks.webhooks.cli.endpoints import every_endpoint, remove
from supabase_webhooks.webhooks.cli.output import FAILED, AsJson, cell, complain, console, note, print_json, say
from supabase_webhooks.webhooks.cli.supabase import call, settings, supabase
from supabase_webhooks.webhooks.errors import SecretError, SettingsError, StoreDenied, StoreError
from supabase_webhooks.webhooks.manifest import Manifest, read
from supabase_webhooks.webhooks.plan import Change, Project, changes
from supabase_webhooks.webhooks.sealing import sealer

File = Annotated[Path, typer.Option("--file", "-f", help="The file that names what it manages.")]
Adopt = Annotated[bool, typer.Option("--adopt", help="Take over endpoints of the same names that nothing manages yet.")]

FILE = Path("webhooks.toml")

#: Exit code of `plan` for a difference, as of `terraform plan -detailed-exitcode`: then an error of any kind is 1.
DIFFERENT = 2

#: Rows requested at once; the database returns at most 500.
PAGE = 500

SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def plan(file: File = FILE, adopt: Adopt = False, as_json: AsJson = False) -> None:
    """Show the difference between webhooks.toml and the project. Exits with 0 for none, 2 for some, 1 for an error."""
    try:
        found = _changes(read(file, os.environ), adopt=adopt)
    except SettingsError as exc:
        complain(str(exc))
        raise typer.Exit(FAILED) from None
    if as_json:
        print_json({"changes": [change.as_dict() for change in found]})
    else:
        _show(found)
    if found:
        raise typer.Exit(DIFFERENT)


def apply(
    file: File = FILE,
    adopt: Adopt = False,
    headers: Annotated[
        bool,
        typer.Option(
            "--headers", help="Write all values of headers again: they cannot be read, so a changed one goes unnoticed."
        ),
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Carry out what `webhooks plan` shows. What the file does not manage stays as it is; so do all event types."""
    manifest = read(file, os.environ)
    found = _changes(manifest, adopt=adopt)
    if found and not as_json:
        _show(found)
    if found:
        confirm("Carry this out?", yes=yes)
    for change in found:
        _carry_out(change)
    if headers:
        _write_headers(manifest)
    if as_json:
        print_json({"changes": [change.as_dict() for change in found]})
    else:
        note("Done." if found else "Nothing differs.")
        for change in found:
            if change.action == "create" and change.noun == "endpoint" and not change.secret:
                note(f"{change.name} has a new secret; to print one: webhooks endpoints rotate {change.name!r}")


def export(as_json: AsJson = False) -> None:
    """Print the project's endpoints and event types as webhooks.toml: without secrets, with env(NAME) for headers."""
    from supabase_webhooks.webhooks import export as written  # noqa: PLC0415 - importing it takes a moment: not for --help

    text = written.render(_own_endpoints(), asyncio.run(_event_types()))
    if as_json:
        print_json({"text": text})
    else:
        say(text.removesuffix("\n"))


def _changes(manifest: Manifest, *, adopt: bool) -> list[Change]:
    secrets = _secrets() if any(one.secret is not None for one in manifest.endpoints.values()) else None
    project = Project(_own_endpoints(), asyncio.run(_event_types()), secrets)
    return changes(manifest, project, adopt=adopt)


def _own_endpoints() -> list[dict[str, Any]]:
    """Return the app's own: a customer's is not a file's, whatever its name, and whatever it says of its manager."""
    return [one for one in every_endpoint() if one["tenant_id"] is None]


async def _event_types() -> list[dict[str, Any]]:
    wanted = [
        ("select", "name,description,data_schema,example,users_may_dispatch,audience"),
        ("analytics_destination", "is.null"),
        ("order", "name"),
        ("limit", str(PAGE)),
    ]
    found: list[dict[str, Any]] = []
    async with supabase() as store:
        while True:
            page = await store.rows("webhook_event_types", [*wanted, ("offset", str(len(found)))])
            found += page
            if len(page) < PAGE:
                return found


def _secrets() -> dict[str, list[str]] | None:
    """Return endpoints' secrets, to compare them here; None, with a note, if they cannot be read."""
    try:
        stored = call("list_webhook_secrets")
        own = sealer(settings().encryption_keys)
        found: dict[str, list[str]] = {}
        for row in stored:
            found.setdefault(row["webhook_config_id"], []).append(own.open(row["secret_key"]))
    except (StoreDenied, SecretError) as exc:
        note(f"Secrets are not compared: {exc}")
        return None
    return found


def _carry_out(change: Change) -> None:
    try:
        endpoint = change.id
        if change.noun == "event":
            call("webhook_define_event", **change.settings)
        elif change.action == "delete":
            remove(str(endpoint), keep_history=True)
        elif endpoint is None:
            endpoint = call("create_webhook_endpoint", settings=change.settings)["id"]
        else:
            call("update_webhook_endpoint", webhook_config_id=endpoint, changes=change.settings)
        if change.secret is not None:
            asyncio.run(_write_secret(str(endpoint), change.secret))
    except StoreError as exc:
        # what came before is done, and the next plan shows what is left
        complain(f"{change.noun} {change.name}: not carried out; what is above it in the plan is")
        raise exc from None


async def _write_secret(endpoint: str, secret: str) -> None:
    async with supabase() as store:
        await store.change("webhook_configurations", [("id", f"eq.{endpoint}")], {"secret_key": secret})


def _write_headers(manifest: Manifest) -> None:
    ids = {one["name"]: one["id"] for one in _own_endpoints() if one["managed_by"] == manifest.managed_by}
    for name, endpoint in manifest.endpoints.items():
        if endpoint.headers:
            call("update_webhook_endpoint", webhook_config_id=ids[name], changes={"headers": endpoint.headers})


def _show(found: list[Change]) -> None:
    screen = console()
    for change in found:
        sign, style = SIGNS[change.action]
        line = Text.assemble((f"{sign} ", style), f"{change.noun} ", (change.name, "bold"))
        screen.print(line.append("  its history is kept" if change.action == "delete" else ""), soft_wrap=True)
        for one in change.differences:
            text = Text.assemble((f"    {one.setting:<24}", "dim"))
            if change.action == "update":
                text.append_text(_value(one.was)).append(" -> ")
            screen.print(text.append_text(_value(one.becomes)), soft_wrap=True)
    counts = [sum(change.action == action for change in found) for action in SIGNS]
    say("{} to create, {} to change, {} to delete".format(*counts) if found else "Nothing differs.")


def _value(value: object) -> Text:
    return Text("(none)", style="dim") if value in (None, [], "") else cell(value)
