"""Endpoints: the list with their health; creating, changing, disabling, deleting, rotating, testing, retrying one."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_400_BAD_REQUEST

from supabase_webhooks.gateway.dashboard.forms import FormError, choice, document, number, seconds, text
from supabase_webhooks.gateway.dashboard.page import go, page, retried, wake
from supabase_webhooks.gateway.deletion import delete_endpoint
from supabase_webhooks.gateway.errors import REFUSALS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.queue import Broker
from supabase_webhooks.webhooks.retries import PRESETS, described, preset, waits
from supabase_webhooks.webhooks.settings import Settings

#: Numbers that an endpoint may set for itself: name, kind, lower and upper bound, unit.
NUMBERS = {
    "timeout_seconds": (float, 0.1, 120, "seconds"),
    "rate_limit_per_second": (int, 1, 100_000, "a second"),
    "max_concurrency": (int, 1, 10_000, "at once"),
    "circuit_failure_threshold": (int, 1, 10_000, "failures"),
    "circuit_reset_seconds": (int, 1, 86_400, "seconds"),
}

#: How the form says when a delivery is retried: a preset, a list of seconds, or a number of attempts.
RETRIES = {
    **{name: f"{name.capitalize()}: {described(waits, 0)}" for name, waits in PRESETS.items()},
    "custom": "Custom: seconds to wait after each attempt",
    "attempts": "Attempts, with waits that double from 2 s up to a minute",
}

#: Attempts at most, and those of an endpoint that says nothing. As webhooks.apply_endpoint_changes has them.
MOST_ATTEMPTS, ATTEMPTS = 20, 3

#: Deliveries that one click retries; the message says when there are more.
AT_MOST = 10_000

#: Fields of the form that are shown again as they were filled in.
FIELDS = ("name", "url", "credentials_profile", "retry", "waits", "max_attempts", "expires_after", *NUMBERS)

#: Hours for which a rotated secret may go on signing.
OVERLAPS = {"86400": "24 hours", "604800": "7 days", "3600": "1 hour", "0": "no overlap: the old secret ends now"}


@get("/endpoints")
async def index(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """List endpoints by name."""
    return page(request, "endpoints.html", admin, endpoints=await admin.call("list_webhook_endpoints", page_size=500))


@get("/endpoints/new")
async def new(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Show the form."""
    return await _form(request, admin, {"events": ["*"], "retry": "standard", "max_attempts": ATTEMPTS})


@post("/endpoints", status_code=HTTP_200_OK)
async def create(request: Request[Any, Any, Any], admin: NamedDependency[Admin]) -> Template:
    """Create an endpoint, and show its secret once."""
    fields = await request.form()
    try:
        made = await admin.write("create_endpoint", text(fields, "key"), settings=_settings(fields))
    except (FormError, StoreError) as exc:
        return await _form(request, admin, _shown(fields), problem=_problem(exc))
    return page(request, "secret.html", admin, made=made, title="Endpoint created", previous_until=None)


@get("/endpoints/{endpoint_id:uuid}")
async def show(request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]) -> Template:
    """Show an endpoint: health, settings and actions."""
    endpoint = await _endpoint(admin, endpoint_id)
    recent = await admin.call("search_webhook_deliveries", webhook_config_id=str(endpoint_id), page_size=10)
    return page(
        request, "endpoint.html", admin, endpoint=endpoint, recent=recent["deliveries"], numbers=NUMBERS,
        overlaps=OVERLAPS, key=uuid4(), described=described, waits=waits,
    )  # fmt: skip


@get("/endpoints/{endpoint_id:uuid}/edit")
async def edit(request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]) -> Template:
    """Show the form."""
    endpoint = await _endpoint(admin, endpoint_id)
    schedule = endpoint["retry_schedule"]
    retry = preset(schedule) or ("attempts" if schedule is None else "custom")
    shown = {"retry": retry, "waits": ", ".join(map(str, schedule or [])) if retry == "custom" else ""}
    return await _form(request, admin, endpoint | shown)


