"""Access tokens of users and API tokens, as opposed to API keys."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import msgspec

#: RFC 7519, section 3: three parts in base64url; the first is a JSON object, so it begins with `{"`.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

#: What an API token begins with, so that scanners of secrets and people recognize it.
API_TOKEN = "whk_"  # noqa: S105 - of any token


def is_api_token(token: str) -> bool:
    """Return whether a text is meant as an API token; the database decides whether it is valid."""
    return token.startswith(API_TOKEN)


def digest(token: str) -> str:
    """Return the hash under which the database keeps an API token: SHA-256, in hexadecimal.

    A fast hash is right here, and a salt or rounds (bcrypt, Argon2) would add nothing: they slow down guessing what
    people choose, and a token is 256 random bits. Comparing hashes by an index reveals nothing by its time either,
    since no one can choose a token for the hash that it has.
    """
    return hashlib.sha256(token.encode()).hexdigest()


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
