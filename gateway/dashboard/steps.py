"""A new endpoint in steps: where to, which events, how; then all of it. What was given travels in the form."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import uuid4

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Template
from litestar.status_codes import HTTP_200_OK

from supabase_webhooks.gateway.csrf import RESTORED
from supabase_webhooks.gateway.dashboard import endpoint_form
from supabase_webhooks.gateway.dashboard.endpoint_edit import form_page
from supabase_webhooks.gateway.dashboard.endpoint_form import LINES, NUMBERS, Form
from supabase_webhooks.gateway.dashboard.forms import text
from supabase_webhooks.gateway.dashboard.page import page
from supabase_webhooks.gateway.dashboard.protocols import PROTOCOLS
from supabase_webhooks.gateway.session import Admin
from supabase_webhooks.webhooks.errors import StoreError
from supabase_webhooks.webhooks.settings import Settings


class Step(NamedTuple):
    """A step: its title, its template, and the fields that it asks for."""

    title: str
    template: str
    fields: tuple[str, ...]


STEPS = (
    Step("Destination", "endpoint_destination.html", ("name", "protocol", "url", "credentials_profile")),
    Step("Events", "endpoint_events.html", ("events",)),
    Step(
        "Delivery", "endpoint_delivery.html", ("retry", "waits", "max_attempts", "expires_after", *NUMBERS, "headers")
    ),
    # what is wrong with no field in particular is said here
    Step("Review", "endpoint_review.html", ("",)),
)


@get("/endpoints/new")
async def new(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], settings: NamedDependency[Settings]
) -> Template:
    """Show the first step."""
    return await _show(request, admin, settings, 0, Form({**endpoint_form.NEW, "protocol": "https"}))


@post("/endpoints", status_code=HTTP_200_OK)
async def create(
    request: Request[Any, Any, Any], admin: NamedDependency[Admin], settings: NamedDependency[Settings]
) -> Template:
    """Go to another step or, without one, create the endpoint and show its secret once."""
    fields = await request.form()
    shown = {**endpoint_form.filled_in(fields), "protocol": text(fields, "protocol") or ""}
    target, protocol = _number(fields.get("go")), PROTOCOLS.get(shown["protocol"])
    if fields.get(RESTORED):
        return await _show(request, admin, settings, _number(fields.get("step")) or 0, Form(shown, restored=True))
    given, problems = endpoint_form.read(fields)
    if protocol and "url" not in problems and (problem := protocol.problem_of(shown["url"])):
        problems["url"] = problem
    if protocol and not protocol.takes_credentials:
        # the field may have been filled in for another protocol, and is hidden now
        given["credentials_profile"], shown["credentials_profile"] = None, ""
    if target is None and not problems:
        try:
            made = await admin.write("create_endpoint", text(fields, "key"), settings=given)
        except StoreError as exc:
            problems = endpoint_form.refused(exc, given["name"])
        else:
            return page(request, "secret.html", admin, made=made, title="Endpoint created", previous_until=None)
    # a step is shown once all before it are right
    last = len(STEPS) - 1 if target is None else target
    counted = {name: _step_of(name) for name in problems if target is None or _step_of(name) < target}
    at = min(counted.values(), default=last)
    told = {name: problems[name] for name, step in counted.items() if step == at}
    return await _show(request, admin, settings, at, Form(shown, problems=told), key=text(fields, "key"))


async def _show(  # noqa: PLR0913 - what a request has, and what is shown
    request: Request[Any, Any, Any], admin: Admin, settings: Settings, at: int, form: Form, *, key: str | None = None
) -> Template:
    """Show a step; the fields of the others are hidden in its form."""
    elsewhere = [name for name in (*LINES, "protocol", "headers") if name not in STEPS[at].fields]
    hidden = [(name, form.shown[name]) for name in elsewhere if form.shown.get(name)]
    if "events" not in STEPS[at].fields:
        hidden += [("events", event) for event in form.shown["events"]]
    return await form_page(
        request, admin, settings, form, key=key or uuid4(), step=at, steps=STEPS, hidden=hidden, protocols=PROTOCOLS,
        retries_in_words=endpoint_form.retries_in_words(form.shown),
    )  # fmt: skip


def _step_of(field: str) -> int:
    return next(at for at, step in enumerate(STEPS) if field in step.fields)


def _number(value: object) -> int | None:
    """Return the number of a step in a field of the form; None for anything else."""
    return int(str(value)) if str(value) in {str(at) for at in range(len(STEPS))} else None


ROUTES = [new, create]
