"""The frame: help, exit codes, completion, and the commands that need no server."""

from __future__ import annotations

from devstack.processes import free_port
from tests.cli.conftest import run, start
from webhooks.signing import key_bytes

NEEDED = {"SUPABASE_SERVICE_ROLE_KEY": "sb_secret_geheim", "REDIS_URL": "redis://127.0.0.1:1"}


def test_help_names_every_command() -> None:
    """The list that the issue asks for."""
    out = run("--help").out
    wanted = (
        "dev gateway worker migrate doctor endpoints events deliveries dispatch listen stats secret migrations adopt "
        "uninstall"
    )
    assert [name for name in wanted.split() if f" {name} " not in out] == []
    assert [
        name
        for name in ("list", "show", "tail", "retry", "replay", "purge")
        if name not in run("deliveries", "--help").out
    ] == []


def test_as_a_process() -> None:
    """`python -m webhooks.cli`, with output and exit code of a process."""
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


def test_supabase_away_exits_with_3() -> None:
    """And the key is not in the error."""
    done = run("stats", variables={**NEEDED, "SUPABASE_URL": f"http://127.0.0.1:{free_port()}"})
    assert done.code == 3
    assert "Supabase did not answer webhook_overview" in done.err
    assert "geheim" not in done.err


def test_wrong_calls_exit_with_2() -> None:
    """Arguments that cannot be meant, with a right one."""
    variables = {**NEEDED, "SUPABASE_URL": "http://127.0.0.1:1"}
    for arguments, text in (
        (["deliveries", "list", "--since", "yesterday"], "2026-01-31"),
        (["deliveries", "show", "x"], "valid"),
        (["dispatch", "user.joined_community"], "--example"),
        (["dispatch", "user.joined_community", "--data", "{"], "no JSON"),
        (["deliveries", "purge", "--older-than", "0"], "no span of time"),
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
