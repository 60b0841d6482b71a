"""The folder of Node's programs is renewed while servers start from it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from devstack import node

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_program_is_never_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who opened the old one reads all of it; one that is as it should be stays."""
    monkeypatch.setattr(node, "TARGET", tmp_path)
    lock = (node.SOURCE / "package-lock.json").read_bytes()
    (tmp_path / "installed").write_text(hashlib.sha256(lock).hexdigest())
    server = tmp_path / "server.mjs"
    server.write_text("// the old one")
    with server.open() as opened:
        node.install()
        assert opened.read() == "// the old one"
    assert server.read_bytes() == (node.SOURCE / "server.mjs").read_bytes()
    before = {file.name: file.stat() for file in tmp_path.iterdir() if file.name != "lock"}
    assert set(before) == {"installed", *(file.name for file in node.SOURCE.iterdir())}
    node.install()
    after = {file.name: file.stat() for file in tmp_path.iterdir() if file.name != "lock"}
    assert [(one.st_ino, one.st_mtime_ns) for one in before.values()] == [
        (after[name].st_ino, after[name].st_mtime_ns) for name in before
    ]
