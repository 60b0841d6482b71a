"""`login`, `logout` and profiles: as a webhook admin or with the service key, against a real Supabase Auth."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import keyring
import keyring.backend
import keyring.errors
import pytest
from keyring.backends import fail

from supabase_webhooks.webhooks.cli.root import hoisted
from tests.cli.conftest import run, start
from tests.database.test_sign_in import give_factor
from tests.e2e.mfa import SecondFactors, totp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Done
    from tests.e2e.conftest import System

    Webhooks = Callable[..., Done]

EMAIL = "ada@example.com"


class Home:
    """A user's home: commands without a project in the environment."""

    def __init__(self, folder: Path, system: System) -> None:
        self.file = folder / "supabase-webhooks" / "profiles.json"
        self.variables = {
            "XDG_CONFIG_HOME": str(folder),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        }
        self._keys = system.supabase.keys
        self._url = system.supabase.url

    def __call__(self, *arguments: str, given: str = "", **variables: str) -> Done:
        """Run a command."""
        return run(*arguments, variables={**self.variables, **variables}, given=given)

    def as_user(self, password: str, *more: str, email: str = EMAIL) -> Done:
        """Log in as a user."""
        options = ["--url", self._url, "--publishable-key", self._keys.publishable, "--email", email]
        return self("login", *options, *more, given=f"{password}\n")

    def with_code(self, url: str, password: str, code: str) -> Done:
        """Log in with a second factor."""
        options = ["--url", url, "--publishable-key", self._keys.publishable, "--email", EMAIL]
        return self("login", *options, given=f"{password}\n{code}\n")

    def as_server(self, *more: str) -> Done:
        """Log in with the service key."""
        return self("login", "--service-key", *more, given=f"{self._url}/\n{self._keys.secret}\n")

    @property
    def stored(self) -> Any:
        """What the file holds."""
        return json.loads(self.file.read_text())

    def edit(self, **changes: Any) -> None:
        """Change the credential of the default profile in the file."""
        content = self.stored
        content["profiles"]["default"]["credential"] |= changes
        self.file.write_text(json.dumps(content))


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """Leave the machine's own keyring alone."""
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def home(tmp_path: Path, system: System) -> Home:
    """A home without profiles."""
    return Home(tmp_path / "config", system)


@pytest.fixture
def password(webhooks: Webhooks) -> str:
    """The password of a webhook admin's account."""
    return str(webhooks("admins", "add", EMAIL, "--create", "--json").json["password"])


def test_as_an_admin(system: System, home: Home, password: str) -> None:
    """All that an admin may do, without any key of the project in the environment; the file is the user's alone."""
    endpoint = system.endpoint("https://example.com/x", name="CRM")
    system.dispatch(1)
    done = home.as_user(password, "--json")
    assert done.code == 0, done.err
    assert done.json == {
        "profile": "default", "url": system.supabase.url, "user": EMAIL, "stored_in": str(home.file),
    }  # fmt: skip
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.file.parent.stat().st_mode) == 0o700
    assert password not in home.file.read_text()
    assert system.supabase.keys.secret not in home.file.read_text()

    assert [one["id"] for one in home("endpoints", "list", "--json").json] == [endpoint]
    assert home("endpoints", "update", "CRM", "--name", "crm").code == 0
    delivery = str(system.rows()[0]["id"])
    assert home("deliveries", "show", delivery[:10], "--json").json["id"] == delivery
    assert len(home("events", "list", "--json").json) == 9
    actor = system.db.execute("select actor from public.webhook_admin_actions").fetchone()
    assert actor is not None
    assert EMAIL in str(actor["actor"])
    # what only a server may do
    refused = home("admins", "list")
    assert (refused.code, "permission denied" in refused.err) == (1, True)
    for command in (["admins", "remove", EMAIL], ["secrets", "seal"]):
        needs = home(*command)
        assert (needs.code, "webhooks login --service-key" in needs.err) == (2, True)


def test_who_cannot_log_in(system: System, home: Home, password: str, webhooks: Webhooks) -> None:
    """A wrong password, an account that is not an admin's, a key in the wrong place: nothing is stored."""
    wrong = home.as_user("wrong")
    assert (wrong.code, "Supabase Auth" in wrong.err) == (1, True)
    assert webhooks("admins", "remove", EMAIL).code == 0
    stranger = home.as_user(password)
    assert (stranger.code, "only webhook admins can do this" in stranger.err) == (1, True)
    url, keys = system.supabase.url, system.supabase.keys
    for arguments, given, code in (
        (["--url", "example.com"], "", 2),
        (["--url", url, "--service-key"], keys.publishable, 2),
        (["--url", url, "--service-key"], "sb_secret_of_another_project", 1),
        (["--url", url, "--publishable-key", keys.secret, "--email", EMAIL], password, 2),
        (["--url", url, "--publishable-key", keys.publishable, "--email", EMAIL], "", 2),
        (["--url", "http://127.0.0.1:1", "--service-key"], "sb_secret_x", 3),
    ):
        done = home("login", *arguments, given=f"{given}\n")
        assert done.code == code, (arguments, done.err)
        assert all(text not in done.err + done.out for text in (keys.secret, password))
    assert not home.file.exists()


def test_with_a_second_factor(system: System, home: Home, password: str) -> None:
    """The password is not enough: without the code, or with a wrong one, nothing is stored."""
    with SecondFactors(system.supabase) as auth:
        row = system.db.execute("select id::text from auth.users where email = %s", (EMAIL,)).fetchone()
        assert row is not None
        give_factor(system.db, row["id"], "verified")
        secret = auth.enroll(row["id"])
        for code, expected in (("", 2), ("000000", 1)):
            assert home.with_code(auth.url, password, code).code == expected
        assert not home.file.exists()
        done = home.with_code(auth.url, password, totp(secret))
        assert done.code == 0, done.err
        assert home("endpoints", "list", "--json").json == []


