"""Sides: the system as it is, and as it was at an earlier revision, each a world of its own, measured in turns."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from bench.progress import say
from bench.world import DIRECTORY, ROOT, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Sides = dict[str, World]

#: The last commit before deliveries that arrive one by one were made cheap.
BEFORE = "24ef70e"


@contextmanager
def beside(world: World, revision: str) -> Iterator[Sides]:
    """Return a world of this checkout alongside one of a revision, where the repository has it; "" asks for none.

    Both run in this Python environment, with this checkout's receivers and callers.
    """
    with ExitStack() as stack:
        sides = {"this": world}
        if revision and (code := checkout(revision)):
            say(f"alongside {revision}")
            sides = {"before": stack.enter_context(World(code, DIRECTORY / "before")), "this": world}
        yield sides


def turns(sides: Sides, number: int) -> list[tuple[str, World]]:
    """Return the sides in the order of a round: it alternates, so that a drift of the machine favors neither."""
    order = list(sides.items())
    return order if number % 2 == 0 else order[::-1]


def checkout(revision: str) -> Path | None:
    """Return a folder with a revision's files, created once; None where the repository, or git, lacks it."""
    found = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found is None:
        say(f"without {revision}: the repository does not have it")
        return None
    folder = DIRECTORY / "revisions" / found.decode().strip()
    if not folder.exists():
        archive = _git("archive", "--format=tar", revision)
        assert archive
        aside = folder.with_suffix(".incomplete")
        shutil.rmtree(aside, ignore_errors=True)
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            # PEP 706; Python before 3.11.4 has no filter and ignores it
            files.extraction_filter = getattr(tarfile, "data_filter", None)
            files.extractall(aside)
        aside.rename(folder)
    return folder


def _git(*arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout
