"""The servers that outlast a test: each test has them, whatever the one before it did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.e2e.conftest import System
    from tests.e2e.standing import Standing


@pytest.mark.parametrize("waited_for", [False, True])
def test_a_fallen_server_is_started_again(
    system: System, standing: Standing, waited_for: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the same port, and on the database of this test; also one that falls while it is waited for."""
    url, child = standing.supabase.url, standing.supabase.child
    assert child is not None

    def fall(_: str) -> bool:
        monkeypatch.undo()
        child.kill()
        return False

    if waited_for:
        monkeypatch.setattr(standing.supabase, "responds", fall)
    else:
        child.kill()
    standing.start()
    assert standing.supabase.url == url
    assert standing.supabase.responds("webhook_event_types?limit=0")
    system.dispatch(1)


def test_a_database_that_is_made_again(system: System, standing: Standing) -> None:
    """Connections to the earlier one end, in the middle of whatever they do."""
    for _ in range(3):
        system.db.close()
        standing.renew()
        standing.start()
        assert standing.supabase.responds("webhook_event_types?limit=0")
