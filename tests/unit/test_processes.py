"""Children end with their parent, and say why when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devstack.errors import ChildDiedError, NotReadyError
from devstack.processes import Child, free_port

PARENT = """
import sys, time
from pathlib import Path
from devstack.processes import Child, exit_on_sigterm, free_port
exit_on_sigterm()
child = Child("sleeper", ["sleep", "600"], log=Path(sys.argv[1]))
print(child.pid, flush=True)
if sys.argv[2] == "crash":
    raise RuntimeError("during start-up")
time.sleep(600)
"""


def alive(pid: int) -> bool:
    """Return whether a process lives (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
@pytest.mark.parametrize("end", ["kill", "term", "crash"])
def test_a_child_ends_with_its_parent(tmp_path: Path, end: str) -> None:
    """Killed, terminated, or crashed during start-up."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path / "log", end],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert parent.stdout
    with parent.stdout:
        child = int(parent.stdout.readline())
    if end != "crash":
        assert alive(child)
        os.kill(parent.pid, signal.SIGKILL if end == "kill" else signal.SIGTERM)
    parent.wait(20)
    deadline = time.monotonic() + 20
    while alive(child):
        assert time.monotonic() < deadline, "the child outlived its parent"
        time.sleep(0.02)


def test_a_child_that_dies_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """The error names the child, its exit code, its log and the last lines."""
    child = Child("broken", ["sh", "-c", "seq 100; echo the reason; exit 3"], log=tmp_path / "log")
    with pytest.raises(ChildDiedError, match="broken ended with exit code 3") as caught:
        child.wait_ready(lambda: False)
    assert "the reason" in str(caught.value)
    assert "\n    81\n" not in str(caught.value)


def test_a_child_that_does_not_get_ready(tmp_path: Path) -> None:
    """The error says how long it was waited for."""
    child = Child("slow", ["sleep", "60"], log=tmp_path / "log")
    with pytest.raises(NotReadyError, match=r"slow was not ready after 0.2 s"):
        child.wait_ready(lambda: False, seconds=0.2)
    child.stop()
    assert not child.running()


def test_a_free_port_is_none_that_outgoing_connections_get() -> None:
    """A server that is started again must find its port as it left it."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {free_port() for _ in range(50)}
    assert max(ports) < lowest
    assert len(ports) > 40
