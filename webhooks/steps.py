"""The steps of the setup: what `webhooks init` does, and the dashboard and `webhooks doctor` show until it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Step:
    """A step by name: what to do, and the command that does it."""

    name: str
    title: str
    command: str


#: In their order. `webhooks.setup_steps()` tells which of the last three are done.
STEPS = (
    Step("settings", "Write the settings to .env", "webhooks env"),
    Step("migrations", "Apply the migrations", "webhooks migrate apply"),
    Step("admin", "Add an admin", "webhooks admins add EMAIL"),
    Step("cron", "Set up the cron", "webhooks cron database GATEWAY_URL"),
    Step("endpoint", "Create an endpoint", "webhooks endpoints create NAME URL"),
    Step("event", "Deliver the first event", "webhooks endpoints test ID"),
)


def step(name: str) -> Step:
    """Return a step by its name."""
    return next(one for one in STEPS if one.name == name)


def checklist(done: Mapping[str, Any]) -> list[tuple[Step, bool]]:
    """Return all steps with whether each is done; none once all are. `done`: the result of webhooks.setup_steps()."""
    listed = [(one, bool(done.get(one.name, True))) for one in STEPS]
    return [] if all(finished for _, finished in listed) else listed
