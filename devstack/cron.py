"""The cron: the script of the GitHub workflow, to run it as Actions does."""

from __future__ import annotations

from pathlib import Path

import yaml

WORKFLOW = Path(__file__).parent.parent / ".github" / "workflows" / "webhook-dispatcher.yml"


def dispatcher_script() -> str:
    """Return the script of the dispatcher's job, which has one step."""
    (step,) = yaml.safe_load(WORKFLOW.read_text())["jobs"]["dispatch"]["steps"]
    return str(step["run"])
