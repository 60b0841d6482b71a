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
from devstack.cron import close_discussions_script, dispatcher_script
from devstack.errors import StackError
from devstack.node import environment, install, node
from devstack.processes import exit_on_sigterm
from devstack.receiver import Received, Receiver
from devstack.services import Gateway, Worker
from devstack.stack import DATABASE, Stack
from webhooks.signing import generate_secret

DIRECTORY = Path(os.environ.get("DEVSTACK_DIRECTORY", ".devstack"))
SECONDS = 60
console = Console(highlight=False)
if not console.is_terminal:
    console.width = 120  # a log file has no width of its own


def main() -> int:
    """Run the demo; return 0 when every event was delivered and verified."""
    parser = argparse.ArgumentParser(prog="make demo", description="Run the whole system on this machine.")
    parser.add_argument("--once", action="store_true", help="exit when every event was delivered, 1 if one was not")
    arguments = parser.parse_args()
    exit_on_sigterm()
    try:
        with ExitStack() as stack:
            return run(stack, once=arguments.once)
    except StackError as exc:
        console.print(f"[red]demo:[/] {exc}", markup=True)
        return 1
    except KeyboardInterrupt:
        return 0


def run(resources: ExitStack, *, once: bool) -> int:
    """Start everything, tell the story once, and stay until Ctrl-C unless `once`."""
    secret = generate_secret()
    stack = resources.enter_context(Stack(DIRECTORY, say=say, prepare=platform.install))
    receiver = resources.enter_context(Receiver(on_request=lambda request: show(request, secret)))
    settings = {**stack.environment(), "WEBHOOKS_DISPATCH_TOKEN": generate_secret()}
    gateway = Gateway(settings, log=DIRECTORY / "gateway.log")
    workers = [Worker(settings, log=DIRECTORY / f"worker-{n}.log", name=f"worker {n}") for n in (1, 2)]
    services: list[Gateway | Worker] = [gateway, *workers]
    for service in services:
        resources.callback(service.stop)
    say("waiting for the gateway and two workers")
    for service in services:
        service.start()

    dsn = stack.postgres.dsn(DATABASE)
    endpoint = make_endpoint(dsn, receiver.url, secret)
    say("a user signs up and uses the platform with supabase-js; the database emits the events")
    happened = story(stack)
    say("the crons' scripts close what has expired, and trigger the gateway")
    for script in (close_discussions_script(), dispatcher_script()):
        cron(script, gateway.url, settings["WEBHOOKS_DISPATCH_TOKEN"])

    rows = wait_until_finished(dsn, endpoint, len(happened))
    verified = {request.payload["request_id"] for request in receiver.received if request.verified(secret)}
    print_rows(rows)
    complete = sorted(row["event_type"] for row in rows) == sorted(happened) and all(
        row["status"] == "delivered" and str(row["request_id"]) in verified for row in rows
    )
    console.print(
        f"{len(verified)} of {len(happened)} events delivered and verified" + ("" if complete else " [red](!)[/]")
    )
    if not once:
        console.print(f"\nStudio    {stack.supabase.url}/\nGateway   {gateway.url}/schema\nReceiver  {receiver.url}")
        console.print("\nCtrl-C ends it")
        while True:
            stack.check()
            for service in services:
                service.check()
            time.sleep(1)
    return 0 if complete else 1


def say(text: str) -> None:
    """Print a line of progress."""
    console.print(f"[dim]{text}[/]")


def show(request: Received, secret: str) -> None:
    """Print a request as it arrives."""
    mark = "[green]both signatures verified[/]" if request.verified(secret) else "[red]NOT VERIFIED[/]"
    console.print(f"  {request.payload['event']:<28} arrived, {mark}")


def make_endpoint(dsn: str, url: str, secret: str) -> str:
    """Make this run's endpoint the only active one, since a former run's receiver is gone; return its id."""
    with psycopg.connect(dsn) as connection:
        connection.execute("update public.webhook_configurations set is_active = false where name = 'demo receiver'")
        row = connection.execute(
            "insert into public.webhook_configurations (name, url, events, secret_key) values (%s, %s, %s, %s)"
            " returning id::text",
            ("demo receiver", url, ["*"], secret),
        ).fetchone()
    return str(row[0] if row else "")


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


def cron(script: str, gateway_url: str, token: str) -> None:
    """Run the script of a GitHub workflow once, against the gateway."""
    done = subprocess.run(
        ["bash", "-c", script],
        env={**environment(), "GATEWAY_URL": gateway_url, "DISPATCH_TOKEN": token, "TRIGGERS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if not line.startswith("::add-mask::"):
            console.print(f"  {line}", markup=False)
    if done.returncode:
        raise StackError(f"the cron's script failed:\n{done.stdout}{done.stderr}")


def wait_until_finished(dsn: str, endpoint: str, count: int) -> list[dict[str, Any]]:
    """Return the endpoint's rows once there are so many and none is pending, or as they are after a minute."""
    deadline = time.monotonic() + SECONDS
    with psycopg.connect(dsn, autocommit=True, row_factory=dict_row) as connection:
        while True:
            rows = connection.execute(
                "select d.*, a.duration_ms from public.webhook_deliveries d"
                " left join public.webhook_attempts a on a.delivery_id = d.id and a.number = d.attempts"
                " where d.webhook_config_id = %s order by d.created_at",
                (endpoint,),
            ).fetchall()
            finished = [row for row in rows if row["status"] in {"delivered", "failed"}]
            if len(finished) == len(rows) >= count or time.monotonic() > deadline:
                return rows
            time.sleep(0.1)


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print deliveries as Studio would show them."""
    table = Table("event", "status", "attempts", "response", "ms", title="webhook_deliveries", title_justify="left")
    table.add_column("delivery id = webhook-id", no_wrap=True)
    for row in rows:
        colour = {"delivered": "green", "failed": "red"}.get(row["status"], "yellow")
        figures = [row["attempts"], row["response_status"] or "", row["duration_ms"] or ""]
        table.add_row(row["event_type"], f"[{colour}]{row['status']}[/]", *map(str, figures), str(row["id"]))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
