"""The overview of a fresh installation: a checklist, until each step is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from supabase_webhooks.webhooks.steps import STEPS

if TYPE_CHECKING:
    from tests.e2e.dashboard.conftest import Site


def test_the_checklist(site: Site) -> None:
    """It names each step, and the command of those that are left; it goes with the last of them."""
    admin = site.admin()
    db = site.system.db

    def listed() -> dict[str, bool]:
        page = admin.get("/overview/figures").text
        assert '<span id="status">Healthy</span>' in page
        assert ("the dispatcher runs" in page) == ('id="setup-title"' not in page)
        items = re.findall(r'<li data-step="(\w+)">.*?, (done|not done)</span>(.*?)</li>', page)
        for name, state, command in items:
            (step,) = (one for one in STEPS if one.name == name)
            assert (f"<code>{step.command}</code>" in command) == (state == "not done")
        return {name: state == "done" for name, state, _ in items}

    assert listed() == {one.name: one.name in {"settings", "migrations", "admin"} for one in STEPS}
    endpoint = site.system.endpoint("https://receiver.example.com")
    assert listed()["endpoint"]
    db.execute(
        "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, status)"
        " values (%s, 'x.y', '{}', 'delivered')",
        (endpoint,),
    )
    assert [name for name, done in listed().items() if not done] == ["cron"]
    db.execute("select public.start_webhook_dispatcher_run('test')")
    assert listed() == {}
