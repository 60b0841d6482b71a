"""`webhooks endpoints`: manage who receives which events, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.arguments import Yes, confirm, interval, json_object, schedule, span
from supabase_webhooks.webhooks.cli.ids import EndpointId
from supabase_webhooks.webhooks.cli.output import (
    AsJson,
    cell,
    note,
    print_card,
    print_fields,
    print_items,
    print_json,
    print_table,
    progress,
)
from supabase_webhooks.webhooks.cli.responses import Timeout, Wait, show_responses
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.plain import plain
from supabase_webhooks.webhooks.retries import described

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Endpoints requested at once.
PAGE = 200

app = typer.Typer(help="List, create, change and test endpoints.", no_args_is_help=True)

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
        print_items(every_endpoint())
        return
    found = list(every_endpoint())
    print_table(
        [_row(endpoint) for endpoint in found],
        ["id", "name", "status", "success", "waiting", "failed", "delivered", "events", "url"],
        empty="There are no endpoints; create one with: webhooks endpoints create NAME URL --event 'user.*'",
    )
    for endpoint in found:
        if endpoint["url_warning"]:
            note(f"{plain(endpoint['name'])}: {plain(endpoint['url_warning'])}")


@app.command()
def show(endpoint: EndpointId, as_json: AsJson = False) -> None:
    """Show an endpoint's settings and health, without its secret."""
    found = call("list_webhook_endpoints", webhook_config_id=endpoint)
    if not found:
        call("update_webhook_endpoint", webhook_config_id=endpoint, changes={})  # raises that there is none
    if as_json:
        print_json(found[0])
        return
    print_card(found[0]["name"], found[0]["health"]["status"], _card(found[0]))


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
    endpoint: EndpointId,
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
def enable(endpoint: EndpointId, as_json: AsJson = False) -> None:
    """Enable an endpoint: its held deliveries go out, and its circuit closes."""
    _change(endpoint, {"is_active": True}, as_json=as_json)


@app.command()
def disable(endpoint: EndpointId, as_json: AsJson = False) -> None:
    """Disable an endpoint: its pending deliveries are held."""
    _change(endpoint, {"is_active": False}, as_json=as_json)


