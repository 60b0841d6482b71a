"""The crons: the scripts of the GitHub workflows, to run them as Actions does."""

from __future__ import annotations

from pathlib import Path

import yaml

WORKFLOWS = Path(__file__).parent.parent / ".github" / "workflows"


def dispatcher_script() -> str:
    """Return the script of the dispatcher's job."""
    return _script("webhook-dispatcher.yml", "dispatch")


def close_discussions_script() -> str:
    """Return the script of the job that closes expired discussions."""
    return _script("close-discussions.yml", "close")


def _script(workflow: str, job: str) -> str:
    (step,) = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"][job]["steps"]
    return str(step["run"])
