"""`webhooks adopt`: a copy of a database goes on for a project of its own."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer

from supabase_webhooks.webhooks.cli.output import WRONG, AsJson, complain, print_json, say
from supabase_webhooks.webhooks.cli.supabase import settings, supabase


def adopt(
    deliver: Annotated[bool, typer.Option("--deliver", help="Deliver what is pending.")] = False,
    discard: Annotated[
        bool, typer.Option("--discard", help="Mark what is pending as failed: the original delivers it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Confirm that this database, restored, cloned or branched, belongs to your project, whose workers then deliver.

    The project is WEBHOOKS_PROJECT, else the host of SUPABASE_URL.
    """
    if deliver == discard:
        complain("say what happens to pending deliveries: --deliver or --discard")
        raise typer.Exit(WRONG)
    done = asyncio.run(_adopt(settings().project, "deliver" if deliver else "discard"))
    if as_json:
        print_json(done)
    else:
        say(f"This database belongs to {done['project']} now." + f" {done['discarded']} discarded." * discard)


async def _adopt(project: str, pending: str) -> dict[str, Any]:
    """Adopt a batch at a time; return the project and how many deliveries were discarded."""
    discarded = 0
    async with supabase() as store:
        while True:
            done = await store.call("adopt_webhook_project", {"project": project, "pending": pending})
            discarded += done["discarded"]
            if not done["more"]:
                return {"project": done["project"], "discarded": discarded}
