"""Replay: make many deliveries due again, after counting them."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.dashboard.choices import endpoint_choices
from supabase_webhooks.gateway.dashboard.forms import FormError, identifier, moment, text
from supabase_webhooks.gateway.dashboard.page import go, page, wake
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.settings import Settings

#: Each filter, and how it is read.
FILTERS = {
    "webhook_config_id": identifier,
    "event_type": text,
    "status": text,
    "created_from": moment,
    "created_until": moment,
}

#: Deliveries that one click replays; the page says how many are left. To replay more, use the command line.
AT_MOST = 10_000


@get("/replay")
async def form(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the form and, once it is filled in, the count."""
    fields = dict(request.query_params)
    counted, problem = None, None
    if "status" in fields:
        try:
            counted = await admin.call("replay_webhook_deliveries", **_arguments(fields))
        except (FormError, StoreError) as exc:
            problem = _problem(exc)
    fields = {name: fields.get(name, "") for name in FILTERS}
    endpoints = await endpoint_choices(admin, _identifier(fields))
    return page(
        request,
        "replay.html",
        admin,
        fields=fields,
        counted=counted,
        listed={name: value for name, value in fields.items() if value},
        problem=problem,
        endpoints=endpoints,
        at_most=AT_MOST,
    )


@post("/replay", status_code=HTTP_200_OK)
async def act(
    request: Request[Any, Any, Any],
    admin: NamedDependency[Admin],
    broker: NamedDependency[Broker],
    settings: NamedDependency[Settings],
) -> Redirect:
    """Replay them. `created_until` comes from the count, so that nothing newer is included."""
    fields = await request.form()
    try:
        done = await admin.write("replay", **_arguments(fields), dry_run=False, at_most=AT_MOST)
    except (FormError, StoreError) as exc:
        return go(request, "/replay", _problem(exc), kind="error")
    await wake(broker, settings, done["replayed"])
    more = " There are more: replay again for the next ones." if done["next"] else ""
    return go(request, "/deliveries?status=unfinished", f"{done['replayed']:,} deliveries are due again.{more}")


def _arguments(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a form or an address
    arguments = {name: read(fields, name) for name, read in FILTERS.items()}
    return {name: value for name, value in arguments.items() if value is not None}


def _identifier(fields: dict[str, str]) -> str | None:
    try:
        return identifier(fields, "webhook_config_id")
    except FormError:
        return None


def _problem(exc: FormError | StoreError) -> str:
    if isinstance(exc, StoreError) and exc.code not in REFUSALS:
        raise exc
    return str(exc)


ROUTES = [form, act]
