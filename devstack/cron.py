"""The crons: the scripts of the GitHub workflows, to run them as Actions does."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import yaml

from devstack.errors import StackError
from devstack.node import environment

#: Seconds between runs, as on GitHub.
EVERY = 60.0

WORKFLOWS = Path(__file__).parent.parent / ".github" / "workflows"


class Cron:
    """The scripts of the GitHub workflows, which close expired discussions and trigger the gateway."""

    def __init__(self, gateway_url: str, token: str) -> None:
        self._variables = {"GATEWAY_URL": gateway_url, "DISPATCH_TOKEN": token, "TRIGGERS": "1"}
        self._due = 0.0

    def run(self) -> list[str]:
        """Run each once; return what they printed. Raises StackError."""
        self._due = time.monotonic() + EVERY
        return [line for script in (close_discussions_script(), dispatcher_script()) for line in self._run(script)]

    def run_when_due(self) -> None:
        """Run them once a minute, or the dashboard says that the cron is silent."""
        if time.monotonic() >= self._due:
            self.run()

    def _run(self, script: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", script],
            env={**environment(), **self._variables},
            capture_output=True,
            text=True,
            check=False,
        )
        # the mask is for Actions, and names the token
        lines = [line for line in done.stdout.splitlines() if not line.startswith("::add-mask::")]
        if done.returncode:
            raise StackError("\n".join(["the cron's script failed:", *lines, done.stderr]))
        return lines


def dispatcher_script() -> str:
    """Return the script of the dispatcher's job."""
    return _script("webhook-dispatcher.yml", "dispatch")


def close_discussions_script() -> str:
    """Return the script of the job that closes expired discussions."""
    return _script("close-discussions.yml", "close")


def _script(workflow: str, job: str) -> str:
    (step,) = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"][job]["steps"]
    return str(step["run"])
