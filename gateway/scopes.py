"""What opens a route: a scope of API tokens, or none of them. Each route declares it; OpenAPI shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Scope(StrEnum):
    """What an API token may do."""

    READ = "read"
    MANAGE = "manage"
    DISPATCH = "dispatch"


#: The routes that each scope of a token opens.
OPENS = {
    Scope.READ: {Scope.READ},
    Scope.MANAGE: {Scope.READ, Scope.MANAGE},
    # a server that only reports events can read none of those of others
    Scope.DISPATCH: {Scope.DISPATCH},
}

#: The routes that API tokens do not open: for everyone; for the cron and the service key; for a signed-in browser.
PUBLIC, SERVER, SESSION = "public", "server", "session"


def needs(scope: Scope) -> dict[str, Any]:
    """Return the arguments of a route that API tokens with this scope open.

    OpenAPI 3.1 allows role names in the security requirement of any scheme ("Security Requirement Object").
    """
    return {"opt": {"scope": scope}, "security": [{"bearer": [str(scope)]}]}


def closed(opener: str) -> dict[str, Any]:
    """Return the arguments of a route that no API token opens, but `opener`."""
    return {"opt": {"scope": opener}}
