"""`webhooks adopt`: hand a copy of a database to a project of its own."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.output import WRONG, AsJson, complain, print_json, say
from supabase_webhooks.webhooks.cli.supabase import settings, supabase


def adopt(
    deliver: Annotated[bool, typer.Option("--deliver", help="Deliver pending deliveries.")] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Mark pending deliveries as failed: the original project delivers them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Confirm that this restored, cloned or branched database belongs to your project, so that its workers deliver.

    The project is WEBHOOKS_PROJECT, else the host of SUPABASE_URL.
    """
    if deliver == discard:
        complain("choose what happens to pending deliveries: --deliver or --discard")
        raise typer.Exit(WRONG)
    done = asyncio.run(_adopt(settings().project, "deliver" if deliver else "discard"))
    if as_json:
        print_json(done)
    else:
        say(f"This database now belongs to {done['project']}." + f" {done['discarded']} discarded." * discard)


async def _adopt(project: str, pending: str) -> dict[str, Any]:
    """Adopt a batch at a time; return the project and how many deliveries were discarded."""
    discarded = 0
    async with supabase() as store:
        while True:
            done = await store.call("adopt_webhook_project", {"project": project, "pending": pending})
            discarded += done["discarded"]
            if not done["more"]:
                return {"project": done["project"], "discarded": discarded}
