"""`webhooks endpoints`: manage who receives which events, and where."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from supabase_webhooks.webhooks.cli.arguments import Yes, confirm, interval, json_object, schedule, span
from supabase_webhooks.webhooks.cli.output import (
    AsJson,
    note,
    print_fields,
    print_items,
    print_json,
    print_table,
    progress,
)
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.plain import plain
from supabase_webhooks.webhooks.retries import described

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Endpoints requested at once.
PAGE = 200

app = typer.Typer(help="List, create, change and test endpoints.", no_args_is_help=True)

Id = Annotated[UUID, typer.Argument(help="The endpoint's id, as `webhooks endpoints list` shows it.")]
Events = Annotated[
    list[str] | None, typer.Option("--event", help="An event type, a family (user.*) or * for all; may be repeated.")
]
Settings = Annotated[
    str | None,
    typer.Option("--settings", help='More settings, as JSON, @file or -: {"rate_limit_per_second": 10}.'),
]

Schedule = Annotated[
    str | None,
    typer.Option(
        help="When a delivery is retried: standard (ten attempts over three days), quick (three over six seconds),"
        " seconds to wait after each attempt (5,300,1800), or none to use max_attempts instead."
    ),
]
Age = Annotated[
    str | None, typer.Option(help="The age at which a delivery fails as expired: 12h, 3d; never removes the limit.")
]


@app.command("list")
def list_endpoints(as_json: AsJson = False) -> None:
    """List endpoints with their health and their last 24 hours."""
    if as_json:
        print_items(_every_endpoint())
        return
    found = list(_every_endpoint())
    print_table(
        [_row(endpoint) for endpoint in found],
        ["id", "name", "status", "success", "events", "url", "waiting", "delivered", "failed"],
        empty="There are no endpoints; create one with: webhooks endpoints create NAME URL --event 'user.*'",
    )
    for endpoint in found:
        if endpoint["url_warning"]:
            note(f"{plain(endpoint['name'])}: {plain(endpoint['url_warning'])}")


@app.command()
def show(endpoint: Id, as_json: AsJson = False) -> None:
    """Show an endpoint's settings and health, without its secret."""
    found = call("list_webhook_endpoints", webhook_config_id=str(endpoint))
    if not found:
        call("update_webhook_endpoint", webhook_config_id=str(endpoint), changes={})  # raises that there is none
    if as_json:
        print_json(found[0])
        return
    nested = {"circuit", "last_hour", "health"}
    found[0]["retry_schedule"] = described(found[0]["retry_schedule"], found[0]["max_attempts"])
    fields = {name: value for name, value in found[0].items() if name not in nested}
    health = {name: value for name, value in found[0]["health"].items() if not name.endswith("_by_hour")}
    fields |= {f"health {name}": value for name, value in health.items()}
    fields |= {f"circuit {name}": value for name, value in (found[0]["circuit"] or {}).items()}
    print_fields(fields | {f"last hour {name}": value for name, value in found[0]["last_hour"].items()})


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name for people.")],
    url: Annotated[str, typer.Argument(help="https://..., sqs://..., pubsub://... or kafka://...")],
    event: Events = None,
    retry_schedule: Schedule = None,
    expires_after: Age = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Create an endpoint. Its secret is printed only once."""
    given = {"name": name, "url": url, "events": event or ["*"], **(json_object(settings) if settings else {})}
    given |= _retries(retry_schedule, expires_after)
    made = call("create_webhook_endpoint", settings=given)
    _print_secret(made, as_json=as_json)


@app.command()
def update(
    endpoint: Id,
    name: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    url: Annotated[str | None, typer.Option(help="Where deliveries go.")] = None,
    event: Events = None,
    retry_schedule: Schedule = None,
    expires_after: Age = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Change the given settings of an endpoint; the others are not changed."""
    changes: dict[str, Any] = json_object(settings) if settings else {}
    changes |= {k: v for k, v in {"name": name, "url": url, "events": event}.items() if v is not None}
    changes |= _retries(retry_schedule, expires_after)
    _change(endpoint, changes, as_json=as_json)


@app.command()
def enable(endpoint: Id, as_json: AsJson = False) -> None:
    """Enable an endpoint: its held deliveries go out, and its circuit closes."""
    _change(endpoint, {"is_active": True}, as_json=as_json)


@app.command()
def disable(endpoint: Id, as_json: AsJson = False) -> None:
    """Disable an endpoint: its pending deliveries are held."""
    _change(endpoint, {"is_active": False}, as_json=as_json)


