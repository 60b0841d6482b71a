"""Find the Supabase project that a folder belongs to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Where `supabase link` keeps the project's reference.
LINK = Path("supabase") / ".temp" / "project-ref"

_REF = re.compile(r"[a-z0-9]{20}")

#: Our setting -> the names under which frameworks have the same value.
ALIASES = {
    "SUPABASE_URL": ("NEXT_PUBLIC_SUPABASE_URL", "VITE_SUPABASE_URL", "PUBLIC_SUPABASE_URL"),
    "SUPABASE_SERVICE_ROLE_KEY": ("SUPABASE_SECRET_KEY",),
    "SUPABASE_ANON_KEY": (
        "SUPABASE_PUBLISHABLE_KEY",
        "NEXT_PUBLIC_SUPABASE_PUBLISHABLE_KEY",
        "NEXT_PUBLIC_SUPABASE_ANON_KEY",
        "VITE_SUPABASE_PUBLISHABLE_KEY",
        "VITE_SUPABASE_ANON_KEY",
    ),
}


def linked(folder: Path) -> str | None:
    """Return the URL of the project that `supabase link` has linked a folder to."""
    file = folder / LINK
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        ref = opened.read(100).decode(errors="replace").strip()
    return f"https://{ref}.supabase.co" if _REF.fullmatch(ref) else None


def aliased(name: str, variables: Mapping[str, str]) -> str | None:
    """Return a setting's value under the name that a framework has for it."""
    return next((variables[alias] for alias in ALIASES.get(name, ()) if variables.get(alias)), None)
