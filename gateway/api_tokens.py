"""API tokens, `Authorization: Bearer whk_...`: which one it is, and whether it may use the route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, TooManyRequestsException

from supabase_webhooks.gateway.scopes import OPENS, Scope
from supabase_webhooks.webhooks.durations import long
from supabase_webhooks.webhooks.tokens import digest

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    from supabase_webhooks.gateway.tries import Tries
    from supabase_webhooks.webhooks.store import Store

#: One message for all of these: a stranger does not learn that a token once existed.
WRONG = "the API token is unknown, revoked or expired"


class ApiToken(msgspec.Struct, frozen=True):
    """A valid token, without the token itself."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]


class ApiTokens:
    """The tokens of the database, asked for at each request, so that a revoked one is rejected at once.

    A wrong one is counted for its address. A right one works from there too: if it did not, one expired token of a
    cluster would lock out all others behind the same address, and 256 random bits are not guessed.
    """

    def __init__(self, store: Store, tries: Tries) -> None:
        self._store = store
        self._tries = tries

    async def check(self, connection: ASGIConnection[Any, Any, Any, Any], token: str, needed: object) -> ApiToken:
        """Return the token if it has the scope `needed`. Raises HTTP exceptions: 401, 403, 429."""
        found = await self._store.find_api_token(digest(token))
        if found is None:
            if wait := await self._tries.count_token(connection):
                raise TooManyRequestsException(
                    f"too many wrong API tokens from your address; try again in {long(wait)}",
                    headers={"Retry-After": str(wait)},
                )
            raise NotAuthorizedException(WRONG, headers={"WWW-Authenticate": "Bearer"})
        one = msgspec.convert(found, ApiToken)
        if not any(needed in OPENS[scope] for scope in one.scopes):
            raise PermissionDeniedException(_lacks(one, needed))
        return one


def _lacks(token: ApiToken, needed: object) -> str:
    """Return why a token may not use a route."""
    which = f"the API token {token.name} ({token.prefix})"
    if isinstance(needed, Scope):
        return f"{which} lacks the scope {needed}; create one that has it: webhooks tokens create NAME --scope {needed}"
    return f"{which} cannot open this: no API token can"
