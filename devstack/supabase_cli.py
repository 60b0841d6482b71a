"""The Supabase CLI from npm, whose package for each platform holds the program: no download at install, no Docker."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from devstack.node import environment, install, node

if TYPE_CHECKING:
    from pathlib import Path


def supabase(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the CLI in a project's folder, the one that holds `supabase`; it asks nothing and sends no telemetry."""
    program = install() / "node_modules" / "supabase" / "dist" / "supabase.js"
    quiet = {"SUPABASE_TELEMETRY_DISABLED": "1", "CI": "1"}
    return subprocess.run(
        [node(), program, *arguments, "--yes"],
        cwd=cwd,
        env={**environment(), **quiet},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
