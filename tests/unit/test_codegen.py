"""Generated types: what each JSON Schema becomes, and that no name or text of a catalog breaks a module."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from supabase_webhooks.webhooks.catalog import EventType, from_environment
from supabase_webhooks.webhooks.codegen import LANGUAGES, docs
from supabase_webhooks.webhooks.codegen.naming import type_names
from supabase_webhooks.webhooks.errors import SettingsError, StoreUnavailable
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def event(name: str, schema: dict[str, Any] | None = None, description: str = "It happened.") -> EventType:
    """Return an event type."""
    return EventType(name=name, description=description, data_schema=schema or {"type": "object"}, example={})


ODD = [
    event(
        "order.placed",
        {
            "type": "object",
            "required": ["id", "class", "odd key", "undescribed"],
            "properties": {
                "id": {"type": "integer", "description": "The id, */ never \\ reused"},
                "class": {"enum": ["a", 'b"', 3, None]},
                "odd key": {"type": ["string", "null"], "format": "uuid"},
                "when": {"type": "string", "format": "date-time"},
                "tags": {"type": "array", "items": {"type": ["string", "null"]}},
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}},
                },
                "free": {},
                "extra": {"type": "object"},
                "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
                "fixed": {"const": True},
                "nothing": False,
            },
        },
        'An "order" */ was placed. """',
    ),
    event("empty.event", {"type": "object", "properties": {}}),
    event("list", {"type": "object", "required": ["from_id"], "properties": {"from_id": {"type": "boolean"}}}),
]


def test_names_are_told_apart() -> None:
    """Dots and underscores make the same word; digits and our own names work too."""
    names = [event(name) for name in ("a.b_c", "a_b.c", "2fa.on", "webhook.payload", "dispatch.result")]
    assert list(type_names(names).values()) == ["ABC", "ABC2", "Event2faOn", "WebhookPayload2", "DispatchResult2"]


def test_typescript_of_each_keyword() -> None:
    """Required and optional keys, unions, literals, arrays, nested objects, odd keys."""
    text = LANGUAGES["typescript"](ODD)
    for line in (
        "/** The id, *\\/ never \\ reused */",
        "  id: number;",
        '  class: "a" | "b\\"" | 3 | null;',
        '  "odd key": string | null;',
        "  when?: string;",
        "  tags?: Array<string | null>;",
        "  lines?: Array<{\n    sku: string;\n  }>;",
        "  free?: unknown;",
        "  extra?: Record<string, unknown>;",
        "  either?: string | number;",
        "  fixed?: true;",
        "  nothing?: unknown;",
        "  undescribed: unknown;",
        "export type EmptyEvent = Record<string, unknown>;",
        '  "order.placed": OrderPlaced;',
    ):
        assert line in text, f"{line}\n{text}"


USE = """
from typing import assert_type
from events import OrderPlaced, WebhookPayload, dispatch
from supabase import Client

def receive(payload: WebhookPayload, client: Client) -> None:
    if payload["event"] == "list":
        assert_type(payload["data"]["from_id"], bool)
    dispatch(client, "list", {"from_id": True}, actor_user_id=None)
    dispatch(client, "list", {"from_id": "no"})  # type: ignore[call-overload]
    dispatch(client, "unknown", {})  # type: ignore[call-overload]
    dispatch(client, "list", {"other": True})  # type: ignore[call-overload]
"""


@pytest.mark.parametrize("count", [3, 1])
def test_python_satisfies_mypy_strict(tmp_path: Path, count: int) -> None:
    """The module and a use of it; the wrong uses are errors, or mypy would say that an ignore is not needed."""
    (tmp_path / "events.py").write_text(LANGUAGES["python"](ODD[-count:]))
    use = USE.replace("OrderPlaced, ", "") if count == 1 else USE
    (tmp_path / "use.py").write_text(use if count > 1 else "import events")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--no-incremental",
        "--follow-imports=skip",
        "use.py",
        "events.py",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + (tmp_path / "events.py").read_text()
    ran = subprocess.run([sys.executable, "-W", "error", "events.py"], cwd=tmp_path, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_page() -> None:
    """A row for each key, and pipes that break no table."""
    page = docs.render([event("a.b", {"type": "object", "required": ["x"], "properties": {"y": {"type": "string"}}},
                              "One | two")])  # fmt: skip
    assert "| [a.b](#ab) | One \\| two |" in page
    assert "| `y` | string | no |" in page
    assert "| `x` | any | yes |" in page


def test_what_is_missing_is_named() -> None:
    """The settings, and a project that does not respond."""
    with pytest.raises(SettingsError, match="set SUPABASE_SERVICE_ROLE_KEY in the environment"):
        from_environment({"SUPABASE_URL": "https://x.supabase.co"})
    with pytest.raises(StoreUnavailable, match="is SUPABASE_URL right"):
        from_environment({"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x"})


def test_the_command_line_knows_the_languages() -> None:
    """And says so, without a trace, when one is unknown or a setting is missing."""
    command = [sys.executable, "-m", "supabase_webhooks.webhooks.cli", "types"]
    for arguments, text in ((["cobol"], "typescript"), (["python"], "set SUPABASE_URL")):
        done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, env={})
        assert done.returncode != 0
        assert text in done.stderr
        assert "Traceback" not in done.stderr
