"""The browser of the person at this machine."""

from __future__ import annotations

import asyncio
import subprocess
import sys

#: What opens a page, in a process of its own: what a browser prints must not reach this terminal.
SCRIPT = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"

#: Seconds between two looks at that process, and how many there are.
LOOK, LOOKS = 0.1, 50


async def open_page(url: str) -> bool:
    """Open a page; return False if there is no browser, as on a server. One that runs on has opened it."""
    process = _started(url)
    for _ in range(LOOKS):
        if process.poll() is not None:
            return process.returncode == 0
        await asyncio.sleep(LOOK)
    return True


def _started(url: str) -> subprocess.Popen[bytes]:
    # -I: without modules of the working directory. In a session of its own, it survives Ctrl-C, and a browser for
    # terminals (lynx, w3m) finds none and ends
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-I", "-c", SCRIPT, url], start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
