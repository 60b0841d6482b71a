"""Sign-ins that leave the page: by a link in a mail, and with an OAuth provider."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Request, post
from litestar.di import NamedDependency
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK, HTTP_429_TOO_MANY_REQUESTS

from supabase_webhooks.gateway.asked import Asked, remember
from supabase_webhooks.gateway.dashboard.admission import BUSY, NO_CAPTCHA, Onward, onward_in, too_many
from supabase_webhooks.gateway.dashboard.callback import CALLBACK
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import page
from supabase_webhooks.gateway.dashboard.signin import sign_in_page
from supabase_webhooks.gateway.methods import Methods, Offered
from supabase_webhooks.gateway.pkce import Redirects, new_verifier
from supabase_webhooks.gateway.prefix import rooted
from supabase_webhooks.gateway.supabase import SignedOut
from supabase_webhooks.gateway.tries import Tries
from supabase_webhooks.webhooks.errors import StoreError, StoreUnavailable
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Coroutine

#: Seconds after which someone who asks for a link is told that it is on its way. Supabase Auth takes longer for an
#: account that exists, since it mails the link before it responds: the time must not say so.
EVEN_SECONDS = 2

#: Mails on their way: a task that nothing refers to may be dropped.
_sending: set[asyncio.Task[None]] = set()


@post("/sign-in/link", status_code=HTTP_200_OK)
async def link(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    offered: NamedDependency[Offered],
    redirects: NamedDependency[Redirects],
    tries: NamedDependency[Tries],
) -> Template:
    """Have Supabase Auth mail a link. The response is the same for an address without an account."""
    fields = await request.form()
    email, onward = text(fields, "email") or "", onward_in(fields)
    methods, callback, verifier = await offered.read(), callback_of(request), new_verifier()

    def again(problem: str, status: int | None = None) -> Template:
        return sign_in_page(request, methods, problem, onward, email=email, status=status)

    if not email:
        return again("Enter your e-mail address, to which the link is sent.")
    if wait := await tries.count_link(request, email):
        return again(too_many(wait), HTTP_429_TOO_MANY_REQUESTS)
    try:
        if not await redirects.allowed(callback):
            return again(not_allowed(callback))
        await _evenly(redirects.send_link(email, verifier, callback))
    except SignedOut:
        return again(NO_CAPTCHA)
    except StoreUnavailable as exc:
        if exc.code != str(HTTP_429_TOO_MANY_REQUESTS):
            raise
        return again(BUSY, HTTP_429_TOO_MANY_REQUESTS)
    asked = Asked(verifier, onward.page, onward.kept)
    return remember(request, settings, asked, page(request, "sign_in_sent.html", email=email))


@post("/sign-in/provider", status_code=HTTP_200_OK)
async def provider(
    request: Request[Any, Any, Any],
    settings: NamedDependency[Settings],
    offered: NamedDependency[Offered],
    redirects: NamedDependency[Redirects],
) -> Template:
    """Lead to a provider, by a page: a redirect of a form to another site is one that form-action forbids."""
    fields = await request.form()
    name, onward = text(fields, "provider") or "", onward_in(fields)
    methods, callback, verifier = await offered.read(), callback_of(request), new_verifier()
    label = methods.providers.get(name)
    if label is None:
        return _not_offered(request, methods, onward)
    if not await redirects.allowed(callback):
        return sign_in_page(request, methods, not_allowed(callback), onward)
    try:
        target = await redirects.provider(name, verifier, callback)
    except StoreUnavailable:
        raise
    except StoreError:
        problem = (
            f"Supabase Auth could not start the sign-in with {label}. Check the provider's settings there "
            "(Authentication, Sign In / Providers)."
        )
        return sign_in_page(request, methods, problem, onward)
    asked = Asked(verifier, onward.page, onward.kept)
    return remember(request, settings, asked, page(request, "sign_in_away.html", label=label, target=target))


def callback_of(request: Request[Any, Any, Any]) -> str:
    """Return the address that Supabase Auth leads back to, as the browser sees this gateway."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}{rooted(CALLBACK)}"


def not_allowed(callback: str) -> str:
    """Return what is wrong when Supabase Auth would lead elsewhere, and how to fix it."""
    return (
        f"Supabase Auth does not lead back to {callback}, but to the project's site. Add this address to the Redirect "
        "URLs in Supabase (Authentication, URL Configuration). If it is not this dashboard's address, the proxy in "
        "front of the gateway must pass the Host header on and be in FORWARDED_ALLOW_IPS."
    )


def _not_offered(request: Request[Any, Any, Any], methods: Methods, onward: Onward) -> Template:
    return sign_in_page(request, methods, "Supabase Auth does not offer this provider. Choose another way.", onward)


async def _evenly(sending: Coroutine[Any, Any, None]) -> None:
    """Wait for as long as always; raise what was raised until then."""
    task = asyncio.create_task(sending)
    _sending.add(task)
    task.add_done_callback(_sent)
    pause = asyncio.create_task(asyncio.sleep(EVEN_SECONDS))
    try:
        await asyncio.wait({task, pause}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        await pause
    finally:
        pause.cancel()


def _sent(task: asyncio.Task[None]) -> None:
    _sending.discard(task)
    if not task.cancelled():
        # looked at, so that it is not reported as forgotten
        task.exception()


ROUTES = [link, provider]
