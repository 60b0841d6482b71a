"""Splitting SQL: what is recorded of a migration are its statements, whole."""

from __future__ import annotations

import pytest

from devstack.stack import MIGRATIONS
from webhooks.sql import statements


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select 'a;''b;'; select \"c;\"\"\"", ["select 'a;''b;'", 'select "c;"""']),
        (r"select E'it\'s; fine'; select 2", [r"select E'it\'s; fine'", "select 2"]),
        ("select $$;$$; select $a$ $$;$$ $b$;$b$ $a$", ["select $$;$$", "select $a$ $$;$$ $b$;$b$ $a$"]),
        ("-- a; b\nselect 1; -- c;\n", ["-- a; b\nselect 1"]),
        ("/* a; /* b; */ ; */ select 1;", ["/* a; /* b; */ ; */ select 1"]),
        ("select a$1;b$2; select $1", ["select a$1", "b$2", "select $1"]),
        (" ;; \n", []),
    ],
)
def test_statements(script: str, expected: list[str]) -> None:
    """A semicolon ends a statement, except in strings, names, bodies and comments."""
    assert statements(script) == expected


def test_our_migrations_lose_nothing() -> None:
    """Each statement of ours begins with a command, so that none was cut inside a body."""
    commands = ("create", "alter", "comment", "revoke", "grant", "drop", "insert", "update", "delete", "do", "select")
    for file in MIGRATIONS.glob("*.sql"):
        for statement in statements(file.read_text()):
            lines = [line for line in statement.splitlines() if line.strip() and not line.startswith("--")]
            assert lines[0].startswith(commands), f"{file.name}: {statement[:200]}"
