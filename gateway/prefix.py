"""A path prefix: the gateway as https://example.com/webhooks/, behind a proxy that strips the prefix or keeps it.

The prefix is WEBHOOKS_ROOT_PATH, else the ASGI server's root_path. No header of a request sets it.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

from jinja2.ext import Extension
from litestar import Litestar

if TYPE_CHECKING:
    from litestar.types import Scope

#: The prefix of the request that is being handled: "" or "/webhooks".
_root: ContextVar[str] = ContextVar("root", default="")

#: Attributes that hold addresses; a script of ours reads those of data-.
ADDRESSES = r"(?<=\s)(href|src|action|formaction|hx-get|hx-post|data-[a-z]+)"

#: Links of a template: to a page of ours, and to what an expression says.
_LITERAL = re.compile(rf'{ADDRESSES}="/(?!/)')
_EXPRESSION = re.compile(r'(?<=\s)(href|src|action|formaction|hx-get|hx-post)="\{\{ ([^{}]+) \}\}')


def root() -> str:
    """Return the prefix, without a slash at its end."""
    return _root.get()


def rooted(path: str) -> str:
    """Return the address of a page of ours: its path with the prefix. Another address stays as it is."""
    return root() + path if path.startswith("/") and not path.startswith("//") else path


def stripped(scope: Scope, configured: str) -> dict[str, Any]:
    """Return a request's scope with a path that begins after the prefix."""
    prefix = configured or str(scope.get("root_path") or "").rstrip("/")
    path = str(scope["path"])
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        path = path.removeprefix(prefix) or "/"
    return {**scope, "root_path": prefix, "path": path}


class Prefixed(Litestar):
    """An application that may have a prefix."""

    prefix = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - of a request, or of the lifespan
        """Handle a request."""
        if scope["type"] == "http":
            scope = cast("Scope", stripped(scope, self.prefix))
            _root.set(scope["root_path"])
        await super().__call__(scope, receive, send)


class Links(Extension):
    """Puts the prefix before the links of a template, which are written from the gateway's root."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002 - Jinja's
        """Rewrite a template's source."""
        return _LITERAL.sub(r'\1="{{ root() }}/', _EXPRESSION.sub(r'\1="{{ (\2) | rooted }}', source))
