"""A real Chromium for tests and screenshots: whichever the machine has."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from devstack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

#: In order; CHROMIUM in the environment comes first. Debian's package is chromium, GitHub's runners have google-chrome.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def program() -> str | None:
    """Return the browser's path, or None when there is none."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run it without a window. Raises StackError when there is none."""
    path = program()
    if path is None:
        raise StackError("there is no Chromium on this machine: apt-get install chromium, or set CHROMIUM to its path")
    # root cannot have Chromium's sandbox; what it opens is our own page
    flags = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()
