"""Access tokens of users, as far as they can be told from keys."""

from __future__ import annotations

import re

#: RFC 7519, section 3: three parts in base64url; the first is a JSON object, so it begins with `{"`.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


def is_access_token(token: str) -> bool:
    """Return whether a text has a token's form; whether it is valid, Supabase says.

    Anything else must never be sent beside a key: Supabase's API gateway takes `Bearer sb_...` for a key of the newer
    kind, ignores it, and lets the request in as whoever the key beside it is.
    """
    return _JWT.fullmatch(token) is not None
