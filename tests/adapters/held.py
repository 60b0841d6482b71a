"""What this process holds: sockets, threads and memory, and whether they grow with what it does."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import resource
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

#: Rounds after the first one.
ROUNDS = 4


async def again_and_again(exchanges: Callable[[], Awaitable[int]], *, at_least: int, memory: int = 32_000_000) -> None:
    """Repeat the exchanges until a round adds no socket, no thread, and fewer bytes of memory than given.

    What leaks adds some in every round. Whatever an SDK keeps comes in the first ones; the memory of gRPC's threads,
    and what malloc cannot give back between larger pieces, swings by tens of MB.
    """
    may_add = {"sockets": 0, "threads": 0, "memory": memory}
    count = await exchanges()
    added: dict[str, int] = {}
    for _ in range(ROUNDS):
        before = held()
        count += await exchanges()
        for _ in range(100):
            added = {kind: now - before[kind] for kind, now in held().items() if now - before[kind] > may_add[kind]}
            if not added:
                assert count >= at_least, count
                return
            await asyncio.sleep(0.05)
    pytest.fail(f"each of {ROUNDS} rounds added to what this process has, the last one {added}")


def held() -> dict[str, int]:
    """Return this process's sockets, threads and bytes, without garbage and what malloc keeps of ended threads."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return {"sockets": open_sockets(), "threads": running_threads(), "memory": memory()}


def open_sockets() -> int:
    """Return how many sockets this process has, its receivers' included."""
    found = 0
    for one in Path("/proc/self/fd").iterdir():
        # another thread may have closed it meanwhile
        with contextlib.suppress(FileNotFoundError):
            found += str(one.readlink()).startswith("socket:")
    return found


def running_threads() -> int:
    """Return how many threads run besides those that asyncio keeps for `to_thread`."""
    return sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate())


def memory() -> int:
    """Return the bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def eventually(true: Callable[[], bool]) -> None:
    """Wait for it, ten seconds at most."""
    for _ in range(200):
        if true():
            return
        await asyncio.sleep(0.05)
    assert true(), "not within ten seconds"
