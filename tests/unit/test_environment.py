"""`.env`: what the environment lacks comes from it, whatever is in it, and nothing of it is obeyed."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supabase_webhooks.webhooks.environment import MOST, load, read, write
from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.gitignore import ignore

if TYPE_CHECKING:
    from pathlib import Path

#: What a line ends with, by any reader's count: no setting has it.
ENDS = "\0\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"

HOST = "SUPABASE_URL=https://x.supabase.co\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, below another one."""
    path = tmp_path / "app"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


def loaded(**environment: str) -> dict[str, str]:
    """Return an environment, completed."""
    load(environment)
    return environment


def test_the_environment_wins(folder: Path) -> None:
    """Even with an empty value. Comments, quotes, `export`, and Windows's line ends and mark are understood."""
    (folder / ".env").write_bytes(
        b"\xef\xbb\xbf# ours\r\nSUPABASE_URL=https://x.supabase.co\r\nexport REDIS_URL='redis://x' # local\r\n"
        b'\r\nWEBHOOKS_USER_AGENT="Shop Webhook/1.0"\r\nWEBHOOKS_PROJECT=shop\r\n'
    )
    assert loaded(SUPABASE_URL="https://mine.supabase.co", WEBHOOKS_PROJECT="") == {
        "SUPABASE_URL": "https://mine.supabase.co",
        "REDIS_URL": "redis://x",
        "WEBHOOKS_USER_AGENT": "Shop Webhook/1.0",
        "WEBHOOKS_PROJECT": "",
    }


def test_only_of_this_folder(folder: Path) -> None:
    """Not of a parent; a virtual environment named `.env` is not a file of settings."""
    (folder.parent / ".env").write_text(HOST)
    assert loaded() == {}
    (folder / ".env").mkdir()
    assert loaded() == {}


def test_another_file(folder: Path) -> None:
    """By name, which must exist then; or none."""
    (folder / ".env").write_text(HOST)
    (folder / "production.env").write_text("REDIS_URL=redis://production\n")
    assert loaded(WEBHOOKS_ENV_FILE="production.env")["REDIS_URL"] == "redis://production"
    assert loaded(WEBHOOKS_ENV_FILE="") == {"WEBHOOKS_ENV_FILE": ""}
    with pytest.raises(SettingsError, match=r"WEBHOOKS_ENV_FILE names missing\.env, which is not a file"):
        loaded(WEBHOOKS_ENV_FILE="missing.env")


@pytest.mark.parametrize(
    "name",
    [
        "PATH", "LD_PRELOAD", "PYTHONPATH", "PYTHONSTARTUP", "HTTPS_PROXY", "https_proxy", "ALL_PROXY",
        "SSL_CERT_FILE", "SSLKEYLOGFILE", "AWS_CONFIG_FILE",
        "AWS_PROFILE", "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "HOME", "PGHOST",
        "PGPASSFILE", "OTEL_PYTHON_CONFIGURATOR", "XSUPABASE_URL", "GIT_DIR", "dramatiq_queue_prefetch",
    ],
)  # fmt: skip
def test_what_other_programs_obey_is_not_taken(folder: Path, name: str) -> None:
    """A stranger's folder neither runs programs nor reads the traffic."""
    (folder / ".env").write_text(f"{name}=/tmp/evil\n{HOST}")
    assert loaded() == {"SUPABASE_URL": "https://x.supabase.co"}


