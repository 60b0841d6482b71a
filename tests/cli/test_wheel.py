"""The wheel in an environment of its own: what is shipped starts, and brings no name that an adopter may have."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devstack.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

UV = shutil.which("uv") or str(ROOT / ".devstack/uv/bin/uv")

#: Enough to import everything; nothing is connected.
SETTINGS = {
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x",
    "REDIS_URL": "redis://127.0.0.1:1",
}


def call(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from the source distribution as a release is."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([UV, "build", "--quiet", "--out-dir", folder], cwd=ROOT, check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The programs of an environment that has nothing but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("empty")
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True)
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", folder / "venv/bin/python", wheel], check=True, cwd=folder
    )
    return folder / "venv/bin"


def test_one_name_at_the_top(wheel: Path) -> None:
    """And none of `gateway`, `workers`, `webhooks` or `tests`, which an adopter may have."""
    names = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"supabase_webhooks"}


def test_every_module_is_in_it(wheel: Path) -> None:
    """As are templates, static files and migrations."""
    shipped = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", "gateway", "workers", "webhooks"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    if not tracked:
        pytest.skip("no git here")
    assert {f"supabase_webhooks/{name}" for name in tracked} - shipped == set()
    assert sum(name.startswith("supabase_webhooks/webhooks/migrations/") for name in shipped) == 3


def test_it_starts(programs: Path, tmp_path: Path) -> None:
    """The command line, the migrations it copies, a gateway and a worker."""
    assert call(programs / "webhooks", "--version", cwd=tmp_path).startswith("webhooks ")
    (tmp_path / "migrations").mkdir()
    call(programs / "webhooks", "migrations", "migrations", cwd=tmp_path)
    assert list((tmp_path / "migrations").glob("*_webhooks.sql"))
    code = (
        "from supabase_webhooks.gateway.main import app\n"
        "from supabase_webhooks.workers.main import main\n"
        "print(app().openapi_schema.info.title)"
    )
    assert call(programs / "python", "-c", code, cwd=tmp_path, **SETTINGS) == "Webhook gateway\n"


@pytest.mark.parametrize(
    ("command", "says"),
    [("gateway", "Uvicorn running"), ("serve", "delivering"), ("worker", "Event loop is running")],
)
def test_each_process_starts(programs: Path, tmp_path: Path, command: str, says: str) -> None:
    """As its own program, which the command becomes: without the repository's folders on its path."""
    with subprocess.Popen(
        [programs / "webhooks", command, *([] if command == "worker" else ["--port", str(free_port())])],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **SETTINGS},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        lines: list[str] = []
        for line in process.stderr:
            lines.append(line)
            if says in line:
                break
        process.terminate()
        process.stderr.read()
    assert says in lines[-1], "".join(lines)
