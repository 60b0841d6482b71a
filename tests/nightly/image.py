"""Builds the Dockerfile without Docker: each instruction is run in a root directory that mmdebstrap creates.

Python's official image is replaced by Debian's Python of the same minor version. What is not checked is Docker itself:
layers, the registry, and its own isolation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The Debian release that python:3.13-slim is built on, and what stands for Python's own build in it.
RELEASE = "trixie"
PACKAGES = ["ca-certificates", "python3", "python3-pip", "python3-venv", "python-is-python3"]
MIRROR = "http://deb.debian.org/debian"

#: Debian's pip would not install where its own packages are; the official image has no such rule.
BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "PIP_BREAK_SYSTEM_PACKAGES": "1"}

#: How this machine reaches package registries, for the build only.
NETWORK = [Path("/etc/resolv.conf"), Path("/etc/ssl/certs/ca-certificates.crt")]


@dataclass
class Stage:
    """A stage of the build: its root, and what its instructions have set."""

    root: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(BASE_ENVIRONMENT))
    workdir: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def inside(self, command: list[str], *, setup: str = "true") -> list[str]:
        """Return a command line that runs another one in this root, as process 1, after a shell's `setup`."""
        prepare = f"{setup} && mount --bind /dev {self.root}/dev && mount -t proc proc {self.root}/proc"
        enter = f'exec chroot --userspec={self.user} {self.root} env --chdir={self.workdir} "$@"'
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*namespaces, "sh", "-c", f"{prepare} && {enter}", "sh", *command]

    def deployed(self, command: list[str]) -> list[str]:
        """Return a command line as `docker run --read-only --tmpfs /tmp` runs one."""
        root = self.root
        read_only = f"mount --bind {root} {root} && mount -o remount,bind,ro {root} && mount -t tmpfs tmpfs {root}/tmp"
        return self.inside(command, setup=read_only)


def instructions(dockerfile: Path) -> Iterator[tuple[str, str]]:
    """Yield each instruction and its arguments, with continued lines joined."""
    lines = [line for line in dockerfile.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = line.partition(" ")
        yield name, " ".join(rest.split())


def build(dockerfile: Path, directory: Path) -> Stage:
    """Run every instruction; return the last stage. An instruction that is unknown here raises KeyError."""
    base = directory / "base"
    subprocess.run(
        ["mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(PACKAGES)}", RELEASE, base, MIRROR],
        check=True,
    )
    stages: dict[str, Stage] = {}
    stage = Stage(base)
    for name, arguments in instructions(dockerfile):
        if name == "FROM":
            image, *alias = arguments.split(" AS ")
            assert image == f"python:{_python(base)}-slim"
            stage = Stage(directory / f"stage-{len(stages)}")
            stages[alias[0] if alias else ""] = stage
            subprocess.run(["cp", "--archive", base, stage.root], check=True)
        else:
            INSTRUCTIONS[name](stage, arguments, stages)
    return stage


def _python(root: Path) -> str:
    (found,) = (root / "usr" / "bin").glob("python3.[0-9][0-9]")
    return found.name.removeprefix("python")


def _run(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    for file in NETWORK:
        shutil.copy(file, stage.root / file.relative_to("/"))
    proxies = {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    certificates = {"SSL_CERT_FILE": str(NETWORK[1]), "PIP_CERT": str(NETWORK[1])}
    subprocess.run(
        stage.inside(["/bin/sh", "-c", arguments]),
        env={**proxies, **certificates, **stage.environment},
        check=True,
    )


def _set(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    for pair in arguments.split(" ") if '"' not in arguments else [arguments]:
        name, _, value = pair.partition("=")
        for known, its in stage.environment.items():
            value = value.replace(f"${known}", its)
        stage.environment[name] = value.strip('"')


def _copy(stage: Stage, arguments: str, stages: dict[str, Stage]) -> None:
    *origin, source, target = arguments.split(" ")
    folder = stage.root / stage.workdir.lstrip("/") / target if target[0] != "/" else stage.root / target.lstrip("/")
    if origin:
        shutil.copytree(stages[origin[0].removeprefix("--from=")].root / source.lstrip("/"), folder, symlinks=True)
        return
    assert source == "."
    for name in [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def _workdir(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    (stage.root / arguments.lstrip("/")).mkdir(parents=True, exist_ok=True)
    stage.workdir = arguments


def _user(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    stage.user = arguments


def _entrypoint(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    stage.entrypoint = json.loads(arguments)


def _command(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    stage.command = json.loads(arguments)


def _health(stage: Stage, arguments: str, _: dict[str, Stage]) -> None:
    stage.health = json.loads(arguments.partition(" CMD ")[2])


INSTRUCTIONS = {
    "ARG": _set,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _entrypoint,
    "ENV": _set,
    "EXPOSE": lambda *_: None,
    "HEALTHCHECK": _health,
    "RUN": _run,
    "USER": _user,
    "WORKDIR": _workdir,
}
