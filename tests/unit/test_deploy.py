"""What hosts get: unit files, manifests and the image agree with the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from typer.main import get_command

from supabase_webhooks.webhooks.cli.root import app
from supabase_webhooks.webhooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))

SHUTDOWN = Settings.__dataclass_fields__["shutdown_seconds"].default


def manifests() -> list[dict]:
    return list(yaml.safe_load_all((ROOT / "deploy/kubernetes/webhooks.yaml").read_text()))


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every command line that a deployment file starts, without the program."""
    for unit in UNITS:
        line = re.search(r"^ExecStart=/opt/webhooks/bin/webhooks (.*)$", unit.read_text(), re.MULTILINE)
        assert line, unit
        yield unit.name, line[1].split()
    for manifest in manifests():
        if manifest["kind"] == "Deployment":
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]["containers"][0]["args"]
    for name, service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].items():
        if "build" in service:
            yield f"compose {name}", service["command"]
    fly = tomllib.loads((ROOT / "deploy/fly/fly.toml").read_text())
    yield "fly", fly["processes"]["app"].split()
    run = yaml.safe_load((ROOT / "deploy/cloud-run/service.yaml").read_text())
    yield "cloud run", run["spec"]["template"]["spec"]["containers"][0]["args"]
    image = re.search(r"^CMD \[(.*)\]$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert image
    yield "image", [word.strip().strip('"') for word in image[1].split(",")]


@pytest.mark.parametrize(("name", "words"), list(commands()), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_started_exists(name: str, words: list[str]) -> None:
    """Each command and each of its options is one of the command line's."""
    command = get_command(app).commands[words[0]]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, name


def test_every_host_waits_longer_than_a_shutdown_takes() -> None:
    """Or what is in flight is cut off and delivered twice."""
    for unit in UNITS:
        assert int(re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)[1]) > SHUTDOWN
    for manifest in manifests():
        if manifest["kind"] == "Deployment":
            assert manifest["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > SHUTDOWN
    for service in yaml.safe_load((ROOT / "compose.yaml").read_text())["services"].values():
        if "build" in service:
            assert int(service["stop_grace_period"].removesuffix("s")) > SHUTDOWN
    assert int(tomllib.loads((ROOT / "deploy/fly/fly.toml").read_text())["kill_timeout"].removesuffix("s")) > SHUTDOWN


@pytest.mark.skipif(
    not shutil.which("systemd-analyze") and not os.environ.get("CI"),
    reason="needs systemd-analyze (apt install systemd)",
)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_units(unit: Path, tmp_path: Path) -> None:
    """Every line is one that systemd knows."""
    copy = tmp_path / unit.name
    # it looks for the program, which is not installed here
    copy.write_text(unit.read_text().replace("/opt/webhooks/bin/webhooks", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_image_gets_all_that_is_installed(tmp_path: Path) -> None:
    """Of what the Docker build sees a wheel can be built, with every module in it."""
    seen = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    source = tmp_path / "source"
    for name in seen:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    uv = shutil.which("uv") or str(ROOT / ".devstack/uv/bin/uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", tmp_path, source], check=True)
    shipped = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    for name in ("gateway", "workers", "webhooks"):
        modules = {f"supabase_webhooks/{path.relative_to(ROOT)}" for path in (ROOT / name).rglob("*.py")}
        assert modules - set(shipped) == set()
