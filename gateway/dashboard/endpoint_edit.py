"""The form of an endpoint as a page, and changing one that exists."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST, HTTP_409_CONFLICT

from supabase_webhooks.gateway.csrf import RESTORED
from supabase_webhooks.gateway.dashboard import endpoint_form
from supabase_webhooks.gateway.dashboard.choices import event_choices
from supabase_webhooks.gateway.dashboard.endpoint_form import MOST_ATTEMPTS, NUMBERS, RETRIES, Form
from supabase_webhooks.gateway.dashboard.forms import label, text
from supabase_webhooks.gateway.dashboard.page import go, page
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.settings import Settings

#: The code of a change to an endpoint that someone has changed since it was read.
CONFLICT = "PT409"


@get("/endpoints/{endpoint_id:uuid}/edit")
async def edit(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], settings: NamedDependency[Settings],
    endpoint_id: FromPath[UUID],
) -> Template:  # fmt: skip
    """Show the form."""
    endpoint = await find_endpoint(admin, endpoint_id)
    return await form_page(request, admin, settings, Form(endpoint_form.shown(endpoint), endpoint))


@post("/endpoints/{endpoint_id:uuid}", status_code=HTTP_200_OK)
async def update(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], settings: NamedDependency[Settings],
    endpoint_id: FromPath[UUID],
) -> Template | Redirect:  # fmt: skip
    """Change one, unless someone else has changed it since the form was opened: then show what they changed."""
    fields = await request.form()
    endpoint, shown, was = await find_endpoint(admin, endpoint_id), endpoint_form.filled_in(fields), text(fields, "was")
    if fields.get(RESTORED):
        return await form_page(request, admin, settings, Form(shown, endpoint, was, restored=True))
    changes, problems = endpoint_form.read(fields)
    if changes.get("headers", {}) is None and not fields.get("remove_headers"):
        # their values are never shown, so an empty field means: unchanged
        del changes["headers"]
    theirs = endpoint_form.differences(was, endpoint)
    if not problems and not theirs:
        try:
            version = {"updated_at": endpoint["updated_at"]}
            await admin.write("update_endpoint", webhook_config_id=str(endpoint_id), changes=changes | version)
        except StoreError as exc:
            problems = endpoint_form.refused(exc, endpoint["name"], changes["name"])
            if exc.code == CONFLICT:
                endpoint = await find_endpoint(admin, endpoint_id)
                theirs = endpoint_form.differences(was, endpoint)
        else:
            return go(request, f"/endpoints/{endpoint_id}", "Saved.")
    if not theirs:
        return await form_page(request, admin, settings, Form(shown, endpoint, was, problems))
    last = await admin.rows(
        "webhook_admin_actions", select="actor,acted_at", webhook_config_id=f"eq.{endpoint_id}",
        action="eq.update_endpoint", order="acted_at.desc", limit="1",
    )  # fmt: skip
    found = Form(shown, endpoint, problems=problems, theirs=theirs, last=last[0] if last else None)
    return await form_page(request, admin, settings, found)


async def form_page(
    request: Request[Any, Any, Any],
    admin: Admin,
    settings: Settings,
    form: Form,
    **more: Any,  # noqa: ANN401
) -> Template:
    """Show the form; `more` is what its template shows besides."""
    await admin.call("webhook_admin_check")
    types = await event_choices(admin)
    was = form.was or (exact.encode(endpoint_form.seen(form.endpoint)) if form.endpoint else None)
    status = HTTP_409_CONFLICT if form.theirs else HTTP_400_BAD_REQUEST if form.problems else HTTP_200_OK
    return page(
        request, "endpoint_form.html", admin, status=status, endpoint=form.endpoint, form=form.shown, was=was,
        problems=form.problems, theirs=form.theirs, last=form.last, restored=form.restored,
        families=families(types, form.shown["events"]),
        numbers=NUMBERS, retries=RETRIES, most_attempts=MOST_ATTEMPTS, defaults=endpoint_form.defaults(settings),
        label=label, **{"key": uuid4(), "step": None, **more},
    )  # fmt: skip


def families(names: list[str], chosen: list[str]) -> dict[str, list[str]]:
    """Return the events by the part of their names before the first point, such as user.*, in the catalog's order.

    An old endpoint may subscribe to what the catalog no longer has: that is the family "".
    """
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(f"{name.partition('.')[0]}.*", []).append(name)
    known = {"*", *found, *names}
    return found | ({"": gone} if (gone := [event for event in chosen if event not in known]) else {})


async def find_endpoint(admin: Admin, endpoint_id: UUID) -> dict[str, Any]:
    """Return an endpoint with its health."""
    found = await admin.call("list_webhook_endpoints", webhook_config_id=str(endpoint_id))
    if not found:
        raise NotFoundException(f"Endpoint {endpoint_id} does not exist.")
    return dict(found[0])


ROUTES = [edit, update]
