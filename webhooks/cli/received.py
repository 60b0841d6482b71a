"""A delivery that arrived on this machine: where it is forwarded to, and how it is shown."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import typer
from rich.syntax import Syntax
from rich.text import Text

from supabase_webhooks.webhooks import exact
from supabase_webhooks.webhooks.cli.output import WRONG, complain, console

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds for the app that is forwarded to: as long as an attempt may take.
FORWARD_TIMEOUT = 15.0


def target(option: str, text: str | None) -> str | None:
    """Return the URL of `localhost:3000/path`; exit if it is none."""
    if text is None:
        return None
    url = text if text.startswith(("http://", "https://")) else f"http://{text}"
    try:
        usable = bool(httpx.URL(url).host)
    except httpx.InvalidURL:
        usable = False
    if not usable:
        complain(f"{option} {text!r} is not an address; example: localhost:3000/webhooks")
        raise typer.Exit(WRONG)
    return url


def without_password(url: str) -> str:
    """Return a URL without user and password, as it is shown."""
    return str(httpx.URL(url).copy_with(userinfo=b""))


@dataclass(frozen=True, kw_only=True)
class Received:
    """A delivery: `problem` says why it is not verified; `verified` is None if there was no secret to verify with."""

    headers: Mapping[str, str]
    body: bytes
    verified: bool | None
    problem: str | None = None

    @property
    def parsed(self) -> Any:  # noqa: ANN401 - any JSON
        """The body's JSON, or its text."""
        try:
            return exact.decode(self.body)
        except ValueError:
            return self.body.decode(errors="replace")

    def show(self, returned: str, *, failed: bool) -> None:
        """Print it for people, with what was returned for it."""
        screen, text, parsed = console(), self.body.decode(errors="replace"), self.parsed
        event = parsed.get("event", "?") if isinstance(parsed, dict) else "?"
        line = Text.assemble((time.strftime("%H:%M:%S "), "dim"), (str(event), "bold"))
        line.append(f" {self.headers.get('webhook-id', '')}", style="dim")
        if self.problem:
            line.append(f"  NOT VERIFIED: {self.problem}", style="red")
        elif self.verified:
            line.append("  verified", style="green")
        line.append(f"  {returned}", style="red" if failed else "dim")
        screen.print(line, soft_wrap=True)
        if isinstance(parsed, dict | list):
            text = exact.pretty(text)
        screen.print(Syntax(text, "json", background_color="default", word_wrap=True))
        sys.stdout.flush()