@app.command()
def delete(
    endpoint: EndpointId,
    with_history: Annotated[bool, typer.Option("--with-history", help="Delete its deliveries too.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete an endpoint. Its deliveries stay readable, unfinished ones as failed, unless you add --with-history."""
    listed = call("list_webhook_endpoints", webhook_config_id=endpoint)
    name = plain(listed[0]["name"]) if listed else "that was deleted"
    history = "with all of its deliveries" if with_history else "and keep its history"
    confirm(f"Delete endpoint {name}, {endpoint}, {history}?", yes=yes)
    deliveries = remove(endpoint, keep_history=not with_history)
    if as_json:
        print_json({"id": endpoint, "deliveries": deliveries})
        return
    what = "deleted" if with_history else "unfinished, and marked as failed"
    number = "1 delivery was" if deliveries == 1 else f"{deliveries:,} deliveries were"
    note(f"Endpoint {name} was deleted; {number} {what}.")


def remove(endpoint: str, *, keep_history: bool) -> int:
    """Delete an endpoint in as many calls as it takes; return how many deliveries that concerned."""
    deliveries, more = 0, True
    with progress() as bar:
        task = bar.add_task("deleting", total=None)
        while more:
            done = call("delete_webhook_endpoint", webhook_config_id=endpoint, keep_history=keep_history)
            deliveries, more = deliveries + done["deliveries"], done["more"]
            bar.update(task, completed=deliveries)
    return deliveries


@app.command()
def rotate(
    endpoint: EndpointId,
    overlap: Annotated[
        str, typer.Option(help="How long the old secret also signs: 24h, 7d; 0s ends it immediately.")
    ] = "24h",
    as_json: AsJson = False,
) -> None:
    """Give an endpoint a new secret, which is printed only once; both sign until the overlap ends.

    The header webhook-signature has both signatures. X-Webhook-Signature keeps the old secret until the overlap ends.
    """
    interval = f"{span(overlap).total_seconds()} seconds"
    made = call("rotate_webhook_secret", webhook_config_id=endpoint, overlap=interval)
    _print_secret(made, as_json=as_json)


@app.command()
def end_overlap(endpoint: EndpointId, as_json: AsJson = False) -> None:
    """End the overlap of a rotation: only the new secret signs, also in X-Webhook-Signature."""
    done = call("end_webhook_secret_overlap", webhook_config_id=endpoint)
    if as_json:
        print_json(done)
    else:
        note("The overlap has ended: only the new secret signs." if done["ended"] else "There is no overlap to end.")


@app.command("test")
def send_test(
    endpoint: EndpointId,
    wait: Wait = False,
    timeout: Timeout = 30,
    as_json: AsJson = False,
) -> None:
    """Send the event webhook.test to an endpoint; --wait shows its response."""
    made = call("send_test_webhook", webhook_config_id=endpoint)
    if wait:
        show_responses({made["delivery_id"]: 0}, timeout=timeout, made=made, as_json=as_json)
    elif as_json:
        print_json(made)
    else:
        print_fields(made)
        note(f"To see the result: webhooks deliveries show {made['delivery_id']}")


def _retries(retry_schedule: str | None, expires_after: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if retry_schedule is not None:
        given["retry_schedule"] = schedule(retry_schedule)
    if expires_after is not None:
        given["expires_after"] = interval(expires_after)
    return given


def every_endpoint() -> Iterator[dict[str, Any]]:
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


def _card(endpoint: dict[str, Any]) -> dict[str, Any]:
    """Return what `show` says of an endpoint."""
    circuit, hour, health = endpoint["circuit"] or {}, endpoint["last_hour"], endpoint["health"]
    limits = {
        "{} a second": endpoint["rate_limit_per_second"],
        "{} at a time": endpoint["max_concurrency"],
        "{} s for each attempt": endpoint["timeout_seconds"],
    }
    overlap = endpoint["previous_secret_until"]
    secret = "set" if endpoint["has_secret"] else "none: deliveries are not signed"
    return {
        "id": endpoint["id"],
        "url": endpoint["url"],
        "url warning": endpoint["url_warning"],
        "failing since": health["since"] if health["status"] == "failing" else None,
        "because": health["reason"] if health["status"] == "failing" else None,
        "last 24 hours": _day(health),
        "events": endpoint["events"],
        "retries": described(endpoint["retry_schedule"], endpoint["max_attempts"]),
        "expires after": endpoint["expires_after"],
        "limits": [text.format(value) for text, value in limits.items() if value is not None],
        "headers": endpoint["header_names"],
        "credentials": endpoint["credentials_profile"],
        "secret": f"{secret}; the previous one also signs until {cell(overlap)}" if overlap else secret,
        "circuit": circuit.get("state"),
        "failures in a row": circuit.get("consecutive_failures") or None,
        "next probe at": circuit.get("open_until"),
        "paused until": circuit.get("paused_until"),
        "opens after": _count(endpoint["circuit_failure_threshold"], "failures in a row"),
        "stays open for": _count(endpoint["circuit_reset_seconds"], "s"),
        "disabled at": endpoint["disabled_at"],
        "disabled because": endpoint["disabled_reason"],
        "waiting": endpoint["waiting"],
        "last hour": f"{hour['delivered']} delivered, {hour['failed']} failed, {hour['pending']} pending",
        "created at": endpoint["created_at"],
        "updated at": endpoint["updated_at"],
    }


def _day(health: dict[str, Any]) -> str | None:
    if not health["attempts"]:
        return None
    said = f"{health['success_percent']:g} % of {health['attempts']} attempts succeeded"
    if health["p95_ms"] is None:
        return said
    return f"{said}; half within {health['p50_ms']:g} ms, 95 % within {health['p95_ms']:g} ms"


def _count(number: int | None, unit: str) -> str | None:
    return None if number is None else f"{number} {unit}"


def _change(endpoint: str, changes: dict[str, Any], *, as_json: bool) -> None:
    changed = call("update_webhook_endpoint", webhook_config_id=endpoint, changes=changes)
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
