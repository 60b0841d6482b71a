"""Supabase's error responses as our errors. Only this module decides which of them are temporary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from supabase_webhooks.webhooks.errors import StoreDenied, StoreError, StoreUnavailable

if TYPE_CHECKING:
    import httpx

#: Temporary SQLSTATEs and PostgREST groups: connection lost, resources short, server shutting down, statement or lock
#: timeout, temporarily read-only, no pool. A gateway in front of PostgREST only has an HTTP status for the same.
_PASSING = re.compile(r"(08|53|57|40)...|55P03|25006|PGRST00\d|5\d\d|3\d\d|408|425|429")

#: HTTP statuses, SQLSTATE and PostgREST's group 3: the caller is not accepted, or may not do this.
_DENIED = re.compile(r"401|403|42501|PGRST30\d")

#: A missing table or function: Postgres's code, and PostgREST's two (its manual, "Errors", group 2).
_LACKING = {"42P01", "PGRST202", "PGRST205"}


def refusal(code: str, message: str | None, hint: str | None = None) -> StoreError:
    """Return the error: StoreUnavailable when the same call may succeed later.

    `code` is Postgres's or PostgREST's, else the HTTP status.
    """
    text = (message or "no message") + (f" ({hint})" if hint else "")
    if _PASSING.fullmatch(code):
        return StoreUnavailable(text, code=code)
    if _DENIED.fullmatch(code):
        return StoreDenied(text, code=code)
    if code in _LACKING:
        text += "; are the migrations of supabase/migrations applied?"
    return StoreError(text, code=code)


def refused(response: httpx.Response, asked: str = "") -> StoreError:
    """Return the error for an unsuccessful response, already read; `asked`, if given, is prepended to its text."""
    try:
        body = msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.DecodeError:
        body = {}
    # Auth uses `msg`. Kong and Cloudflare return JSON too, without a code
    message = body.get("message") or body.get("msg") or f"Supabase returned {response.status_code}"
    code = body.get("code") or response.status_code
    return refusal(str(code), f"{asked}: {message}" if asked else str(message), body.get("hint"))
