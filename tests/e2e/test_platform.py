"""The platform's whole story: a real user, supabase-js, row level security, nine events, verified, once each."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from devstack.cron import close_discussions_script, dispatcher_script
from devstack.node import SOURCE, environment
from devstack.receiver import Receiver
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import System


@pytest.fixture(scope="module", params=["empty", "production"])
def template(platforms: Callable[[str], str], request: pytest.FixtureRequest) -> str:
    """Each test here runs on an empty project with the platform's tables, and on production, upgraded."""
    return platforms(request.param)


def cron(script: str, gateway_url: str) -> None:
    """Run a workflow's script once, as Actions does."""
    variables = {"GATEWAY_URL": gateway_url, "DISPATCH_TOKEN": TOKEN, "TRIGGERS": "1"}
    subprocess.run(["bash", "-c", script], env={**environment(), **variables}, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("dispatches_too", ["", "1"])
def test_nine_events_once_each(system: System, dispatches_too: str) -> None:
    """Whether or not the frontend still dispatches: what it did is what arrives, and its calls get the same events."""
    with Receiver() as receiver:
        # Given an endpoint for everything, a gateway, and a worker that waits for the cron
        system.endpoint(receiver.url)
        gateway = system.gateway()
        system.worker(WEBHOOKS_SWEEP_SECONDS="0")

        # When a user tells the story, and both crons run
        story = [json.loads(line) for line in system.node(SOURCE / "story.mjs", DISPATCH=dispatches_too).splitlines()]
        cron(close_discussions_script(), gateway.url)
        cron(dispatcher_script(), gateway.url)

        # Then each of the nine arrives once, verified, with the data and the actor of what happened
        system.wait_for_status("delivered", 9)
        requests = receiver.wait_for(9)
    assert all(request.verified(system.secret) for request in requests)
    arrived: dict[str, Any] = {request.payload["event"]: request.payload for request in requests}
    assert Counter(request.payload["event"] for request in requests) == Counter(line["event"] for line in story)
    assert len(system.rows()) == len(arrived) == 9
    closed_at = arrived["discussion.auto_closed"]["data"].pop("closed_at")
    assert closed_at.endswith("Z")
    for line in story:
        payload = arrived[line["event"]]
        assert (payload["actor_user_id"], payload["data"]) == (line["actor"], line["data"])
        if "answer" in line:
            assert line["answer"] == {"request_id": payload["request_id"], "deliveries": 1}
    assert sum("answer" in line for line in story) == (7 if dispatches_too else 0)
    assert system.db.execute("select * from public.webhook_trigger_errors").fetchall() == []


def test_the_story_goes_on_without_webhooks(system: System) -> None:
    """The catalog and the endpoints are deleted: the user notices nothing, and every loss is recorded."""
    system.db.execute(
        "drop table public.webhook_event_types cascade; drop table public.webhook_configurations cascade;"
        "create or replace function public.dispatch_webhook(event_type text, event_data jsonb,"
        " actor_user_id uuid default null, idempotency_key text default null, tenant_id text default null)"
        " returns jsonb"
        " language sql set search_path = '' as 'select null::jsonb'"
    )
    story = system.node(SOURCE / "story.mjs", DISPATCH="").splitlines()
    assert len(story) == 9
    lost = system.db.execute("select event_type, events from public.webhook_trigger_errors").fetchall()
    assert Counter(row["event_type"] for row in lost) == Counter(
        json.loads(line)["event"] for line in story if "auto_closed" not in line
    )
    assert {row["events"] for row in lost} == {1}
