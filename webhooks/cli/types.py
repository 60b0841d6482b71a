"""`webhooks types` and `webhooks events docs`: what is generated from the event catalog."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from supabase_webhooks.webhooks.cli.output import AsJson, print_json, say
from supabase_webhooks.webhooks.cli.supabase import event_types

Language = StrEnum("Language", ["typescript", "python"])


def types(
    language: Annotated[Language, typer.Argument(help="The language of the types.")], as_json: AsJson = False
) -> None:
    """Print the event catalog's types, with a typed dispatch helper."""
    from supabase_webhooks.webhooks.codegen import LANGUAGES  # noqa: PLC0415 - takes a moment: not for --help

    _print(LANGUAGES[language](event_types()), as_json=as_json)


def docs(as_json: AsJson = False) -> None:
    """Print the event catalog as a page in Markdown."""
    from supabase_webhooks.webhooks.codegen import docs as page  # noqa: PLC0415 - as above

    _print(page.render(event_types()), as_json=as_json)


def _print(text: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"text": text})
    else:
        say(text.removesuffix("\n"))
