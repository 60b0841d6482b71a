"""`webhooks dev`: the whole system on this machine, to develop an app or this system."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from supabase_webhooks.webhooks.errors import WebhooksError


def dev(
    directory: Annotated[Path, typer.Option(help="Where data and logs are stored.")] = Path(".devstack"),
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1)] = 1,
) -> None:
    """Run Postgres, Supabase Lite, Valkey, a gateway and workers on this machine, without Docker."""
    try:
        # part of the repository, not of the installed package: it contains servers that production runs elsewhere
        devstack = importlib.import_module("devstack.dev")
    except ModuleNotFoundError as exc:
        raise WebhooksError(
            f"{exc.name} is not installed; run `webhooks dev` in a checkout of the repository after `make install`"
        ) from exc
    raise typer.Exit(devstack.run(directory, workers=workers))
