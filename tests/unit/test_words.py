"""The check of `make check` for words that read as translated."""

from __future__ import annotations

import pytest

from devstack.words import problems


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.py", "# Supabase did not answer"),
        ("a.py", 'x = "the token is no server\'s"'),
        ("a.py", 'x = f"{x} refused it"'),
        ("a.py", '"""Tell whoever asks.\n\nThe rest is under way.\n"""'),
        ("a.sql", "raise exception 'a parameter stands twice';"),
        ("a.sql", "select 1; -- nobody reads it"),
        ("a.sql", "comment on table a is 'The app''s, tried again.';"),
        ("a.html", "<p>The dispatcher is heard.</p>"),
        ("a.ts", "// as seldom as that"),
        ("a.js", 'say("the server answered 500");'),
        ("a.md", "It is sent once more."),
        ("a.yml", "# to be mended"),
        ("Makefile", "all:  ## For who needs it"),
    ],
)
def test_a_word_is_found(name: str, line: str) -> None:
    """In what people read: comments, docstrings, texts, templates and pages; with its line and the usual word."""
    found = list(problems(name, f"\n{line}\n"))
    assert found
    assert found[0].startswith(f"{name}:2: ")
    assert "; write: " in found[0]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("a.py", "answer = refused(answer)"),
        ("a.py", 'health = "answered"'),
        ("a.py", 'x = f"it was {refused}"'),
        ("a.py", '"""Return whether `answer` is "answered"."""'),
        ("a.py", '"""Connection refused; nobody@example.com; there is no delivery, and it is no longer due."""'),
        ("a.sql", "select a.answered_at, case when a.news = 'answered' then 1 end;"),
        ("a.html", '<td class="answer">Response</td>'),
        ("a.ts", "const answer = refused();"),
        ("a.md", "`webhooks_refused_by_breaker` counts rejections."),
    ],
)
def test_a_name_is_not(name: str, line: str) -> None:
    """Names in code, values and the field's own terms are left alone."""
    assert list(problems(name, line)) == []
