"""webhooks.toml: what is read, what differs, and that what exists is exported as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supabase_webhooks.webhooks import export
from supabase_webhooks.webhooks.errors import ManifestError
from supabase_webhooks.webhooks.manifest import read
from supabase_webhooks.webhooks.plain import OBEYED
from supabase_webhooks.webhooks.plan import Project, changes
from supabase_webhooks.webhooks.retries import PRESETS

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "whsec_geheim"

#: Texts that Postgres and TOML hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda one: st.lists(one, max_size=3) | st.dictionaries(TEXT, one, max_size=3),
    max_leaves=8,
)
ENDPOINT = st.fixed_dictionaries(
    {
        "name": TEXT,
        "url": TEXT.map("https://example.com/{}".format).filter(lambda url: not url.endswith(")")),
        "events": st.lists(st.sampled_from(["*", "user.*", "order.paid"]), max_size=3),
        "is_active": st.booleans(),
        "disabled_at": st.sampled_from([None, "2026-01-01T00:00:00+00:00"]),
        "max_attempts": st.integers(1, 20),
        "retry_schedule": st.none() | st.sampled_from([[], [5, 300], *map(list, PRESETS.values())]),
        "expires_after": st.sampled_from([None, "3 days", "12:00:00", "1 day 00:30:00", "00:00:05", "14 days"]),
        "rate_limit_per_second": st.none() | st.integers(1, 9),
        "max_concurrency": st.none() | st.integers(1, 9),
        "timeout_seconds": st.none() | st.floats(0.1, 120),
        "circuit_failure_threshold": st.none() | st.integers(1, 9),
        "circuit_reset_seconds": st.none() | st.integers(1, 9),
        "credentials_profile": st.none() | TEXT.filter(lambda text: not text.endswith(")")),
        "header_names": st.lists(st.sampled_from(["Authorization", "X-Team", "x_a.b"]), unique=True),
        "managed_by": st.none(),
    }
)
EVENT = st.fixed_dictionaries(
    {
        "description": TEXT,
        "data_schema": st.dictionaries(TEXT, JSON, max_size=4),
        "example": st.dictionaries(TEXT, JSON, max_size=4),
        "users_may_dispatch": st.booleans(),
        "audience": st.sampled_from(["internal", "customers"]),
    }
)


class Everything(dict[str, str]):
    """An environment in which every variable is set."""

    def get(self, _name: str, _default: Any = None) -> str:
        """Return a value."""
        return "value"


def written(folder: Path, text: str) -> Path:
    """Return a file with a text."""
    file = folder / "webhooks.toml"
    file.write_text(text, encoding="utf-8")
    return file


@given(
    st.lists(ENDPOINT, max_size=3, unique_by=lambda one: one["name"]),
    st.dictionaries(st.from_regex(r"[a-z0-9_]{1,5}(\.[a-z0-9_]{1,5})?", fullmatch=True), EVENT, max_size=3),
)
def test_what_is_exported_differs_in_nothing(
    tmp_path_factory: pytest.TempPathFactory, endpoints: list[dict[str, Any]], events: dict[str, dict[str, Any]]
) -> None:
    """Except in managed_by: whatever the names, settings and schemas are."""
    had = [{"id": str(number), **one} for number, one in enumerate(endpoints)]
    types = [{"name": name, **one} for name, one in events.items()]
    text = export.render(had, types)
    assert not OBEYED.findall(text)
    file = written(tmp_path_factory.mktemp("code"), text)
    manifest = read(file, Everything())
    found = changes(manifest, Project(had, types, None), adopt=True)
    assert [one.name for one in found] == [one["name"] for one in had]
    assert {difference.setting for one in found for difference in one.differences} <= {"managed_by"}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[endpoints.a", "cannot be read"),
        ("[endpoint.a]\nurl = 'https://x'", "unknown key endpoint"),
        ("endpoints = 1", "endpoints must be tables"),
        ("[endpoints]\na = 1", "endpoints must be tables"),
        ("[endpoints.a]\nevents = ['*']", "endpoints.a: Object missing required field `url`"),
        ("[endpoints.a]\nurl = 'https://x'\nulr = 1", "endpoints.a: Object contains unknown field `ulr`"),
        ("[endpoints.a]\nurl = 'https://x'\nmax_concurrency = 'many'", "$.max_concurrency"),
        ("[endpoints.a]\nurl = 'https://x'\nretry_schedule = 'often'", "standard or quick"),
        ("[endpoints.a]\nurl = 'https://x'\nexpires_after = 'never'", "such as 12h or 3d"),
        ("[endpoints.a]\nurl = 'env(URL)'\nheaders = {A = 'env(TOKEN)'}", "URL (endpoints.a), TOKEN (endpoints.a)"),
        (f"[endpoints.a]\nurl = 'https://x'\nsecret = '{SECRET}'", "secret must be env(NAME)"),
        ("[events.a]\ndescription = 'A'\ndata_schema = '{'", "events.a.data_schema is not valid JSON"),
        ("[events.a]\ndescription = 'A'", "missing required field `data_schema`"),
        ("managed_by = 1", "managed_by must be text"),
        ("managed_by = ''", "managed_by must be text"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, error: str) -> None:
    """Names the place and the fix; a secret in the wrong place is not repeated."""
    with pytest.raises(ManifestError) as raised:
        read(written(tmp_path, text), {})
    assert error in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Says how to get one."""
    with pytest.raises(ManifestError, match="webhooks export"):
        read(tmp_path / "webhooks.toml", {})


def test_two_endpoints_of_one_name() -> None:
    """Cannot be exported, as they would be one."""
    one = {"id": "1", "url": "https://x", "events": [], "name": "twin"}
    rest = dict.fromkeys(["retry_schedule", "expires_after", "disabled_at", "credentials_profile"])
    rest |= dict.fromkeys(["rate_limit_per_second", "max_concurrency", "timeout_seconds"])
    rest |= dict.fromkeys(["circuit_failure_threshold", "circuit_reset_seconds"])
    whole = one | rest | {"max_attempts": 3, "is_active": True, "header_names": []}
    with pytest.raises(ManifestError, match="rename one"):
        export.render([whole, whole | {"id": "2"}], [])


def test_secrets_are_in_no_representation(tmp_path: Path) -> None:
    """Of a manifest, a change or what may be shown of it: nor are URLs and headers of the environment."""
    text = "[endpoints.a]\nurl = 'env(URL)'\nsecret = 'env(KEY)'\nevents = ['*']\nheaders = {A = 'env(TOKEN)'}"
    environment = {"URL": "https://hooks.example.com/T0KEN", "KEY": SECRET, "TOKEN": "Bearer geheim"}
    manifest = read(written(tmp_path, text), environment)
    project = Project([], [], {"1": [SECRET]})
    (change,) = changes(manifest, project)
    shown = f"{manifest!r}{change!r}{change.as_dict()}{project!r}"
    assert [value for value in ("T0KEN", "geheim") if value in shown] == []
    assert change.secret == SECRET
    assert change.settings["url"] == environment["URL"]
    assert {d["setting"]: d["becomes"] for d in change.as_dict()["differences"]} == {
        "url": "env(URL)",
        "events": ["*"],
        "retry_schedule": list(PRESETS["standard"]),
        "headers": ["A"],
        "secret": "env(KEY)",
    }
