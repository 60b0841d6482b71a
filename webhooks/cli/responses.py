"""`--wait`: how the attempts of deliveries end, with the receiver's response."""

from __future__ import annotations

import asyncio
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli.output import FAILED, STYLES, complain, console, note, print_json, say
from supabase_webhooks.webhooks.cli.supabase import supabase

if TYPE_CHECKING:
    from collections.abc import Mapping

Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the attempt, and show the response. Exits with 1 if it failed.")
]
Timeout = Annotated[float, typer.Option(help="With --wait: seconds to wait for a worker's attempt.", min=1)]

#: Seconds between two looks: the first result is there within milliseconds where workers listen.
LOOK = 0.25


def show_responses(before: Mapping[str, int], *, timeout: float, made: object, as_json: bool) -> None:
    """Wait for one more attempt of each delivery than `before`, by id, and show how it ended; exit with 1 on failure.

    With `as_json` the deliveries are printed as `deliveries`, next to what was `made`.
    """
    screen = console(stderr=True)
    with screen.status("waiting for the response") if screen.is_terminal else nullcontext():
        found = asyncio.run(_attempted(before, timeout))
    attempted = [one for one in found if one["attempts"] > before[one["id"]]]
    if as_json:
        print_json({"made": made, "deliveries": found})
    else:
        for one in attempted:
            _show(one)
    if late := len(found) - len(attempted):
        complain(
            f"{late} of {len(found)} were not attempted within {timeout:g} s: is a worker running, and is the endpoint "
            "ready? See: webhooks doctor, webhooks deliveries list --status pending"
        )
    if late or not all(one["attempt_log"][-1]["delivered"] for one in attempted):
        raise typer.Exit(FAILED)


async def _attempted(before: Mapping[str, int], seconds: float) -> list[dict[str, Any]]:
    """Return the deliveries as soon as each was attempted, or as they are when the time is over."""
    ends = time.monotonic() + seconds
    done: dict[str, dict[str, Any]] = {}
    async with supabase() as store:
        while True:
            for delivery, attempts in before.items():
                if delivery not in done or done[delivery]["attempts"] <= attempts:
                    done[delivery] = await store.call("get_webhook_delivery", {"delivery_id": delivery})
            waiting = [one for one in done.values() if one["attempts"] <= before[one["id"]]]
            if not waiting or time.monotonic() > ends:
                return list(done.values())
            await asyncio.sleep(LOOK)


def _show(delivery: dict[str, Any]) -> None:
    attempt = delivery["attempt_log"][-1]
    state = "delivered" if attempt["delivered"] else "failed"
    response = f"HTTP {attempt['response_status']}" if attempt["response_status"] else ""
    told = [response, f"{attempt['duration_ms']} ms", "" if response else attempt["error"] or ""]
    line = Text.assemble((state, STYLES[state]), "  ", (str((delivery["endpoint"] or {}).get("name")), "bold"))
    console().print(line.append("  " + "  ".join(filter(None, told))), soft_wrap=True)
    for name, value in (attempt.get("response_headers") or {}).items():
        say(f"  {name}: {value}")
    if attempt["response_excerpt"]:
        say(attempt["response_excerpt"])
    if not attempt["delivered"] and delivery["status"] == "pending":
        note("It is retried; see: webhooks deliveries show " + delivery["id"])
