"""The portal of packages/portal, built and packed by the TypeScript and npm of devstack/node."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.errors import StackError
from devstack.node import environment, install, node, package

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).parent.parent / "packages" / "portal"
FILES = ("package.json", "tsconfig.json", "README.md", "LICENSE")


def build() -> Path:
    """Build the package, unless it is built; return its folder dist. Raises StackError with the compiler's report."""
    with copied() as folder:
        stamp, wanted = folder / "built", digest()
        if not (stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder / "dist", ignore_errors=True)
            run(folder, "typescript/bin/tsc")
            stamp.write_text(wanted)
        return folder / "dist"


def check() -> None:
    """Check its types. Raises StackError with the compiler's report."""
    with copied() as folder:
        run(folder, "typescript/bin/tsc", "--noEmit")


def pack(target: Path) -> Path:
    """Build the package and pack it into the folder `target`, as `npm publish` would; return the tarball."""
    build()
    with copied() as folder:
        return target / npm(folder, "pack", "--silent", "--pack-destination", target).strip()


@contextmanager
def copied() -> Iterator[Path]:
    """Copy the package to where its dependencies are; the folder is the caller's alone until it leaves."""
    folder = install(say=lambda _: None) / "portal"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in FILES:
            shutil.copyfile(SOURCE / name, folder / name)
        shutil.rmtree(folder / "src", ignore_errors=True)
        shutil.copytree(SOURCE / "src", folder / "src")
        yield folder


def digest() -> str:
    """Return a fingerprint of all that the build is made of."""
    files = [SOURCE / name for name in FILES] + sorted((SOURCE / "src").iterdir())
    return hashlib.sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()


def npm(folder: Path, *arguments: str | Path) -> str:
    """Run npm in a folder; return what it prints. Raises StackError with its report."""
    return _output([node(), package() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js", *arguments], folder)


def run(folder: Path, program: str, *arguments: str | Path) -> str:
    """Run a program of the npm packages in a folder; return what it prints. Raises StackError with its report."""
    modules = next(
        parent / "node_modules" for parent in (folder, *folder.parents) if (parent / "node_modules").exists()
    )
    return _output([node(), modules / program, *arguments], folder)


def _output(command: list[str | Path], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise StackError(f"{' '.join(map(str, command[1:]))} failed in {folder}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    check()