@pytest.mark.parametrize(
    "value", ["$HOME", "${SUPABASE_URL}", "$(touch pwned)", "`touch pwned`", "a$b", "!!", "~", "%s"]
)
def test_a_value_is_what_is_written(folder: Path, value: str) -> None:
    """Nothing in it is replaced or run."""
    for quoted in (value, f"'{value}'", f'"{value}"'):
        (folder / ".env").write_text(f"WEBHOOKS_DISPATCH_TOKEN={quoted}\n")
        assert loaded()["WEBHOOKS_DISPATCH_TOKEN"] == value
    assert not (folder / "pwned").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (HOST.encode() + b"sb_secret_geheim\n= 1 geheim", "line 3, is not NAME=value"),
        (b"WEBHOOKS_DISPATCH_TOKEN='geheim\n", "line 1, is not NAME=value"),
        (b'A={\n  "key": "geheim"\n}\n', "line 2, is not NAME=value; put a value of several lines in quotes"),
        (b"\xff\xfegeheim", "is not UTF-8 text"),
        (b"WEBHOOKS_DISPATCH_TOKEN=geheim\0x\n", "WEBHOOKS_DISPATCH_TOKEN contains a zero byte"),
        (b"A=geheim\n" * (MOST // 8), "is it the right file"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, content: bytes, message: str) -> None:
    """With its line, without its value; and nothing is written into such a file."""
    (folder / ".env").write_bytes(content)
    for attempt in (loaded, lambda: write(folder / ".env", {"REDIS_URL": "redis://x"})):
        if attempt is not loaded and "zero byte" in message:
            continue
        with pytest.raises(SettingsError, match=message) as raised:
            attempt()
        assert "geheim" not in str(raised.value)
    assert (folder / ".env").read_bytes() == content


@given(
    values=st.dictionaries(
        st.from_regex(r"WEBHOOKS_[A-Z]{1,8}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters=ENDS)).map(str.strip).filter(bool),
        max_size=5,
    ),
    before=st.sampled_from(["", "# mine\nOTHER='a b'\n", "OTHER=1", "export OTHER=x # y\r\n\r\n"]),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_what_is_written_is_read(tmp_path: Path, values: dict[str, str], before: str) -> None:
    """Any text, whatever is in the file already, which stays; only the owner can read it."""
    file = tmp_path / ".env"
    file.write_bytes(before.encode())
    file.chmod(0o644)
    write(file, values)
    assert read(file).items() >= values.items()
    assert file.read_bytes().startswith(before.encode())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [".env"]


def test_empty_values_and_examples_are_replaced(tmp_path: Path) -> None:
    """In their place; a value that is there is not."""
    file = tmp_path / ".env"
    file.write_text(
        "# the project\nSUPABASE_URL=https://<ref>.supabase.co\nREDIS_URL=\nWEBHOOKS_PROJECT=shop\nREDIS_URL=\n"
    )
    write(file, {"SUPABASE_URL": "https://x.supabase.co", "REDIS_URL": "redis://x", "WEBHOOKS_ALERT_SLACK_URL": "a b"})
    assert file.read_text() == (
        "# the project\nSUPABASE_URL=https://x.supabase.co\nREDIS_URL=redis://x\nWEBHOOKS_PROJECT=shop\n"
        "WEBHOOKS_ALERT_SLACK_URL='a b'\n"
    )


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """A second line in a value would be another setting; a link may lead anywhere."""
    file, elsewhere = tmp_path / ".env", tmp_path / "profile"
    elsewhere.write_text("# mine\n")
    file.symlink_to(elsewhere)
    with pytest.raises(SettingsError, match="is a link to"):
        write(file, {"REDIS_URL": "redis://x"})
    for value in ("a\nPATH=b", "a\rb", "a\0b"):
        with pytest.raises(SettingsError, match="REDIS_URL must be one line"):
            write(elsewhere, {"REDIS_URL": value})
    assert elsewhere.read_text() == "# mine\n"
    assert {one.name for one in tmp_path.iterdir()} == {".env", "profile"}


def test_git_ignores_it(folder: Path) -> None:
    """By a line that is added once; a file that git tracks already is said to be."""
    file = folder / ".env"
    assert ignore(file) == "no repository"
    git(folder, "init", "--quiet")
    (folder / ".gitignore").write_text("dist/")
    assert [ignore(file), ignore(file)] == ["added", "ignored"]
    assert (folder / ".gitignore").read_text() == "dist/\n.env\n"
    file.write_text(HOST)
    git(folder, "add", "--force", ".env")
    assert ignore(file) == "tracked"


def git(folder: Path, *arguments: str) -> None:
    """Run git, without a person's own configuration."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