@post("/endpoints/{endpoint_id:uuid}", status_code=HTTP_200_OK)
async def update(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template | Redirect:
    """Change one."""
    fields = await request.form()
    try:
        changes = _settings(fields)
        if changes["headers"] is None and not fields.get("remove_headers"):
            # their values are never shown, so an empty field means: unchanged
            del changes["headers"]
        await admin.write("update_endpoint", webhook_config_id=str(endpoint_id), changes=changes)
    except (FormError, StoreError) as exc:
        shown = {**await _endpoint(admin, endpoint_id), **_shown(fields)}
        return await _form(request, admin, shown, problem=_problem(exc))
    return go(request, f"/endpoints/{endpoint_id}", "Saved.")


@post("/endpoints/{endpoint_id:uuid}/rotate", status_code=HTTP_200_OK)
async def rotate(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template:
    """Create a new secret, and show it once."""
    fields = await request.form()
    made = await admin.write(
        "rotate_secret", text(fields, "key"), webhook_config_id=str(endpoint_id),
        overlap_seconds=number(fields, "overlap"),
    )  # fmt: skip
    until = made.get("previous_until")
    return page(request, "secret.html", admin, made=made, title="Secret rotated", previous_until=until)


@post("/endpoints/{endpoint_id:uuid}/end-overlap", status_code=HTTP_200_OK)
async def end_overlap(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Redirect:
    """Sign with the new secret only."""
    await admin.write("end_secret_overlap", webhook_config_id=str(endpoint_id))
    message = "The overlap has ended: only the new secret signs, also in X-Webhook-Signature."
    return go(request, f"/endpoints/{endpoint_id}", message)


@post("/endpoints/{endpoint_id:uuid}/retry", status_code=HTTP_200_OK)
async def retry(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings], endpoint_id: FromPath[UUID],
) -> Redirect:  # fmt: skip
    """Make the deliveries due that wait for their next attempt."""
    done = await admin.write("retry_many", webhook_config_id=str(endpoint_id), at_most=AT_MOST)
    await wake(broker, settings, done["retried"])
    return go(request, f"/endpoints/{endpoint_id}", retried(done))


@post("/endpoints/{endpoint_id:uuid}/test", status_code=HTTP_200_OK)
async def send_test(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], broker: NamedDependency[Broker],
    settings: NamedDependency[Settings], endpoint_id: FromPath[UUID],
) -> Redirect:  # fmt: skip
    """Send the event webhook.test to it, and show the delivery."""
    try:
        made = await admin.write("send_test", webhook_config_id=str(endpoint_id))
    except StoreError as exc:
        return go(request, f"/endpoints/{endpoint_id}", _problem(exc), kind="error")
    await wake(broker, settings)
    return go(request, f"/deliveries/{made['delivery_id']}", "The test event will be sent in a moment.", sent=0)


@post("/endpoints/{endpoint_id:uuid}/active", status_code=HTTP_200_OK)
async def activate(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Redirect:
    """Enable or disable it."""
    active = (await request.form()).get("active") == "true"
    await admin.write("update_endpoint", webhook_config_id=str(endpoint_id), changes={"is_active": active})
    message = (
        "Enabled: its waiting deliveries go out now."
        if active
        else "Disabled: its deliveries are held until it is enabled."
    )
    return go(request, f"/endpoints/{endpoint_id}", message)


@get("/endpoints/{endpoint_id:uuid}/delete")
async def confirm_deletion(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template:
    """Ask for confirmation, and what to do with its history."""
    return page(request, "endpoint_delete.html", admin, endpoint=await _endpoint(admin, endpoint_id), history="keep")


@post("/endpoints/{endpoint_id:uuid}/delete", status_code=HTTP_200_OK)
async def remove(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], endpoint_id: FromPath[UUID]
) -> Template | Redirect:
    """Delete it. With many deliveries, this takes several clicks."""
    history = text(await request.form(), "history") or "keep"
    endpoint = await _endpoint(admin, endpoint_id)
    done = await delete_endpoint(admin, endpoint_id, keep_history=history != "delete")
    if done["more"]:
        return page(
            request, "endpoint_delete.html", admin, endpoint=endpoint, history=history, so_far=done["deliveries"]
        )
    kept = "Its history remains under Deliveries." if history != "delete" else "Its history was deleted too."
    return go(request, "/endpoints", f"{endpoint['name']} was deleted. {kept}")


async def _endpoint(admin: Admin, endpoint_id: UUID) -> dict[str, Any]:
    found = await admin.call("list_webhook_endpoints", webhook_config_id=str(endpoint_id))
    if not found:
        raise NotFoundException(f"Endpoint {endpoint_id} does not exist.")
    return dict(found[0])


async def _form(
    request: Request[Any, Any, Any], admin: Admin, endpoint: dict[str, Any], problem: str | None = None
) -> Template:
    await admin.call("webhook_admin_check")
    types = await admin.rows("webhook_event_types", select="name", analytics_destination="is.null", order="name")
    names = [row["name"] for row in types]
    families = sorted({f"{name.split('.')[0]}.*" for name in names})
    known = ["*", *families, *names]
    # an old endpoint may subscribe to what the catalog no longer has
    options = [*known, *(event for event in endpoint.get("events") or [] if event not in known)]
    return page(
        request, "endpoint_form.html", admin, status=HTTP_400_BAD_REQUEST if problem else HTTP_200_OK,
        endpoint=endpoint, options=options, numbers=NUMBERS, retries=RETRIES, most_attempts=MOST_ATTEMPTS,
        problem=problem, key=uuid4(),
    )  # fmt: skip


def _settings(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
    return {
        "name": text(fields, "name"),
        "url": text(fields, "url"),
        "events": fields.getall("events", []),
        "headers": document(fields, "headers"),
        "credentials_profile": text(fields, "credentials_profile"),
        "expires_after": text(fields, "expires_after"),
        **_retry(fields),
        **{name: number(fields, name, kind) for name, (kind, *_) in NUMBERS.items()},
    }


def _retry(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
    retry = choice(fields, "retry", of=list(RETRIES))
    if retry == "attempts":
        return {"retry_schedule": None, "max_attempts": number(fields, "max_attempts") or ATTEMPTS}
    return {"retry_schedule": seconds(fields, "waits") if retry == "custom" else retry}


def _shown(fields: Any) -> dict[str, Any]:  # noqa: ANN401 - Litestar's form
    plain = {name: fields.get(name, "") for name in FIELDS}
    return {**plain, "events": fields.getall("events", [])}


def _problem(exc: FormError | StoreError) -> str:
    if isinstance(exc, StoreError) and exc.code not in REFUSALS:
        raise exc
    return str(exc)


ROUTES = [
    index,
    new,
    create,
    show,
    edit,
    update,
    rotate,
    end_overlap,
    retry,
    send_test,
    activate,
    confirm_deletion,
    remove,
]
