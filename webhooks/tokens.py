"""Access tokens of users, as opposed to API keys."""

from __future__ import annotations

import base64
import re
from typing import Any

import msgspec

#: RFC 7519, section 3: three parts in base64url; the first is a JSON object, so it begins with `{"`.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def is_access_token(token: str) -> bool:
    """Return whether a text has a token's form; Supabase decides whether it is valid.

    Anything else must never be sent with a key: Supabase's API gateway takes `Bearer sb_...` for a key of the newer
    kind, ignores it, and treats the request as that of the key sent with it.
    """
    return _JWT.fullmatch(token) is not None


def is_secret_key(key: str) -> bool:
    """Return whether a project's API key is for servers only: `sb_secret_...`, or a JWT whose role is not `anon`."""
    if not is_access_token(key):
        return key.startswith("sb_secret_")
    claims = key.split(".")[1]
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=dict[str, Any])
    except ValueError:
        return False
    return decoded.get("role") != "anon"
