"""Arguments that are more than text: times, durations, JSON, confirmation."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from supabase_webhooks.webhooks import exact, retries
from supabase_webhooks.webhooks.cli.output import WRONG, complain

if TYPE_CHECKING:
    from collections.abc import Callable

#: The option of commands that ask first.
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NAMES = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(text: str) -> timedelta:
    """Return the duration of `90s`, `30m`, `2h`, `7d` or `1w`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text.strip())
    if not match:
        raise typer.BadParameter(f"{text!r} is not a duration; examples: 90s, 30m, 2h, 7d, 1w")
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def interval(text: str) -> str | None:
    """Return a duration as Postgres reads and stores it: `7d` is 7 days; `never` is None."""
    if text.strip() == "never":
        return None
    span(text)
    number, unit = text.strip()[:-1], text.strip()[-1]
    return f"{number} {_NAMES[unit]}"


def schedule(text: str) -> str | list[int] | None:
    """Return a retry schedule: a preset's name, seconds, or `none`."""
    if text.strip() == "none":
        return None
    try:
        return retries.parse(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


def moment(text: str | None) -> str | None:
    """Return an ISO date or time (UTC unless it says otherwise), or a duration before now, in ISO format."""
    if text is None:
        return None
    if re.fullmatch(r"\d+(\.\d+)?[smhdw]", text.strip()):
        return (datetime.now(UTC) - span(text)).isoformat()
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time; examples: 2026-01-31, 2026-01-31T12:00, or 2h for two hours ago"
        ) from None
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).isoformat()


def json_object(text: str) -> dict[str, Any]:
    """Return a JSON object: the text itself, @file, or - for standard input."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        file = Path(text[1:])
        if not file.is_file():
            raise typer.BadParameter(f"the file {file} does not exist")
        text = file.read_text()
    try:
        value = exact.decode(text)
    except ValueError as exc:
        raise typer.BadParameter(f'this is not valid JSON ({exc}); example: \'{{"user_id": "..."}}\'') from None
    if not isinstance(value, dict):
        raise typer.BadParameter('this is not a JSON object; example: \'{"user_id": "..."}\'')
    return value


def ask(
    question: str,
    *,
    default: str | None = None,
    hidden: bool = False,
    optional: bool = False,
    problem: Callable[[str], str | None] = lambda _: None,
) -> str:
    """Ask for a text until it has no problem; `optional`: it may be empty. Exit at the end of the input."""
    while True:
        try:
            given: str = typer.prompt(
                question, default="" if default is None and optional else default, show_default=bool(default),
                hide_input=hidden, err=True,
            ).strip()  # fmt: skip
        except typer.Abort:
            complain("stopped: what was done is kept; run it again to continue, with --yes to ask nothing")
            raise typer.Exit(WRONG) from None
        wrong = problem(given) if given else None if optional else "this is needed"
        if wrong is None:
            return given
        complain(wrong)


def confirm(question: str, *, yes: bool) -> None:
    """Ask for confirmation, unless `--yes` is given; exit on no."""
    if yes:
        return
    try:
        typer.confirm(question, abort=True, err=True)
    except typer.Abort:
        complain("nothing was changed; add --yes to skip the question")
        raise typer.Exit(WRONG) from None
