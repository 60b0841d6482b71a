"""Types from a live catalog: tsc compiles them, Node dispatches through them, and the page is the one in docs/."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from devstack.node import environment, install, node
from tests.conftest import ROOT, quiet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.conftest import System

STRICT = {
    "compilerOptions": {
        "strict": True, "noUncheckedIndexedAccess": True, "exactOptionalPropertyTypes": True, "noUnusedLocals": True,
        "target": "es2022", "module": "nodenext", "lib": ["es2022", "dom"], "types": [], "noEmit": True,
        "allowImportingTsExtensions": True, "skipLibCheck": True,
    },
    "files": ["events.ts", "uses.ts"],
}  # fmt: skip
ORDER = {
    "type": "object", "required": ["id", "total"],
    "properties": {"id": {"type": "integer"}, "total": {"type": "number"}, "lines": {"type": "array"}},
}  # fmt: skip


def webhooks(system: System, *arguments: str) -> str:
    """Run the command line against the system's catalog; return what it printed."""
    settings = {"SUPABASE_URL": system.supabase.url, "SUPABASE_SERVICE_ROLE_KEY": system.supabase.keys.secret}
    command = [sys.executable, "-m", "supabase_webhooks.webhooks.cli", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_typescript(system: System, tmp_path: Path) -> None:
    """The platform's nine events and one that was defined: tsc accepts right uses only, and a dispatch arrives."""
    system.db.execute(
        "select public.webhook_define_event('order.placed', 'An order.', %s::jsonb, users_may_dispatch => true)",
        (json.dumps(ORDER),),
    )
    system.endpoint("http://127.0.0.1:9/")
    packages = install(say=quiet)
    (tmp_path / "node_modules").symlink_to(packages / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tsconfig.json").write_text(json.dumps(STRICT))
    (tmp_path / "events.ts").write_text(webhooks(system, "types", "typescript"))
    (tmp_path / "uses.ts").write_text((ROOT / "tests" / "e2e" / "uses.ts").read_text())
    tsc = packages / "node_modules" / "typescript" / "bin" / "tsc"
    compiled = subprocess.run([node(), tsc], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert compiled.returncode == 0, compiled.stdout + (tmp_path / "events.ts").read_text()

    keys = {"SUPABASE_URL": system.supabase.url, "PUBLISHABLE_KEY": system.supabase.keys.publishable}
    emit = ["--noEmit", "false", "--outDir", "out", "--rewriteRelativeImportExtensions"]
    subprocess.run([node(), tsc, *emit], cwd=tmp_path, check=True)
    run = subprocess.run([node(), "out/uses.js"], cwd=tmp_path, env={**environment(), **keys},
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert run.returncode == 0, run.stderr
    response = json.loads(run.stdout)
    assert response["placed"] == response["again"]
    assert "is not the signed-in user" in response["refused"]
    (row,) = system.rows()
    assert (str(row["request_id"]), row["payload"]["data"]) == (
        response["placed"]["request_id"],
        {"id": 1, "total": 12.5},
    )


def test_python_of_the_live_catalog(system: System, tmp_path: Path) -> None:
    """It compiles, and has a type for each of the nine."""
    text = webhooks(system, "types", "python")
    (tmp_path / "events.py").write_text(text)
    subprocess.run([sys.executable, "-W", "error", "events.py"], cwd=tmp_path, check=True)
    assert text.count("@overload") == 9
    assert "class UserJoinedCommunityPayload(TypedDict):" in text


def test_the_page_in_docs_is_the_catalog(system: System) -> None:
    """`webhooks events docs` on an empty project prints docs/event-catalog.md; with triggers, where each comes from."""
    assert webhooks(system, "events", "docs") == (ROOT / "docs" / "event-catalog.md").read_text()
    system.db.execute("create table public.members (user_id uuid primary key)")
    system.db.execute(
        "select public.webhook_attach('public.members', 'member.joined', 'insert', '[\"user_id\"]', 'user_id')"
    )
    page = webhooks(system, "events", "docs")
    assert "Emitted by the database: insert on public.members." in page
