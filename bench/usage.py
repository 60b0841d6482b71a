"""What processes use, and the machine: CPU seconds and memory, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection

TICKS = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """Return a process and all that stem from it."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:  # it ended meanwhile
                continue
    return found


class Machine(NamedTuple):
    """CPU seconds of all cores together since the machine's start: in use (by whomever), and in all."""

    busy: float
    total: float


def machine() -> Machine:
    """Return the machine's CPU seconds, from /proc/stat."""
    user, nice, system, idle, waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    busy = user + nice + system + sum(rest)
    return Machine(busy / TICKS, (busy + idle + waiting) / TICKS)


def cpu(root: int, without: Collection[int] = ()) -> float:
    """Return the CPU seconds of a process and all that stem from it, ended children included."""
    return sum(_cpu(pid, ended=True) for pid in tree(root) if pid not in without)


def on_cpu(pid: int) -> float:
    """Return the CPU seconds of one process, to the microsecond (the first field of /proc/PID/schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def each(root: int, without: Collection[int] = ()) -> dict[int, float]:
    """Return the CPU seconds of a process and of each that stems from it, by process id."""
    return {pid: _cpu(pid, ended=False) for pid in tree(root) if pid not in without}


def peak(root: int) -> float:
    """Return the most memory, in MB, that any one process of a tree has used."""
    return max(_memory(pid, "VmHWM:") for pid in tree(root))


def resident(root: int) -> dict[int, float]:
    """Return the memory, in MB, that each process of a tree uses now."""
    return {pid: _memory(pid, "VmRSS:") for pid in tree(root)}


def _cpu(pid: int, *, ended: bool) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    # user and system time, then those of the children that have ended
    return sum(map(int, fields[11 : 15 if ended else 13])) / TICKS


def _memory(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name)), 0.0)
