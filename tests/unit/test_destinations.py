"""The URL grammar, here and in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from webhooks.destinations import PARSERS, parse
from webhooks.errors import DestinationError
from workers.adapters import ADAPTERS

if TYPE_CHECKING:
    from psycopg import Connection

RIGHT = ["https://example.com/hook", "https://example.com", "https://[::1]:8443/x?a=1", "https://bücher.example/ä"]
WRONG = {
    "ftp://example.com/": "scheme 'ftp' is not supported",
    "example.com/hook": "scheme '' is not supported",
    "": "scheme '' is not supported",
    "https://": "no host",
    "https:///path": "no host",
    "https://example.com:port/": "malformed",
    "https://example.com/a b": "white space",
    "https://user:pass@example.com/": "user name or password",
    "https://user@example.com/": "user name or password",
}


@pytest.mark.parametrize("url", RIGHT)
def test_right(url: str) -> None:
    """Parsed, with its origin for pooling connections."""
    assert parse(url).origin.startswith("https://")


@pytest.mark.parametrize("url", WRONG)
def test_wrong(url: str) -> None:
    """The error names the part and shows a right example, and repeats no password."""
    with pytest.raises(DestinationError, match=WRONG[url]) as caught:
        parse(url)
    assert "pass@" not in str(caught.value)
    assert "https://example.com/webhooks" in str(caught.value) or "secret_key" in str(caught.value)


def test_http_only_in_development() -> None:
    """Plain http needs the setting, which the error names."""
    with pytest.raises(DestinationError, match="WEBHOOKS_ALLOW_HTTP"):
        parse("http://127.0.0.1/")
    assert parse("http://127.0.0.1/", allow_http=True).origin == "http://127.0.0.1"


def test_the_database_agrees(db: Connection[dict[str, Any]]) -> None:
    """What is refused at delivery is refused when it is saved, and what is saved can be delivered."""
    for url in (*RIGHT, *WRONG):
        row = db.execute("select webhooks.url_problem(%s) as problem", (url,)).fetchone()
        assert row is not None
        assert (row["problem"] is None) == (url in RIGHT), (url, row["problem"])


def test_every_scheme_has_an_adapter() -> None:
    """The grammar's schemes are the adapters'."""
    assert set(PARSERS) == set(ADAPTERS)
