"""Programs that come inside Python packages."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from devstack.errors import StackError


def folder_of(module: str) -> Path:
    """Return the folder of an installed package; raise StackError when it is missing."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise StackError(f"the package {module.replace('_', '-')} is missing; `uv sync` installs it")
    return Path(spec.origin).parent
