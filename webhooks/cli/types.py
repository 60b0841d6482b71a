"""`webhooks types`: the event catalog as types of a language."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from webhooks import catalog
from webhooks.cli.output import WRONG, complain
from webhooks.codegen import LANGUAGES


def types(language: Annotated[str, typer.Argument(help=f"One of: {', '.join(LANGUAGES)}.")]) -> None:
    """Print the event catalog's types, for dispatching and for receiving."""
    if language not in LANGUAGES:
        complain(f"no types for {language!r}; there are: {', '.join(LANGUAGES)}")
        raise typer.Exit(WRONG)
    typer.echo(LANGUAGES[language](catalog.from_environment(os.environ)), nl=False)
