"""Bodies: compact JSON that changes no value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.deliveries import Delivery, Endpoint, excerpt
from supabase_webhooks.webhooks.exact import compact

if TYPE_CHECKING:
    from psycopg import Connection


@pytest.mark.parametrize(
    "value",
    [
        {"text": "Grüße 🎉 \u2028 \x7f"},
        {"text": 'quotes " and \\ and : , in text', "b": [], "c": {}},
        {"control": "\x01\b\f\n\r\t"},
        {"a": [1, 2.5, -3, True, False, None, {"b": [[]]}]},
    ],
)
def test_as_json_stringify_writes_it(db: Connection[dict[str, Any]], value: Any) -> None:
    """No spaces, non-ASCII unescaped, key order and text as Postgres has them."""
    row = db.execute("select (%s::jsonb)::text as body", (json.dumps(value),)).fetchone()
    assert row is not None
    expected = json.dumps(json.loads(row["body"]), ensure_ascii=False, separators=(",", ":"))
    assert compact(row["body"]) == expected


@pytest.mark.parametrize(
    "number", ["9007199254740993", "1.0", "1.10", "-0.0", "1e400", "123456789012345678901234567890.12"]
)
def test_numbers_exactly_as_postgres_has_them(db: Connection[dict[str, Any]], number: str) -> None:
    """2^53+1, 1.0 and 1e400 travel unharmed."""
    row = db.execute("select jsonb_build_object('n', %s::jsonb)::text as body", (number,)).fetchone()
    assert row is not None
    assert compact(row["body"]) == row["body"].replace(": ", ":")


def test_deep_nesting() -> None:
    """Five hundred levels."""
    text = "[" * 500 + "]" * 500
    assert compact(text) == text


def test_excerpts_can_be_stored() -> None:
    """A thousand characters, and no NUL, which Postgres's text cannot hold."""
    assert len(excerpt("x" * 5000)) == 1000
    assert excerpt("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_delivery_shows_no_secret() -> None:
    """It may be logged."""
    endpoint = Endpoint(id="2", url="https://h/?token=geheim", secrets=("geheim",), headers={"Authorization": "geheim"})
    delivery = Delivery(id="1", event_type="a.b", attempt=1, endpoint=endpoint, body='{"geheim":1}', lease_id="3")
    assert "geheim" not in repr(endpoint)
    assert "geheim" not in repr(delivery)
