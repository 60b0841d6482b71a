"""The order of a payload's keys, which docs/protocols/http.md and SECURITY.md tell receivers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.database.shorthands import Database


def test_the_documented_order(db: Database, endpoint: Callable[..., str], dispatch: Callable[..., Any]) -> None:
    """Is that of what is sent; within `data` too, shorter keys come first."""
    endpoint()
    dispatch()
    row = db.execute("select payload::text as body from public.webhook_deliveries").fetchone()
    assert row is not None
    body = json.loads(row["body"])
    documented = re.search(r"```json\n(.*?)```", (ROOT / "docs" / "protocols" / "http.md").read_text(), re.DOTALL)
    assert documented
    assert list(body) == list(json.loads(documented[1]))
    for value in (body, body["data"]):
        assert list(value) == sorted(value, key=lambda key: (len(key), key.encode()))
