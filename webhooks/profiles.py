"""Profiles of the command line: projects, each with what opens it, in the keyring or in a file of mode 0600."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from supabase_webhooks.webhooks import sessions
from supabase_webhooks.webhooks.errors import SettingsError, StoreError, StoreUnavailable
from supabase_webhooks.webhooks.sessions import Session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The keyring's name for what is ours; the account is the profile's name.
SERVICE = "supabase-webhooks"

#: Only the owner may read and write it.
MODE = 0o600


class ServiceKey(msgspec.Struct, frozen=True, tag="service_key"):
    """The project's secret key."""

    key: str

    def __repr__(self) -> str:
        """Return nothing of the key."""
        return "ServiceKey(...)"


#: What opens a project. A further kind (an API token, which opens the gateway) is one more Struct with a tag.
Credential = ServiceKey | Session


class Profile(msgspec.Struct, frozen=True):
    """A project's URL and what opens it."""

    url: str
    credential: Credential

    @property
    def user(self) -> str:
        """Whom the project sees."""
        return self.credential.email if isinstance(self.credential, Session) else "the service role"


class _Entry(msgspec.Struct):
    """A profile in the file. `credential`: None if the keyring has it."""

    url: str
    credential: Credential | None = None


class _Content(msgspec.Struct):
    current: str | None = None
    profiles: dict[str, _Entry] = msgspec.field(default_factory=dict)


class Profiles:
    """The profiles of a file; the last one that was logged in to is the current one."""

    def __init__(self, file: Path) -> None:
        self.file = file

    @property
    def current(self) -> str | None:
        """The name of the current profile."""
        return self._read().current

    def names(self) -> dict[str, str]:
        """Return the names of all profiles, with their projects' URLs."""
        return {name: entry.url for name, entry in sorted(self._read().profiles.items())}

    def get(self, name: str) -> Profile:
        """Return a profile. Raises SettingsError if there is none, or the keyring does not open."""
        entry = self._read().profiles.get(name)
        if entry is None:
            raise SettingsError(f"there is no profile {name!r}; create it with: webhooks login --profile {name}")
        if entry.credential is not None:
            return Profile(entry.url, entry.credential)
        ring = keyring()
        stored = None
        if ring is not None:
            with suppress(ring.errors.KeyringError):
                stored = ring.get_password(SERVICE, name)
        if stored is None:
            raise SettingsError(f"the keyring has nothing for profile {name!r}; run: webhooks login --profile {name}")
        return Profile(entry.url, msgspec.json.decode(stored, type=Credential))

    def put(self, name: str, profile: Profile) -> str:
        """Store a profile as the current one; return where its credential is."""
        with self._locked():
            content = self._read()
            stored = _keep(name, msgspec.json.encode(profile.credential).decode())
            content.profiles[name] = _Entry(profile.url, None if stored else profile.credential)
            content.current = name
            self._write(content)
        return "the keyring" if stored else str(self.file)

    def refreshed(self, name: str) -> Profile:
        """Return a profile whose session has time left. Raises SettingsError when the session has ended."""
        with self._locked():
            # read again: another process may have refreshed it in the meantime
            profile = self.get(name)
            if not isinstance(profile.credential, Session) or not profile.credential.ends_soon:
                return profile
            try:
                renewed = Profile(profile.url, sessions.refresh(profile.url, profile.credential))
            except StoreUnavailable:
                raise
            except StoreError:
                raise SettingsError(
                    f"the session of profile {name!r} has ended; run: webhooks login --profile {name}"
                ) from None
            content = self._read()
            stored = _keep(name, msgspec.json.encode(renewed.credential).decode())
            content.profiles[name] = _Entry(renewed.url, None if stored else renewed.credential)
            self._write(content)
        return renewed

    def remove(self, name: str) -> None:
        """Delete a profile, and what the keyring has of it."""
        with self._locked():
            content = self._read()
            entry = content.profiles.pop(name)
            if content.current == name:
                content.current = next(iter(content.profiles), None)
            self._write(content)
        if entry.credential is None and (ring := keyring()):
            with suppress(ring.errors.KeyringError):
                ring.delete_password(SERVICE, name)

    def _read(self) -> _Content:
        try:
            if self.file.stat().st_mode & 0o077:
                raise SettingsError(f"others may read {self.file}, which holds keys; run: chmod 600 {self.file}")
            return msgspec.json.decode(self.file.read_bytes(), type=_Content)
        except FileNotFoundError:
            return _Content()
        except (OSError, msgspec.DecodeError) as exc:
            raise SettingsError(
                f"{self.file} cannot be read ({type(exc).__name__}); delete it and log in again"
            ) from None

    def _write(self, content: _Content) -> None:
        """Replace the file as a whole: one that is half written would lose every profile."""
        temporary = self.file.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
        temporary.replace(self.file)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold a lock: a refresh token works once, and two processes would each use the same."""
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.file.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, MODE)
        except OSError as exc:
            raise SettingsError(f"{self.file.parent} cannot be written to: {exc.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def keyring() -> Any:  # noqa: ANN401 - an optional module
    """Return the module `keyring` if it is installed and this machine has a keyring, else None."""
    try:
        import keyring as module  # noqa: PLC0415 - an extra
        from keyring.backends import fail, null  # noqa: PLC0415 - as above
    except ImportError:
        return None
    return None if isinstance(module.get_keyring(), fail.Keyring | null.Keyring) else module


def _keep(name: str, secret: str) -> bool:
    """Store a secret in the keyring; return False if there is none, or it does not take it."""
    ring = keyring()
    if ring is None:
        return False
    try:
        ring.set_password(SERVICE, name, secret)
    except ring.errors.KeyringError:
        return False
    return True
