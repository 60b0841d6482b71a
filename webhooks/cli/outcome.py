"""The outcome of a step of the setup, as commands print it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import typer
from rich.text import Text

from supabase_webhooks.webhooks.cli.output import FAILED, STYLES, console, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Outcome:
    """What a step did. `next`: how to continue. `shown_once`: a password or secret that is not stored.

    done: now. kept: it was done before. skipped: you chose so. missing: something that it needs.
    """

    step: str
    status: Literal["done", "kept", "skipped", "missing"]
    text: str
    next: str | None = None
    shown_once: str | None = None


def show(outcome: Outcome) -> None:
    """Print an outcome for people."""
    screen = console()
    line = Text(f"{outcome.status:<8}", style=STYLES.get(outcome.status, ""))
    screen.print(line.append(f"{outcome.step:<12} ", "bold").append(outcome.text, "default"), soft_wrap=True)
    if outcome.shown_once:
        screen.print(Text(f"{'':<21}{outcome.shown_once}   (shown only once)"), soft_wrap=True)
    if outcome.next:
        screen.print(Text(f"{'':<21}-> {outcome.next}", style="dim"), soft_wrap=True)


def end(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    """Print all outcomes as JSON if asked; exit with 1 if something is missing."""
    if as_json:
        print_json([asdict(one) for one in outcomes])
    if any(one.status == "missing" for one in outcomes):
        raise typer.Exit(FAILED)
