"""Tests leave no role behind on the server that they share."""

from __future__ import annotations

import re

from tests.conftest import ROOT

#: What makes roles for a whole server on purpose, or writes about them.
MAKERS = {"tests/roles.py", "tests/hosted/dump.py", "tests/cli/conftest.py"}


def test_roles_are_made_where_they_are_dropped() -> None:
    """One that outlives its test changes what tests of the server's roles see, in an order that no one chose."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if re.search(r"create (role|user) ", path.read_text(), re.IGNORECASE)
    }
    assert found == MAKERS