@app.command()
def delete(
    endpoint: Annotated[str, typer.Argument(metavar="NAME|ID", help="The endpoint's name or id.")],
    with_history: Annotated[bool, typer.Option("--with-history", help="Delete its deliveries too.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete an endpoint. Its deliveries stay readable, unfinished ones as failed, unless you add --with-history."""
    found, name = _identified(endpoint)
    history = "with all of its deliveries" if with_history else "and keep its history"
    confirm(f"Delete endpoint {name}, {found}, {history}?", yes=yes)
    deliveries, more = 0, True
    with progress() as bar:
        task = bar.add_task("deleting", total=None)
        while more:
            done = call("delete_webhook_endpoint", webhook_config_id=found, keep_history=not with_history)
            deliveries, more = deliveries + done["deliveries"], done["more"]
            bar.update(task, completed=deliveries)
    if as_json:
        print_json({"id": found, "deliveries": deliveries})
        return
    what = "deleted" if with_history else "unfinished and marked as failed"
    note(f"Endpoint {name} was deleted; {deliveries} deliveries were {what}.")


@app.command()
def rotate(
    endpoint: Id,
    overlap: Annotated[
        str, typer.Option(help="How long the old secret also signs: 24h, 7d; 0s ends it immediately.")
    ] = "24h",
    as_json: AsJson = False,
) -> None:
    """Give an endpoint a new secret, which is printed only once; both sign until the overlap ends.

    The header webhook-signature has both signatures. X-Webhook-Signature keeps the old secret until the overlap ends.
    """
    interval = f"{span(overlap).total_seconds()} seconds"
    made = call("rotate_webhook_secret", webhook_config_id=str(endpoint), overlap=interval)
    _print_secret(made, as_json=as_json)


@app.command()
def end_overlap(endpoint: Id, as_json: AsJson = False) -> None:
    """End the overlap of a rotation: only the new secret signs, also in X-Webhook-Signature."""
    done = call("end_webhook_secret_overlap", webhook_config_id=str(endpoint))
    if as_json:
        print_json(done)
    else:
        note("The overlap has ended: only the new secret signs." if done["ended"] else "There is no overlap to end.")


@app.command("test")
def send_test(endpoint: Id, as_json: AsJson = False) -> None:
    """Send the event webhook.test to an endpoint."""
    made = call("send_test_webhook", webhook_config_id=str(endpoint))
    if as_json:
        print_json(made)
    else:
        print_fields(made)
        note(f"To see the result: webhooks deliveries show {made['delivery_id']}")


def _identified(endpoint: str) -> tuple[str, str]:
    """Return the id and name of an endpoint that is given by either; a deleted endpoint is given by its id."""
    with suppress(ValueError):
        by_id = str(UUID(endpoint))
        listed = call("list_webhook_endpoints", webhook_config_id=by_id)
        return by_id, plain(listed[0]["name"]) if listed else "that was deleted"
    # the page begins with that name: no id is smaller
    page = call("list_webhook_endpoints", after_name=endpoint, after_id=str(UUID(int=0)), page_size=20)
    named = [one["id"] for one in page if one["name"] == endpoint]
    if len(named) != 1:
        several = f"{len(named)} endpoints have the name {endpoint!r}; give an id: {', '.join(named)}"
        raise typer.BadParameter(
            several if named else f"no endpoint has the name {endpoint!r}; see: webhooks endpoints list"
        )
    return named[0], plain(endpoint)


def _retries(retry_schedule: str | None, expires_after: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if retry_schedule is not None:
        given["retry_schedule"] = schedule(retry_schedule)
    if expires_after is not None:
        given["expires_after"] = interval(expires_after)
    return given


def _every_endpoint() -> Iterator[dict[str, Any]]:
    """Yield all endpoints by name, a page at a time."""
    after: dict[str, str] = {}
    while page := call("list_webhook_endpoints", **after, page_size=PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after = {"after_name": page[-1]["name"], "after_id": page[-1]["id"]}


def _row(endpoint: dict[str, Any]) -> dict[str, Any]:
    health = endpoint["health"]
    percent = health["success_percent"]
    return endpoint | {
        "status": health["status"],
        "success": None if percent is None else f"{percent:g} %",
        "delivered": sum(health["delivered_by_hour"]),
        "failed": health["failed_attempts"],
    }


def _change(endpoint: UUID, changes: dict[str, Any], *, as_json: bool) -> None:
    changed = call("update_webhook_endpoint", webhook_config_id=str(endpoint), changes=changes)
    if as_json:
        print_json(changed)
    else:
        note(f"Endpoint {changed['id']} was changed.")


def _print_secret(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        print_fields(made)
        note("The secret is not shown again: copy it to the receiver now.")
