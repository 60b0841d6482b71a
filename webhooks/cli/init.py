"""`webhooks init`: from nothing to a first delivery. Each step is a command of its own, and may be repeated."""

from __future__ import annotations

import secrets
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supabase_webhooks.webhooks.cli import first_event
from supabase_webhooks.webhooks.cli.admins import PASSWORD_BYTES
from supabase_webhooks.webhooks.cli.arguments import Yes, ask
from supabase_webhooks.webhooks.cli.cron import by_database, by_github
from supabase_webhooks.webhooks.cli.env import App, complete
from supabase_webhooks.webhooks.cli.installation import dsn, install
from supabase_webhooks.webhooks.cli.listen import show as show_event
from supabase_webhooks.webhooks.cli.migrate import Platform
from supabase_webhooks.webhooks.cli.outcome import Outcome, end, show
from supabase_webhooks.webhooks.cli.output import AsJson
from supabase_webhooks.webhooks.cli.supabase import call, settings
from supabase_webhooks.webhooks.errors import MigrationError
from supabase_webhooks.webhooks.migration import migrations
from supabase_webhooks.webhooks.steps import step

if TYPE_CHECKING:
    from collections.abc import Iterator
Cron = StrEnum("Cron", ["database", "github"])

Admin = Annotated[str | None, typer.Option("--admin", metavar="EMAIL", help="Who may use the dashboard.")]
By = Annotated[Cron | None, typer.Option("--cron", help="What calls the gateway: pg_cron, or a GitHub workflow.")]
Gateway = Annotated[
    str | None, typer.Option("--gateway", metavar="URL", help="The gateway's public address, for pg_cron.")
]
Endpoint = Annotated[str | None, typer.Option("--endpoint", metavar="URL", help="A receiver of all events.")]


def init(
    app: App = None,
    admin: Admin = None,
    cron: By = None,
    gateway: Gateway = None,
    endpoint: Endpoint = None,
    platform: Platform = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Set everything up: settings, migrations, an admin, the cron, an endpoint and its first event.

    It asks for what it cannot find, keeps what exists, and may be run again. With --yes it asks nothing.
    """
    done = []
    for one in _steps(app, admin, cron, gateway, endpoint, platform=platform, asking=not yes, as_json=as_json):
        done.append(one)
        if not as_json:
            show(one)
        if one.status == "missing" and one.step in {"settings", "migrations"}:
            break
    end(done, as_json=as_json)


def _steps(
    app: str | None, admin: str | None, cron: Cron | None, gateway: str | None, endpoint: str | None,
    *, platform: bool, asking: bool, as_json: bool,
) -> Iterator[Outcome]:  # fmt: skip
    yield from complete(app, asking=asking)
    yield install(migrations("system", *(["platform"] if platform else [])))
    yield _admin(admin, asking=asking)
    setup = call("webhook_diagnosis")["setup"]
    yield _cron(cron, gateway, called=setup["cron"], asking=asking)
    if endpoint is None and not setup["endpoint"] and asking:
        endpoint = ask("A receiver's URL, https://... (empty: later)", optional=True)
    yield (made := first_event.create(endpoint or None))
    yield first_event.deliver(made, delivered=setup["event"], show=(lambda _: None) if as_json else show_event)


def _admin(email: str | None, *, asking: bool) -> Outcome:
    from supabase_webhooks.webhooks.accounts import ADMIN, create_account, set_role  # noqa: PLC0415 - takes a moment: not for --help

    admins: list[dict[str, Any]] = [one for one in call("webhook_admins") if one["role"] == "admin"]
    if email is None and admins:
        return Outcome("admin", "kept", f"{len(admins)} accounts may use the dashboard")
    if email is None and asking:
        email = ask("Your email address, to use the dashboard (empty: later)", optional=True)
    if not email:
        return Outcome("admin", "skipped", "no one can use the dashboard yet", step("admin").command)
    found = call("webhook_admins", email=email)
    if len(found) > 1:
        return Outcome("admin", "missing", f"{len(found)} accounts have this address", step("admin").command)
    if found and found[0]["role"] == "admin":
        return Outcome("admin", "kept", f"{email} is a webhook admin")
    if found:
        set_role(settings(), found[0]["user_id"], ADMIN)
        return Outcome("admin", "done", f"{email} is a webhook admin")
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    create_account(settings(), email, password, ADMIN)
    return Outcome("admin", "done", f"created {email}, a webhook admin, with this password:", shown_once=password)


def _cron(by: Cron | None, gateway: str | None, *, called: bool, asking: bool) -> Outcome:
    if by is None and called:
        return Outcome("cron", "kept", "it has called the gateway")
    if by is None and asking:
        with suppress(ValueError):
            by = Cron(ask("The cron: database (pg_cron), github, or empty for later", optional=True))
    later = f"{step('cron').command}, or webhooks cron github"
    if by is None:
        return Outcome("cron", "skipped", "nothing calls the gateway yet; workers deliver without it", later)
    if by is Cron.github:
        return by_github(Path())
    if gateway is None and asking:
        gateway = ask("The gateway's public address, https://... (empty: later)", optional=True)
    if not gateway or not dsn():
        return Outcome("cron", "missing", "pg_cron needs the gateway's address and DATABASE_URL", later)
    try:
        return by_database(gateway, dsn())
    except MigrationError as exc:
        return Outcome("cron", "missing", str(exc), later)
