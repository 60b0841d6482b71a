"""Directives that write the reference from the code: `settings-`, `command-`, `http-` and `sql-reference`."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from sphinx.util.docutils import SphinxDirective
from typer.cli import get_docs_for_click
from typer.main import get_command

from supabase_webhooks.gateway.app import create_app
from supabase_webhooks.webhooks.cli.root import app
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

SUPABASE = Path(__file__).parents[2] / "supabase"

FUNCTION = re.compile(
    r"^create or replace function public\.(?P<name>\w+)\((?P<parameters>.*?)\)\s*\nreturns (?P<returns>.+?)$",
    re.MULTILINE | re.DOTALL,
)
COMMENT = r"^comment on function public\.{name}\(.*?\) is '(?P<text>(?:[^']|'')+)';"
GRANT = r"^grant execute on function public\.{name}\(.*?\) to (?P<roles>[\w, ]+);"

CALLERS = {
    "authenticated, service_role": "signed-in users, as far as the text says, and servers (the service key)",
    "service_role": "servers (the service key)",
}


def settings() -> Iterator[str]:
    """Yield a table of all settings."""
    yield "| variable | default | about |\n|---|---|---|"
    for field in fields(Settings):
        yield f"| `{field.metadata['variable']}` | {shown(field.default)} | {field.metadata['about']} |"


def shown(default: object) -> str:
    """Return a default as one writes it in the environment."""
    if default is MISSING:
        return "(needed)"
    text = str(default).lower() if isinstance(default, bool) else str(default)
    return f"`{text}`" if text else ""


def commands() -> Iterator[str]:
    """Yield what `--help` says of each command, as Typer writes it."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="webhooks")
    yield text.partition("## ")[1] + text.partition("## ")[2]


def http() -> Iterator[str]:
    """Yield the gateway's routes, from its OpenAPI description."""
    yield "| route | what it does |\n|---|---|"
    routes = create_app(Settings(supabase_url="http://localhost", service_key="-", redis_url="redis://localhost"))
    for path, item in sorted((routes.openapi_schema.paths or {}).items()):
        for method in ("get", "post", "put", "patch", "delete"):
            if operation := getattr(item, method):
                about = (operation.description or operation.summary or "").strip().partition("\n\n")[0]
                yield f"| `{method.upper()} {path}` | {' '.join(about.split())} |"


def functions() -> Iterator[str]:
    """Yield each function that callers meet in the schema public: its signature, its text, who may call it."""
    found = {
        match["name"]: (match, text)
        for file in sorted(SUPABASE.glob("[psu]*/**/*.sql"))
        if "migrations" not in file.parts and (text := file.read_text())
        for match in FUNCTION.finditer(text)
    }
    for name, (match, text) in sorted(found.items()):
        comment = re.search(COMMENT.format(name=name), text, re.MULTILINE)
        if comment is None:
            continue
        granted = re.search(GRANT.format(name=name), text, re.MULTILINE)
        callers = CALLERS.get(granted["roles"], granted["roles"]) if granted else "the database's owner, in SQL"
        parameters = " ".join(match["parameters"].split())
        yield f"## {name}\n\n```sql\n{name}({parameters}) returns {match['returns'].rstrip(' (')}\n```\n"
        about = comment["text"].replace("''", "'")
        yield f"{about}\n\n*Callers: {callers}.*\n"


class Reference(SphinxDirective):
    """Parses what `lines` yields as Markdown in the directive's place."""

    lines: Any

    def run(self) -> list[nodes.Node]:
        """Return the parsed nodes."""
        return self.parse_text_to_nodes("\n".join(type(self).lines()), allow_section_headings=True)


def setup(sphinx: Sphinx) -> dict[str, bool]:
    """Add the directives."""
    for name, lines in {"settings": settings, "command": commands, "http": http, "sql": functions}.items():
        kind = type(f"{name.title()}Reference", (Reference,), {"lines": staticmethod(lines)})
        sphinx.add_directive(f"{name}-reference", kind)
    return {"parallel_read_safe": True}
