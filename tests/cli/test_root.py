"""The frame: help, exit codes, completion, and the commands that need no server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

from devstack.processes import free_port
from supabase_webhooks.webhooks.signing import key_bytes
from tests.cli.conftest import run, start

NEEDED = {"SUPABASE_SERVICE_ROLE_KEY": "sb_secret_geheim", "REDIS_URL": "redis://127.0.0.1:1"}


def test_help_names_every_command() -> None:
    """The list that the issue asks for."""
    out = run("--help").out
    wanted = (
        "dev gateway worker migrate doctor endpoints events deliveries dispatch listen receive stats secret "
        "migrations adopt uninstall trigger resend test verify plan apply export login logout"
    )
    assert [name for name in wanted.split() if f" {name} " not in out] == []
    assert [
        name
        for name in ("list", "show", "tail", "retry", "replay", "purge")
        if name not in run("deliveries", "--help").out
    ] == []


def test_as_a_process() -> None:
    """`python -m supabase_webhooks.webhooks.cli`, with output and exit code of a process."""
    process = start("gateway")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("webhooks: set SUPABASE_URL")


def test_wrong_settings_exit_with_2() -> None:
    """One line on stderr that names the variable; nothing on stdout, no trace."""
    for command in (["gateway"], ["worker"], ["stats", "--json"]):
        done = run(*command)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("webhooks: set SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY")
        assert done.err.count("\n") == 1


@pytest.mark.parametrize("redirection", [">/dev/full", ">/dev/full 2>/dev/full", ">&-", ">&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("command", ["--help", "secret", "stats", "endpoints --help", "no-such-command"])
def test_a_full_disk_is_one_line(command: str, redirection: str) -> None:
    """Or a closed descriptor: no trace."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m supabase_webhooks.webhooks.cli {command} {redirection}"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode in {0, 1, 2}
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if redirection == ">/dev/full" and command in {"--help", "secret", "endpoints --help"}:
        assert (done.returncode, done.stderr) == (1, "webhooks: the output: No space left on device\n")


@pytest.mark.parametrize(
    "variables",
    [{"LC_ALL": "xx_YY.UTF-8"}, {"LANG": "nowhere"}, {"PYTHONIOENCODING": "cp1252"}, {"PYTHONIOENCODING": "ascii"}],
)
def test_what_a_terminal_cannot_show_is_escaped(variables: dict[str, str], tmp_path: Path) -> None:
    """Unknown locales, Windows's code page, ASCII: text as far as it goes, and JSON that a program reads."""
    script = tmp_path / "shown.py"
    script.write_text(
        "from supabase_webhooks.webhooks.cli import output, root\n"
        "value = {'name': 'Łódź 🎉'}\n"
        "root.app = lambda **_: (output.print_json(value), output.print_line(value),"
        " output.print_table([value], ['name']), output.note('Łódź 🎉'))\n"
        "root.run()\n"
    )
    done = subprocess.run([sys.executable, script], env={**os.environ, **variables}, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    shown = done.stdout.decode(errors="replace")
    assert json.loads(shown[: shown.index("}") + 1]) == {"name": "Łódź 🎉"}
    assert done.stderr


def test_a_proxy_that_cannot_be_used_is_one_line() -> None:
    """By whichever command asks Supabase, and by the processes."""
    variables = {**NEEDED, "SUPABASE_URL": "http://127.0.0.1:1", "ALL_PROXY": "socks5://u:geheim@127.0.0.1:1"}
    for command in (["gateway"], ["worker"], ["stats"], ["doctor"], ["endpoints", "list"]):
        done = run(*command, variables=variables)
        assert "Traceback" not in done.err
        assert "ALL_PROXY" in done.err + done.out
        assert "geheim" not in done.err + done.out


def test_supabase_away_exits_with_3() -> None:
    """And the key is not in the error."""
    done = run("stats", variables={**NEEDED, "SUPABASE_URL": f"http://127.0.0.1:{free_port()}"})
    assert done.code == 3
    assert "Supabase did not respond to webhook_overview" in done.err
    assert "geheim" not in done.err


def test_wrong_calls_exit_with_2() -> None:
    """Arguments that cannot be meant, with a right one."""
    variables = {**NEEDED, "SUPABASE_URL": "http://127.0.0.1:1"}
    for arguments, text in (
        (["deliveries", "list", "--since", "yesterday"], "2026-01-31"),
        (["deliveries", "show", "x"], "valid"),
        (["dispatch", "user.joined_community"], "--example"),
        (["dispatch", "user.joined_community", "--data", "{"], "not valid JSON"),
        (["deliveries", "purge", "--older-than", "0"], "not a duration"),
    ):
        done = run(*arguments, variables=variables)
        assert done.code == 2, arguments
        assert text in done.err


def test_completion() -> None:
    """A shell gets its script, and by it the names of commands."""
    undetected = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for shell in ("bash", "zsh", "fish"):
        assert "_WEBHOOKS_COMPLETE" in run("--show-completion", shell, variables=undetected).out, shell
    asked = {"_WEBHOOKS_COMPLETE": "complete_bash", "COMP_WORDS": "webhooks deliveries re", "COMP_CWORD": "2"}
    assert run(variables=asked).out.split() == ["replay", "retry"]


def test_secret() -> None:
    """32 bytes, for a person or a program."""
    assert len(key_bytes(run("secret").out.strip())) == 32
    assert len(key_bytes(run("secret", "--json").out.split('"')[3])) == 32


def test_the_version() -> None:
    """`--version` prints what is installed, whatever else is missing in the environment."""
    done = subprocess.run(
        [sys.executable, "-m", "supabase_webhooks.webhooks.cli", "--version"],
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"webhooks {metadata.version('supabase-webhooks')}\n"
