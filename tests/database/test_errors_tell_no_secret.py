"""No error shows a secret or a header's value: not its message, detail, hint or context, nor the server's log."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.database.shorthands import as_admin, call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from psycopg import Connection

    Database = Connection[dict[str, Any]]

#: Each part of a secret or a header's value that no error may repeat.
WORD = "geheim"
SECRET = f"{WORD}-secret-of-the-endpoint"
HEADERS = {"Authorization": f"Bearer {WORD}"}

#: What each column may not hold, besides valid secrets.
WRONG: list[dict[str, Any]] = [
    {"id": None}, {"name": None}, {"url": None}, {"url": "nowhere"}, {"url": "ftp://example.com"}, {"url": SECRET},
    {"url": f"https://user:{WORD}@example.com/"}, {"events": None}, {"events": "{}"}, {"events": "{no.such}"},
    {"is_active": None}, {"max_attempts": None}, {"max_attempts": 99}, {"rate_limit_per_second": 0},
    {"max_concurrency": 0}, {"timeout_seconds": 0}, {"timeout_seconds": "NaN"}, {"circuit_failure_threshold": 0},
    {"circuit_reset_seconds": 0}, {"retry_schedule": "{-1}"}, {"retry_schedule": "{null}"}, {"expires_after": "-1 day"},
    {"deleted_at": "now"}, {"name": "of the app's own check"}, {"created_at": None},
    {"secret_key": f"whsec_{WORD}!"}, {"secret_key": f" {SECRET}"}, {"secret_key": f"v1,whsec_{WORD}"},
    {"secret_key": f"whpk_{WORD}"}, {"secret_key": f"whsk_{WORD}"}, {"secret_key": WORD * 300},
    {"headers": json.dumps({f"Authorization: Bearer {WORD}": "x"})}, {"headers": json.dumps({"X-Team": f"{WORD}\n"})},
    {"headers": json.dumps({"Host": WORD})}, {"headers": json.dumps([WORD])}, {"headers": json.dumps(WORD)},
    {"headers": json.dumps({"X-Team": {"a": WORD}})}, {"headers": json.dumps({"X-Team": WORD * 1000})},
    {"headers": json.dumps({"X-Team": WORD, "x-team": WORD})},
]  # fmt: skip

#: Those that the functions take, and the secret, which they do not.
COLUMNS = {"url", "max_attempts", "timeout_seconds", "circuit_reset_seconds", "headers", "secret_key"}

#: A column that an insert may name and an update changes.
RIGHT = {
    "name": "a",
    "url": "https://example.com",
    "events": "{*}",
    "secret_key": SECRET,
    "headers": json.dumps(HEADERS),
}


def told(db: Database, sql: str, arguments: Any) -> str:
    """Return all that an error says; fail when there is none."""
    with pytest.raises(psycopg.Error) as failed:
        db.execute(sql.encode(), arguments)
    diag = failed.value.diag
    return f"{failed.value}\n{diag.message_primary}\n{diag.message_detail}\n{diag.message_hint}\n{diag.context}"


def insert(row: dict[str, Any], end: str = "") -> tuple[str, list[Any]]:
    """Return a statement and its arguments."""
    marks = ", ".join(["%s"] * len(row))
    return f"insert into public.webhook_configurations ({', '.join(row)}) values ({marks}) {end}", list(row.values())


@pytest.mark.parametrize("wrong", WRONG, ids=[f"{n}-{next(iter(wrong))}" for n, wrong in enumerate(WRONG)])
def test_rows(db: Database, endpoint: Callable[..., str], directory: Path, wrong: dict[str, Any]) -> None:
    """Inserted, updated and upserted with what they may not hold, by a server."""
    db.execute("alter table public.webhook_configurations add check (name not like 'of the app%')")
    config = endpoint(secret_key=SECRET, headers=json.dumps(HEADERS))
    log = directory.glob("postgres-*/*.log")
    before = {file: file.stat().st_size for file in log}
    db.execute("set role service_role")
    row = {**RIGHT, **wrong}
    said = told(db, *insert(row))
    if "id" not in wrong:
        every = ", ".join(f"{name} = excluded.{name}" for name in row)
        said += told(db, *insert({"id": config, **row}, f"on conflict (id) do update set {every}"))
        said += told(
            db,
            f"update public.webhook_configurations set {', '.join(f'{name} = %s' for name in row)} where id = %s",
            [*row.values(), config],
        )
    assert WORD not in said
    for file, size in before.items():
        with file.open() as lines:
            lines.seek(size)
            assert WORD not in lines.read()


def test_an_upsert_still_moves_what_it_holds(db: Database, endpoint: Callable[..., str]) -> None:
    """Of several rows at once, with null for what stays and an empty value for what goes."""
    configs = [endpoint(secret_key=f"secret {n}", headers='{"X-Team": "a"}') for n in range(3)]
    db.execute("set role service_role")
    db.execute(
        "insert into public.webhook_configurations (id, name, url, events, secret_key, headers)"
        " select i::uuid, 'new', 'https://example.com', '{*}', s, h::jsonb"
        " from unnest(%s::text[], %s::text[], %s::text[]) as t (i, s, h)"
        " on conflict (id) do update"
        " set name = excluded.name, secret_key = excluded.secret_key, headers = excluded.headers",
        (configs, ["changed", None, ""], ["{}", '{"X-Team": "b"}', None]),
    )
    db.execute("reset role")
    found = db.execute(
        "select webhook_config_id::text as id, secret_key, headers from webhooks.endpoint_secrets"
    ).fetchall()
    assert {row["id"]: (row["secret_key"], row["headers"]) for row in found} == {
        configs[0]: ("changed", None),
        configs[1]: ("secret 1", {"X-Team": "b"}),
        configs[2]: (None, {"X-Team": "a"}),
    }
    rows = db.execute("select secret_key, headers from public.webhook_configurations").fetchall()
    assert rows == [{"secret_key": None, "headers": None}] * 3


def test_functions(db: Database, endpoint: Callable[..., str]) -> None:
    """Each that takes or reads a secret, as an admin and as a server."""
    config = endpoint(secret_key=SECRET, headers=json.dumps(HEADERS))
    settings = {"name": "a", "url": "https://example.com", "events": ["*"], "headers": HEADERS}
    changes: list[Any] = [
        {**settings, **{name: json.loads(value) if name == "headers" else value for name, value in wrong.items()}}
        for wrong in WRONG
        if next(iter(wrong)) in COLUMNS
    ]
    odd = {
        "events": 1,
        "max_attempts": {},
        "expires_after": "x",
        "retry_schedule": ["x"],
        "nothing": 1,
        "is_active": "x",
    }
    changes += [[SECRET], SECRET, *({**settings, name: value} for name, value in odd.items())]
    said = ""
    for value in changes:
        given = json.dumps(value)
        said += told(db, "select public.create_webhook_endpoint(%s)", (given,))
        said += told(db, "select public.update_webhook_endpoint(%s, %s)", (config, given))
        write = json.dumps({"settings": value, "webhook_config_id": config, "changes": value})
        for action in ("create_endpoint", "update_endpoint"):
            said += told(db, "select public.webhook_admin_write(%s, %s, %s)", (action, write, "key"))
    for sealed in ("", None, "not sealed", f"{WORD}:x"):
        said += told(db, "select public.replace_webhook_secret(%s, %s, %s)", (config, SECRET, sealed))
    for overlap in ("-1 day", "31 days", None):
        said += told(db, "select public.rotate_webhook_secret(%s, %s::interval)", (config, overlap))
    said += told(db, "select public.rotate_webhook_secret(%s, %s)", ("00000000-0000-0000-0000-000000000000", "1 day"))
    assert WORD not in said
    # and a user, who may not, learns nothing by trying
    as_admin(db)
    assert WORD not in told(db, "select * from webhooks.endpoint_secrets", ())
    db.execute("reset role")
    assert call(db, "list_webhook_secrets")[0]["secret_key"] == SECRET
