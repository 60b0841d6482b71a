"""The GitHub workflow that calls the gateway, and its copy in an app's repository."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

NAME = "webhook-dispatcher.yml"

#: Where GitHub looks for it.
FOLDER = Path(".github") / "workflows"


def copy(repository: Path) -> tuple[Path, Literal["copied", "kept", "differs"]]:
    """Copy the workflow into a repository, unless it has one of this name; return its path and what was done."""
    target = repository / FOLDER / NAME
    if target.exists():
        return target, "kept" if target.read_bytes() == _shipped().read_bytes() else "differs"
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_shipped(), target)
    return target, "copied"


def _shipped() -> Path:
    """Return the file, inside the installed package, else the source tree's."""
    with as_file(files("supabase_webhooks.webhooks") / "workflows" / NAME) as installed:
        return installed if installed.is_file() else Path(__file__).resolve().parent.parent / FOLDER / NAME
