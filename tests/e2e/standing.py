"""Servers that outlast a test, on a database that each test has afresh: starting them takes longer than most tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from devstack.services import Gateway
from devstack.supabase_lite import SupabaseLite
from tests.conftest import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from devstack.postgres import Postgres


class Standing:
    """Supabase Lite and one gateway, on a database of always the same name."""

    def __init__(self, postgres: Postgres, template: str, directory: Path) -> None:
        self._postgres = postgres
        self._template = template
        self._name = f"standing_{template}"
        self._log = directory / f"{self._name}-gateway.log"
        self._logged = 0
        self._gateway: tuple[Gateway, Mapping[str, str]] | None = None
        self.dsn = postgres.dsn(self._name)
        self.supabase = SupabaseLite(directory, self.dsn, name=self._name, say=quiet)

    def renew(self) -> None:
        """Create the database again."""
        self._postgres.drop(self._name)
        self._postgres.create(self._name, template=self._template)
        self._logged = self._log.stat().st_size if self._log.exists() else 0

    def start(self) -> None:
        """Start Supabase Lite, or wait until it has noticed that its connections were to an earlier database.

        Its driver, postgres.js, may fall over when a connection ends on which it is about to write.
        """
        for _ in range(100):
            if not (self.supabase.child and self.supabase.child.running()):
                self.supabase.start()
                return
            if self.supabase.responds("webhook_event_types?limit=0"):
                return
            time.sleep(0.05)
        pytest.fail(f"Supabase Lite does not respond; see {self.supabase.child.log}")

    def gateway(self, settings: Mapping[str, str]) -> Gateway:
        """Return a gateway that runs with these settings, the last one if its settings are the same."""
        if self._gateway:
            gateway, same = self._gateway[0], dict(settings) == self._gateway[1]
            if same and gateway.child and gateway.child.running():
                return gateway
            gateway.stop()
        gateway = Gateway(settings, log=self._log)
        self._gateway = gateway, dict(settings)
        gateway.start()
        return gateway

    def log(self) -> str:
        """Return what the gateway has logged in this test."""
        return self._log.read_bytes()[self._logged :].decode() if self._log.exists() else ""

    def stop(self) -> None:
        """Stop them, and drop the database."""
        if self._gateway:
            self._gateway[0].stop()
        self.supabase.stop()
        self._postgres.drop(self._name)


@pytest.fixture(scope="session")
def all_standing(postgres: Postgres, directory: Path) -> Iterator[Callable[[str], Standing]]:
    """The servers of a template's databases."""
    made: dict[str, Standing] = {}

    def standing(template: str) -> Standing:
        if template not in made:
            made[template] = Standing(postgres, template, directory)
        return made[template]

    yield standing
    for one in made.values():
        one.stop()


@pytest.fixture
def standing(all_standing: Callable[[str], Standing], template: str) -> Standing:
    """The servers of this test's database."""
    return all_standing(template)


@pytest.fixture
def dsn(standing: Standing) -> str:
    """A fresh database for this test alone."""
    standing.renew()
    return standing.dsn
