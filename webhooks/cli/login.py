"""`webhooks login`, `logout` and `profiles`: the projects that commands talk to."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated
from urllib.parse import urlsplit

import typer

from supabase_webhooks.webhooks import sessions
from supabase_webhooks.webhooks.cli.output import AsJson, note, print_json, print_table, say
from supabase_webhooks.webhooks.cli.supabase import access_token, chosen, opened, profiles, settings_of
from supabase_webhooks.webhooks.errors import SettingsError, StoreError
from supabase_webhooks.webhooks.profiles import Credential, Profile, ServiceKey
from supabase_webhooks.webhooks.sessions import Session
from supabase_webhooks.webhooks.tokens import is_secret_key

#: The profile of those who need only one.
DEFAULT = "default"


def login(
    url: Annotated[
        str | None, typer.Option(help="The project's URL, https://<ref>.supabase.co.", envvar="SUPABASE_URL")
    ] = None,
    service_key: Annotated[
        bool, typer.Option("--service-key", help="With the project's secret key, which is asked for.")
    ] = False,
    email: Annotated[str | None, typer.Option(help="The address of a webhook admin's account.")] = None,
    publishable_key: Annotated[
        str | None,
        typer.Option(help="The project's publishable key, to sign in with.", envvar="SUPABASE_ANON_KEY"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Log in to a project, as an admin or with its secret key; --profile NAME keeps several.

    Passwords and keys are asked for, or read from standard input, one a line. They are never arguments.
    """
    name = chosen() or DEFAULT
    url = (url or _ask("The project's URL")).strip().rstrip("/")
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise typer.BadParameter(f"{url!r} is not a project's URL; example: https://<ref>.supabase.co")
    credential: Credential
    if service_key:
        credential = ServiceKey(_ask("Its secret key", hidden=True))
        if not is_secret_key(credential.key):
            raise typer.BadParameter("this is not a secret key: it begins with sb_secret_, or is the service_role key")
    else:
        credential = _sign_in(url, publishable_key or _ask("Its publishable key"), email or _ask("Email"))
    profile = Profile(url, credential)
    # before it is stored: a key of another project, or an account that is not an admin's, opens nothing
    asyncio.run(_try(profile))
    where = profiles().put(name, profile)
    if as_json:
        print_json({"profile": name, "url": url, "user": profile.user, "stored_in": where})
    else:
        say(f"Logged in to {url} as {profile.user}.")
        note(f"Profile {name} is the current one; its credential is in {where}.")


def logout(as_json: AsJson = False) -> None:
    """Log out: end the session and forget the profile, the current one or that of --profile."""
    name = chosen() or profiles().current
    if name is None:
        raise SettingsError("you are not logged in")
    try:
        profile = profiles().get(name)
        if isinstance(profile.credential, Session):
            sessions.sign_out(profile.url, profile.credential)
    except (SettingsError, StoreError) as exc:
        if name not in profiles().names():
            raise
        note(f"The session may still be valid in the project: {exc}")
    profiles().remove(name)
    if as_json:
        print_json({"profile": name})
    else:
        say(f"Profile {name} was deleted.")


def list_profiles(as_json: AsJson = False) -> None:
    """List the profiles that you have logged in to."""
    current = profiles().current
    found = [{"name": name, "url": url, "current": name == current} for name, url in profiles().names().items()]
    if as_json:
        print_json(found)
    else:
        print_table(found, ["name", "url", "current"], empty="There are no profiles; create one with: webhooks login")


def _sign_in(url: str, publishable_key: str, email: str) -> Session:
    if is_secret_key(publishable_key):
        raise typer.BadParameter("this is a secret key; sign in with the publishable one, or add --service-key")
    session, apps = sessions.sign_in(url, publishable_key, email, _ask("Password", hidden=True))
    if apps:
        session = sessions.verify(url, session, apps[0], _ask("Code of your authenticator app"))
    return session


def _ask(question: str, *, hidden: bool = False) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(question, hide_input=hidden, err=True)).strip()
    if not (given := sys.stdin.readline().strip()):
        raise typer.BadParameter(f"{question}: standard input has no such line")
    return given


async def _try(profile: Profile) -> None:
    async with opened(settings_of(profile), access_token(profile)) as store:
        await store.call("list_webhook_endpoints", {"page_size": 1})
