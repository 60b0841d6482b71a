"""What the database rejects about an endpoint is shown at the field that it is about."""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from supabase_webhooks.gateway.dashboard.endpoint_form import refused
from supabase_webhooks.webhooks.refusals import refusal
from tests.database.shorthands import as_admin, call

if TYPE_CHECKING:
    from psycopg import Connection

    Database = Connection[dict[str, Any]]

GOOD = {"name": "n8n", "url": "https://example.com/a", "events": ["user.*"]}

#: Names that look like the errors themselves.
NAMES = [
    "n8n",
    "the URL",
    'headers: "retry_schedule"',
    'x": the URL is malformed',
    "events interval expires_after",
    "100%",
]

BAD = {
    "name": {"name": "x" * 201},
    "url": {"url": "ftp://example.com"},
    "url ": {"url": "https://user:password@example.com/"},
    "url  ": {"url": "example.com"},
    "url   ": {"url": "https://example.com/" + "x" * 2000},
    "url    ": {"url": "https://exa mple.com/"},
    "events": {"events": ["user.unknown"]},
    "events ": {"events": []},
    "events  ": {"events": ["x" * 100]},
    "headers": {"headers": {"Host": "x"}},
    "headers ": {"headers": {"a b": "x"}},
    "headers  ": {"headers": {"X-URL": "\n"}},
    "waits": {"retry_schedule": [700_000]},
    "waits ": {"retry_schedule": "sometimes"},
    "expires_after": {"expires_after": "soon"},
    "expires_after ": {"expires_after": "-1 day"},
}


def test_each_error_is_at_its_field(db: Database) -> None:
    """Whatever the endpoint is called; and the text begins with what is wrong, not with the name."""
    as_admin(db)
    for name, (field, bad) in product(NAMES, BAD.items()):
        settings: dict[str, Any] = {**GOOD, "name": name, **bad}
        with pytest.raises(psycopg.Error) as raised:
            call(db, "create_webhook_endpoint", json.dumps(settings))
        diagnosis = raised.value.diag
        error = refusal(raised.value.sqlstate or "", diagnosis.message_primary, diagnosis.message_hint)
        ((about, text),) = refused(error, settings["name"]).items()
        assert (about, text[:16] == "Webhook endpoint") == (field.strip(), False), text
