"""API tokens: the list, creating one, which is shown once, and revoking one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST

from supabase_webhooks.gateway.dashboard.forms import FormError, choice, text
from supabase_webhooks.gateway.dashboard.page import go, page
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.scopes import Scope
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError

#: What the form says of each scope.
SCOPES = {
    Scope.READ: "Read: everything on these pages except secrets",
    Scope.MANAGE: "Manage: read, and change endpoints, rotate secrets, retry, replay and test",
    Scope.DISPATCH: "Dispatch: events, and nothing else",
}

#: How long a token may live: intervals of Postgres, with their names.
EXPIRIES = {"7 days": "7 days", "30 days": "30 days", "90 days": "90 days", "365 days": "1 year", "never": "never"}


@get("/tokens")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """List tokens, and show the form for a new one."""
    return await _list(request, admin, {"scopes": [], "expires_after": "90 days"})


@post("/tokens", status_code=HTTP_200_OK)
async def create(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Create a token, and show it once."""
    fields = await request.form()
    scopes = [str(one) for one in fields.getall("scopes", [])]
    try:
        expiry = choice(fields, "expires_after", of=list(EXPIRIES)) or "90 days"
        made = await admin.write(
            "create_token", text(fields, "key"), name=text(fields, "name"), scopes=scopes,
            expires_after=None if expiry == "never" else expiry,
        )  # fmt: skip
    except (FormError, StoreError) as exc:
        if isinstance(exc, StoreError) and exc.code not in REFUSALS:
            raise
        shown = {"name": fields.get("name", ""), "scopes": scopes, "expires_after": fields.get("expires_after", "")}
        return await _list(request, admin, shown, problem=str(exc))
    return page(request, "token.html", admin, made=made)


@get("/tokens/{token_id:uuid}/revoke")
async def confirm(request: Request[Any, Any, Any], admin: NamedDependency[Admin], token_id: FromPath[UUID]) -> Template:
    """Ask for confirmation."""
    found = [one for one in await admin.call("list_webhook_api_tokens") if one["id"] == str(token_id)]
    if not found:
        raise NotFoundException(f"API token {token_id} does not exist.")
    return page(request, "token_revoke.html", admin, token=found[0])


@post("/tokens/{token_id:uuid}/revoke", status_code=HTTP_200_OK)
async def revoke(request: Request[Any, Any, Any], admin: NamedDependency[Admin], token_id: FromPath[UUID]) -> Redirect:
    """Revoke it."""
    done = await admin.write("revoke_token", token_id=str(token_id))
    return go(request, "/tokens", f"{done['name']} was revoked. It is rejected from now on.")


async def _list(
    request: Request[Any, Any, Any], admin: Admin, token: dict[str, Any], problem: str | None = None
) -> Template:
    return page(
        request, "tokens.html", admin, status=HTTP_400_BAD_REQUEST if problem else HTTP_200_OK,
        tokens=await admin.call("list_webhook_api_tokens"), token=token, scopes=SCOPES, expiries=EXPIRIES,
        problem=problem, key=uuid4(),
    )  # fmt: skip


ROUTES = [index, create, confirm, revoke]
