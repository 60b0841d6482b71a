"""`webhooks stats`: the dashboard's figures in the terminal."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from supabase_webhooks.webhooks.cli.output import STYLES, AsJson, console, print_fields, print_json
from supabase_webhooks.webhooks.cli.supabase import call
from supabase_webhooks.webhooks.steps import checklist


def stats(as_json: AsJson = False) -> None:
    """Show the status with reasons, the last hour, circuits, latencies and the backlog. Always exits with 0."""
    overview = call("webhook_overview")
    if as_json:
        print_json(overview)
        return
    status = overview["status"]
    console().print(Text(status.upper(), style=f"bold {STYLES.get(status, '')}"))
    for reason in overview["reasons"]:
        console().print(Text(f"  {reason['text']}", style=STYLES.get(reason["severity"], "")))
    for step, finished in checklist(overview.get("setup", {})):
        if not finished:
            console().print(Text(f"  Setup: {step.title.lower()} ({step.command})"))
    print_fields(_fields(overview))


def _fields(overview: dict[str, Any]) -> dict[str, Any]:
    hour, performance = overview["last_hour"], overview["performance"]
    fields: dict[str, Any] = {"last hour": hour["total"]}
    for name in ("delivered", "failed", "pending"):
        share = f" ({100 * hour[name] / hour['total']:.1f} %)" if hour["total"] else ""
        fields[f"  {name}"] = f"{hour[name]}{share}"
    fields["circuits"] = ", ".join(f"{count} {state}" for state, count in overview["circuits"].items())
    fields["due now"] = overview["backlog"]["due"]
    fields["oldest due since"] = overview["backlog"]["oldest_due_at"]
    fields["p95"] = _milliseconds(performance["p95_ms"])
    fields["maximum"] = _milliseconds(performance["max_ms"])
    uptime = performance["dispatcher_uptime_percent"]
    fields["dispatcher uptime, 24 hours"] = None if uptime is None else f"{uptime} %"
    fields["last heartbeat"] = performance["last_run_at"]
    return fields


def _milliseconds(value: float | None) -> str | None:
    return None if value is None else f"{value:g} ms"
