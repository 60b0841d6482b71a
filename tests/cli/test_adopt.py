"""`webhooks adopt`: a copy of a project's database delivers nothing until someone says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from devstack.receiver import Receiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from devstack.services import Worker
    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

CLAIM = "select public.claim_webhook_deliveries(project => %s) as claimed"

#: More than one batch of discarded rows.
PENDING = 1001


@pytest.fixture
def copied(system: System) -> System:
    """A database that belongs to another project, with pending deliveries, and has been asked for them from here."""
    system.db.execute(CLAIM, ("original.supabase.co",))
    system.endpoint("https://receiver.example.com/")
    system.dispatch(PENDING)
    assert held(system) == {"project": "original.supabase.co", "held_for": "127.0.0.1"}
    return system


def held(system: System) -> dict[str, str] | None:
    """Return for whom the database is held, as a worker of this project is told."""
    row = system.db.execute(CLAIM, ("127.0.0.1",)).fetchone()
    assert row
    told = row["claimed"]["held"]
    return told and {key: told[key] for key in ("project", "held_for")}


def statuses(system: System) -> set[str]:
    """Return the deliveries' statuses."""
    return {row["status"] for row in system.rows()}


def test_discard(copied: System, webhooks: Callable[..., Done]) -> None:
    """All that is pending, batch by batch; what comes later is delivered."""
    done = webhooks("adopt", "--discard", "--json")
    assert done.json == {"project": "127.0.0.1", "discarded": PENDING}, done.err
    assert statuses(copied) == {"failed"}
    assert held(copied) is None


def test_deliver(copied: System, webhooks: Callable[..., Done]) -> None:
    """What is pending stays so, and is claimed."""
    done = webhooks("adopt", "--deliver", WEBHOOKS_PROJECT="shop")
    assert done.out == "This database now belongs to shop.\n", done.err
    assert statuses(copied) == {"pending"}
    row = copied.db.execute(CLAIM, ("shop",)).fetchone()
    assert row
    assert row["claimed"]["held"] is None
    assert row["claimed"]["deliveries"]


def test_a_worker_waits_for_it(system: System, webhooks: Callable[..., Done]) -> None:
    """It says once whose the database is and what to run, delivers nothing, and goes on by itself afterwards."""
    system.db.execute(CLAIM, ("original.supabase.co",))
    with Receiver() as receiver:
        system.endpoint(receiver.url)
        system.dispatch()
        worker = system.worker()
        said = "nothing is claimed: this database belongs to original.supabase.co"
        system.wait(lambda: said in log(worker))
        time.sleep(2)
        assert log(worker).count(said) == 1
        assert "webhooks adopt --deliver" in log(worker)
        assert statuses(system) == {"pending"}
        assert webhooks("adopt", "--deliver").code == 0
        system.wait_for_status("delivered", 1)
        assert "claiming works again" in log(worker)


def log(worker: Worker) -> str:
    """Return what a worker has logged so far."""
    assert worker.child
    return worker.child.tail()


def test_which_one_must_be_said(copied: System, webhooks: Callable[..., Done]) -> None:
    """Neither and both are errors."""
    for arguments in ((), ("--deliver", "--discard")):
        done = webhooks("adopt", *arguments)
        assert done.code == 2
        assert "--deliver or --discard" in done.err
    assert held(copied)


def test_the_doctor_says_so(copied: System, webhooks: Callable[..., Done]) -> None:
    """As a problem, with the cure, until someone has decided."""
    (found,) = [one for one in webhooks("doctor", "--json").json if one["check"] == "project"]
    assert found["status"] == "problem"
    assert "belongs to original.supabase.co" in found["text"]
    assert found["cure"].startswith("webhooks adopt --deliver")
    assert webhooks("adopt", "--deliver").code == 0
    assert "project" not in {one["check"] for one in webhooks("doctor", "--json").json}
    assert held(copied) is None
