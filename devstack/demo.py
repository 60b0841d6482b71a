"""`make demo`: the whole system, from a user's browser to a receiver that verifies."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from rich.console import Console
from rich.table import Table

from devstack import platform
from devstack.admins import Account, make_admin
from devstack.brokers import Broker, Kafka, PubSub, Sqs
from devstack.cron import Cron
from devstack.errors import StackError
from devstack.node import environment, install, node
from devstack.processes import exit_on_sigterm
from devstack.receiver import Received, Receiver
from devstack.services import Gateway, Worker
from devstack.stack import DATABASE, Stack
from supabase_webhooks.webhooks.signing import generate_secret

DIRECTORY = Path(os.environ.get("DEVSTACK_DIRECTORY", ".devstack"))
SECONDS = 60
QUEUE = "demo-events"

#: Who may see the dashboard of this demo.
ADMIN = Account("admin@example.com", "demo-admin")  # on loopback only
console = Console(highlight=False)
if not console.is_terminal:
    console.width = 120  # a log file has no width of its own


def main() -> int:
    """Run the demo; return 0 when every event was delivered and verified."""
    parser = argparse.ArgumentParser(prog="make demo", description="Run the whole system on this machine.")
    parser.add_argument("--once", action="store_true", help="exit when every event was delivered, 1 if one was not")
    parser.add_argument(
        "--protocols", choices=["http", "all"], default="http", help="all: an endpoint on SQS, Pub/Sub and Kafka too"
    )
    arguments = parser.parse_args()
    exit_on_sigterm()
    try:
        with ExitStack() as stack:
            kinds = (Sqs, PubSub, Kafka) if arguments.protocols == "all" else ()
            return run(stack, [kind(DIRECTORY, say=say) for kind in kinds], once=arguments.once)
    except StackError as exc:
        console.print(f"[red]demo:[/] {exc}", markup=True)
        return 1
    except KeyboardInterrupt:
        return 0


def run(resources: ExitStack, brokers: list[Broker], *, once: bool) -> int:
    """Start everything, tell the story once, and stay until Ctrl-C unless `once`."""
    secret = generate_secret()
    stack = resources.enter_context(Stack(DIRECTORY, say=say, prepare=platform.install, disposable=True))
    receiver = resources.enter_context(Receiver(on_request=lambda request: show(request, secret)))
    settings = {**stack.environment(), **stack.listening(), "WEBHOOKS_DISPATCH_TOKEN": generate_secret()}
    for broker in brokers:
        resources.callback(broker.stop)
        broker.start()
        settings |= broker.environment
    gateway = Gateway(settings, log=DIRECTORY / "gateway.log")
    workers = [Worker(settings, log=DIRECTORY / f"worker-{n}.log", name=f"worker {n}") for n in (1, 2)]
    services: list[Gateway | Worker] = [gateway, *workers]
    for service in services:
        resources.callback(service.stop)
    say("waiting for the gateway and two workers")
    for service in services:
        service.start()

    dsn = stack.postgres.dsn(DATABASE)
    make_admin(stack.supabase, ADMIN)
    endpoints = make_endpoints(dsn, [receiver.url, *(broker.create(QUEUE) for broker in brokers)], secret)
    say("a user signs up and uses the platform with supabase-js; the database emits the events")
    happened = story(stack)
    say("the crons' scripts close what has expired, and trigger the gateway")
    cron = Cron(gateway.url, settings["WEBHOOKS_DISPATCH_TOKEN"])
    for line in cron.run():
        console.print(f"  {line}", markup=False)

    rows = wait_until_finished(dsn, endpoints, len(happened) * len(endpoints))
    print_rows(rows)
    arrived = {"http": receiver.received} | {b.name: b.wait_for(QUEUE, len(happened)) for b in brokers}
    complete = sorted(row["event_type"] for row in rows) == sorted(happened * len(endpoints))
    request_ids = {str(row["request_id"]) for row in rows}
    for protocol, requests in arrived.items():
        verified = {request.payload["request_id"] for request in requests if request.verified(secret)}
        complete = complete and verified == request_ids
        mark = "" if verified == request_ids else " [red](!)[/]"
        console.print(f"{protocol:<7} {len(verified)} of {len(happened)} events delivered and verified{mark}")
    complete = complete and all(row["status"] == "delivered" for row in rows)
    if not once:
        console.print(f"\nDashboard {gateway.url}/\n          sign in as {ADMIN.email}, password {ADMIN.password}")
        console.print(f"Studio    {stack.supabase.url}/\nOpenAPI   {gateway.url}/schema\nReceiver  {receiver.url}")
        console.print("\nThe crons run every minute. Ctrl-C ends it")
        while True:
            stack.check()
            for part in (*services, *brokers):
                part.check()
            cron.run_when_due()
            time.sleep(1)
    return 0 if complete else 1


def say(text: str) -> None:
    """Print a line of progress."""
    console.print(f"[dim]{text}[/]")


def show(request: Received, secret: str) -> None:
    """Print a request as it arrives."""
    mark = "[green]both signatures verified[/]" if request.verified(secret) else "[red]NOT VERIFIED[/]"
    console.print(f"  {request.payload['event']:<28} arrived, {mark}")


def make_endpoints(dsn: str, urls: list[str], secret: str) -> list[str]:
    """Make this run's endpoints the only active ones, since a former run's receivers have stopped; return their ids."""
    sql = (
        "insert into public.webhook_configurations (name, url, events, secret_key) values (%s, %s, %s, %s)"
        " returning id::text"
    )
    with psycopg.connect(dsn) as connection:
        connection.execute("update public.webhook_configurations set is_active = false where name like 'demo %'")
        rows = [
            connection.execute(sql, (f"demo {url.split(':', maxsplit=1)[0]}", url, ["*"], secret)).fetchone()
            for url in urls
        ]
    return [str(row[0]) for row in rows if row]


def story(stack: Stack) -> list[str]:
    """Use the platform as a signed-in user; return the types of what happened."""
    packages = install(say=say)
    keys = {"SUPABASE_URL": stack.supabase.url, "PUBLISHABLE_KEY": stack.supabase.keys.publishable}
    done = subprocess.run(
        [node(), "story.mjs"], cwd=packages, env={**environment(), **keys}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StackError(f"the user's story failed:\n{done.stdout}{done.stderr}")
    return [json.loads(line)["event"] for line in done.stdout.splitlines()]


def wait_until_finished(dsn: str, endpoints: list[str], count: int) -> list[dict[str, Any]]:
    """Return the endpoints' rows once there are this many and none is pending, or as they are after a minute."""
    deadline = time.monotonic() + SECONDS
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        while True:
            rows = connection.execute(
                "select d.*, a.duration_ms, c.name from public.webhook_deliveries d"
                " join public.webhook_configurations c on c.id = d.webhook_config_id"
                " left join public.webhook_attempts a on a.delivery_id = d.id and a.number = d.attempts"
                " where d.webhook_config_id = any (%s::uuid[]) order by d.created_at, c.name",
                (endpoints,),
            ).fetchall()
            finished = [row for row in rows if row["status"] in {"delivered", "failed"}]
            if len(finished) == len(rows) >= count or time.monotonic() > deadline:
                return rows
            time.sleep(0.1)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print deliveries as Studio would show them."""
    table = Table(
        "event", "endpoint", "status", "attempts", "response", "ms", title="webhook_deliveries", title_justify="left"
    )
    table.add_column("delivery id = webhook-id", no_wrap=True)
    for row in rows:
        colour = {"delivered": "green", "failed": "red"}.get(row["status"], "yellow")
        figures = [row["attempts"], row["response_status"] or "", row["duration_ms"] or ""]
        table.add_row(
            row["event_type"], row["name"], f"[{colour}]{row['status']}[/]", *map(str, figures), str(row["id"])
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
