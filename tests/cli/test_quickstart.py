"""docs/quickstart.md, command by command, on an empty project: it ends with a delivered event and a passing doctor."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg

from devstack.admins import Account, sign_in
from devstack.processes import free_port
from devstack.supabase_lite import SupabaseLite
from tests.cli.conftest import environment
from tests.cli.typing_terminal import Terminal as Typing
from tests.conftest import ROOT, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "quickstart.md").read_text()

#: The most commands, and the most words of the page.
COMMANDS, WORDS = 10, 400


def blocks(language: str) -> list[str]:
    """Return the page's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


class Terminal:
    """A shell in the reader's folder, with nothing in its environment but programs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = environment(
            {"PATH": path, "HOME": str(folder), "PYTHONUNBUFFERED": "1", "WEBHOOKS_ENV_FILE": ".env"}
        )

    def run(self, command: str) -> str:
        """Run a command to its end; return what it printed."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def start(self, command: str, until: str) -> Iterator[Path]:
        """Run a command in a terminal of its own once it has printed `until`; lend what it prints."""
        log = self.folder / f"{command.split()[1]}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.folder, env=self.environment, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                wait_for(log, until)
                yield log
            finally:
                process.terminate()
                process.wait()


def wait_for(log: Path, text: str) -> None:
    """Wait until a program has printed a text."""
    deadline = time.monotonic() + 60
    while text not in log.read_text():
        assert time.monotonic() < deadline, f"waited in vain for {text!r}:\n{log.read_text()}"
        time.sleep(0.1)


def test_it_is_short() -> None:
    """Ten commands and 400 words, code included."""
    assert sum(len(block.splitlines()) for block in blocks("bash")) <= COMMANDS
    assert len(PAGE.split()) <= WORDS


def test_it_leads_to_a_delivery(project: str, directory: Path, tmp_path: Path) -> None:
    """Each command as it stands, but for ports, the secret that was printed, and the installation."""
    # Given a project that is a server of this machine
    supabase = SupabaseLite(directory, project, name="quickstart", say=quiet)
    terminal = Terminal(tmp_path)
    ports = {"4242": str(free_port()), "8000": str(free_port())}

    def local(command: str) -> str:
        for port, free in ports.items():
            command = command.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free}")
        return command

    # When its commands run
    (install, init), (create, listen), (serve,), (dispatch, cron, doctor) = (
        block.splitlines() for block in blocks("bash")
    )
    assert install.split()[:2] == ["pip", "install"]
    with ExitStack() as running:
        running.callback(supabase.stop)
        supabase.start()
        # Lite grants everything to everyone at the first request for a table, before ours exist
        assert supabase._get("app?limit=0").is_success
        with Typing(["bash", "-c", init], folder=tmp_path, variables=terminal.environment) as typing:
            for question, reply in {
                "URL": supabase.url,
                "secret key": supabase.keys.secret,
                "publishable key": supabase.keys.publishable,
                "connection string": project,
                "name": "Shop",
                "email": "you@example.com",
                "cron": "",
                "receiver": "",
            }.items():
                typing.until(question)
                typing.type(reply, hidden="key" in question or "string" in question)
            assert typing.end() == 0, typing.shown
        password = re.search(r"(\S+) +\(shown only once\)", typing.shown)
        assert password
        (settings,) = blocks("ini")
        with (tmp_path / ".env").open("a") as file:
            file.write(settings)
        secret = re.search(r"whsec_\S+", terminal.run(local(create)))
        assert secret
        listen = listen.replace("whsec_...", secret[0]) + f" --port {ports['4242']}"
        received = running.enter_context(terminal.start(listen, "Listening on"))
        running.enter_context(terminal.start(f"{serve} --port {ports['8000']}", "Uvicorn running"))
        (sql,) = blocks("sql")
        with psycopg.connect(project) as db:
            db.execute(sql.encode())
        terminal.run(dispatch)
        terminal.run(local(cron))

        # Then the event arrives verified, the admin signs in, and the doctor finds nothing
        wait_for(received, "verified")
        assert "order.placed" in received.read_text()
        assert "NOT VERIFIED" not in received.read_text()
        assert sign_in(supabase, Account("you@example.com", password[1]))
        assert httpx.get(local("http://127.0.0.1:8000/sign-in"), trust_env=False).is_success
        findings = json.loads(terminal.run(f"{doctor} --json"))
        assert {finding["status"] for finding in findings} == {"ok"}
