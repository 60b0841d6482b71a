"""The portal of packages/portal, built by the TypeScript of devstack/node."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from devstack.errors import StackError
from devstack.node import environment, install, node

SOURCE = Path(__file__).parent.parent / "packages" / "portal"


def copy() -> Path:
    """Copy the package to where its dependencies are, and return that folder."""
    target = install(say=lambda _: None) / "portal"
    target.mkdir(exist_ok=True)
    for name in ("package.json", "tsconfig.json", "README.md"):
        shutil.copyfile(SOURCE / name, target / name)
    shutil.copytree(SOURCE / "src", target / "src", dirs_exist_ok=True)
    for old in (target / "src").iterdir():
        if not (SOURCE / "src" / old.name).exists():
            old.unlink()
    return target


def compile_portal(*options: str) -> Path:
    """Run its compiler in the copy; return that folder. A type error is an error with the compiler's report."""
    target = copy()
    tsc = target.parent / "node_modules" / "typescript" / "bin" / "tsc"
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [node(), tsc, "-p", target, *options], env=environment(), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise StackError(f"the portal does not compile:\n{done.stdout}{done.stderr}")
    return target


def build() -> Path:
    """Build the package; return its folder dist."""
    return compile_portal() / "dist"


if __name__ == "__main__":
    compile_portal("--noEmit")