def test_a_session_is_refreshed(system: System, home: Home, password: str) -> None:
    """Before it ends, once, however many commands run at that time; one that has ended says what to do."""
    assert home.as_user(password).code == 0
    before = home.stored["profiles"]["default"]["credential"]
    home.edit(expires_at=0)
    several = [start("endpoints", "list", "--json", variables=home.variables) for _ in range(4)]
    for process in several:
        out, err = process.communicate(timeout=120)
        assert (process.returncode, json.loads(out)) == (0, []), err
    after = home.stored["profiles"]["default"]["credential"]
    assert after["refresh_token"] != before["refresh_token"]
    assert after["expires_at"] > before["expires_at"] - 60
    assert stat.S_IMODE(home.file.stat().st_mode) == 0o600

    home.edit(expires_at=0, refresh_token="spent")
    ended = home("endpoints", "list")
    assert (ended.code, "run: webhooks login --profile default" in ended.err) == (2, True)
    assert system.supabase.url not in ended.out


@pytest.mark.parametrize("command", ["gateway", "serve", "worker"])
def test_a_process_uses_no_profile(home: Home, command: str) -> None:
    """What runs for long has its settings in its environment, or says what is missing there."""
    assert home.as_server().code == 0
    process = start(command, variables=home.variables)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("webhooks: set SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY")


def test_several_profiles(system: System, home: Home, password: str) -> None:
    """The last login is the current one; --profile anywhere, or WEBHOOKS_PROFILE; the environment's project first."""
    assert home.as_server("--profile", "server").code == 0
    assert home.as_user(password, "--profile=ada").code == 0
    assert [(one["name"], one["current"]) for one in home("profiles", "--json").json] == [
        ("ada", True), ("server", False),
    ]  # fmt: skip
    for arguments in (
        ["--profile", "server", "admins", "list", "--json"],
        ["admins", "list", "--json", "--profile", "server"],
        ["admins", "--profile=server", "list", "--json"],
    ):
        assert [one["email"] for one in home(*arguments).json] == [EMAIL]
    assert home("admins", "list", WEBHOOKS_PROFILE="server").code == 0
    assert home("admins", "list").code == 1
    # a project in the environment goes before the current profile, and behind the one that is named
    assert home("admins", "list", **system.settings()).code == 0
    away = {"SUPABASE_URL": "http://127.0.0.1:1", "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x"}
    assert home("stats", **away).code == 3
    assert home("stats", "--profile", "ada", **away).code == 0
    unknown = home("stats", "--profile", "stranger")
    assert (unknown.code, "webhooks login --profile stranger" in unknown.err) == (2, True)

    token = home.stored["profiles"]["ada"]["credential"]["refresh_token"]
    assert home("logout").code == 0
    assert set(home.stored["profiles"]) == {"server"}
    assert token not in home.file.read_text()
    assert home("admins", "list").code == 0
    assert home("logout").code == 0
    gone = home("logout")
    assert (gone.code, "not logged in" in gone.err) == (2, True)
    assert home("stats").err.startswith("webhooks: set SUPABASE_URL")


def test_a_file_that_others_may_read(home: Home) -> None:
    """Is not used: its keys are not secret any more."""
    assert home.as_server().code == 0
    home.file.chmod(0o644)
    done = home("stats")
    assert (done.code, f"chmod 600 {home.file}" in done.err) == (2, True)
    home.file.chmod(0o600)
    home.file.write_text("{")
    assert home("stats").code == 2


class Ring(keyring.backend.KeyringBackend):
    """A keyring in memory, which can be broken."""

    # never found by itself
    priority = -1  # type: ignore[assignment]
    broken = False

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password."""
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep a password."""
        if self.broken:
            raise keyring.errors.PasswordSetError
        self.held[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        """Forget a password."""
        del self.held[service, username]


@pytest.fixture
def ring(no_keyring: None) -> Ring:
    """The machine's keyring."""
    assert no_keyring is None
    ring = Ring()
    keyring.set_keyring(ring)
    return ring


def test_in_the_keyring(system: System, home: Home, password: str, ring: Ring) -> None:
    """Where there is one, the file holds no secret; a refresh goes there, too; without it, commands say so."""
    done = home.as_user(password, "--json")
    assert done.json["stored_in"] == "the keyring"
    assert "credential" not in home.file.read_text().replace('"credential": null', "")
    assert home("endpoints", "list").code == 0
    (account,) = ring.held
    assert account == ("supabase-webhooks", "default")
    held = json.loads(ring.held[account])
    ring.held[account] = json.dumps(held | {"expires_at": 0})
    assert home("endpoints", "list").code == 0
    assert json.loads(ring.held[account])["refresh_token"] != held["refresh_token"]
    kept = ring.held.pop(account)
    lost = home("endpoints", "list")
    assert (lost.code, "the keyring has nothing for profile 'default'" in lost.err) == (2, True)
    ring.held[account] = kept
    assert home("logout").code == 0
    assert ring.held == {}

    ring.broken = True
    assert home.as_server("--json").json["stored_in"] == str(home.file)
    assert system.supabase.keys.secret in home.file.read_text()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("stats --profile a --json", "--profile a stats --json"),
        ("stats --profile=a", "--profile=a stats"),
        ("dispatch x -- --profile a", "dispatch x -- --profile a"),
        ("stats --profile", "--profile stats"),
        ("", ""),
    ],
)
def test_where_a_profile_may_stand(given: str, expected: str) -> None:
    """Anywhere in front of `--`."""
    assert hoisted(given.split()) == expected.split()
