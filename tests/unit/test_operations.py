"""docs/operations.md names what there is: commands, alerts, metrics."""

from __future__ import annotations

import re

from typer.main import get_command

from supabase_webhooks.webhooks.alerts import ROUTES
from supabase_webhooks.webhooks.cli.root import app
from supabase_webhooks.workers.metrics import Metrics
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()


def test_commands() -> None:
    """Every command and every group's commands, and none besides."""
    root = get_command(app)
    table = PAGE.partition("| command |")[2].partition("\n\n")[0]
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        assert f"webhooks {name}" in table, name
        for inner in getattr(command, "commands", {}):
            if name != "secrets":
                assert re.search(rf"\b{inner}\b", table), f"{name} {inner}"
    assert set(re.findall(r"`webhooks (\w+)", table)) <= set(root.commands)  # type: ignore[attr-defined]


def test_alerts() -> None:
    """Each with its channels."""
    for kind, channels in ROUTES.items():
        (row,) = re.findall(rf"^\| `{kind}` \|.*\|(.*)\|$", PAGE, re.MULTILINE)
        told = {"slack": "Slack", "email": "e-mail"}
        assert row.strip() == ", ".join(told[channel] for channel in channels)


def test_metrics() -> None:
    """Each figure of a worker; the gateway's are checked where it runs."""
    for family in Metrics().registry.collect():
        assert f"`{family.name}" in PAGE, family.name
