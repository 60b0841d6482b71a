"""`webhooks doctor`: find what is wrong, and how to fix it."""

from __future__ import annotations

import asyncio

import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli.output import FAILED, STYLES, AsJson, announce, console, print_json
from supabase_webhooks.webhooks.cli.supabase import server_variables
from supabase_webhooks.webhooks.settings import host_of


def doctor(as_json: AsJson = False) -> None:
    """Check environment, keys, migrations, grants, clock, cron, workers and broker. Exits with 1 on a problem."""
    # importing the clients takes a second: not for --help, nor for the shell's completion
    from supabase_webhooks.webhooks.doctor import examine  # noqa: PLC0415

    variables = server_variables()
    if host := host_of(variables.get("SUPABASE_URL", "")):
        announce(host)
    findings = asyncio.run(examine(variables))
    if as_json:
        print_json([finding.as_dict() for finding in findings])
    else:
        screen = console()
        for finding in findings:
            line = Text(f"{finding.status:<8}", style=STYLES[finding.status])
            screen.print(line.append(f"{finding.check:<12} ", "bold").append(finding.text, "default"), soft_wrap=True)
            if finding.cure:
                screen.print(Text(f"{'':<21}-> {finding.cure}", style="dim"), soft_wrap=True)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(FAILED)
