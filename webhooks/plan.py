"""The difference between a manifest and a project: what `webhooks apply` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from supabase_webhooks.webhooks import durations
from supabase_webhooks.webhooks.errors import ManifestError
from supabase_webhooks.webhooks.manifest import MAX_ATTEMPTS, seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from supabase_webhooks.webhooks.manifest import Endpoint, EventType, Manifest

#: Settings that are compared as they are.
PLAIN = (
    "events",
    "rate_limit_per_second",
    "max_concurrency",
    "timeout_seconds",
    "circuit_failure_threshold",
    "circuit_reset_seconds",
    "credentials_profile",
)

#: What a database keeps only as long as the URL's host stays the same: written with each new URL.
FOLLOWS_THE_URL = ("headers", "credentials_profile")

#: Names of the units of a manifest's durations, as Postgres reads them.
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Difference:
    """One setting. `was` and `becomes` may be shown: a value that may be a secret is neither."""

    setting: str
    was: Any
    becomes: Any


@dataclass(frozen=True)
class Change:
    """What to do with one endpoint or event type. `settings` and `secret` are what is written, never shown."""

    action: Literal["create", "update", "delete"]
    noun: Literal["endpoint", "event"]
    name: str
    differences: tuple[Difference, ...] = ()
    id: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    secret: str | None = field(default=None, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return what may be shown."""
        shown = [{"setting": d.setting, "was": d.was, "becomes": d.becomes} for d in self.differences]
        return {"action": self.action, "noun": self.noun, "name": self.name, "id": self.id, "differences": shown}


@dataclass(frozen=True)
class Project:
    """What a project has: endpoints and event types as the database lists them.

    `secrets`: endpoint's id -> those that sign; None: they cannot be read, so they are not compared.
    """

    endpoints: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    secrets: Mapping[str, Sequence[str]] | None = field(repr=False)


def changes(manifest: Manifest, project: Project, *, adopt: bool = False) -> list[Change]:
    """Return what to change, event types first and deletions last; with `adopt`, also what nothing manages yet.

    Event types are never deleted. Raise ManifestError for an endpoint of that name that is not the manifest's.
    """
    done = list(_events(manifest, project))
    gone = {one["name"]: one for one in project.endpoints if one["managed_by"] == manifest.managed_by}
    for name, wanted in manifest.endpoints.items():
        existing = gone.pop(name, None) or _others(name, manifest, project, adopt=adopt)
        done += _endpoint(name, wanted, existing, manifest, project)
    done += [Change("delete", "endpoint", name, id=one["id"]) for name, one in gone.items()]
    return done


def _others(name: str, manifest: Manifest, project: Project, *, adopt: bool) -> Mapping[str, Any] | None:
    """Return the endpoint of a name that is not managed yet, if it is to be adopted; None if there is none."""
    found = [one for one in project.endpoints if one["name"] == name]
    if not found:
        return None
    if len(found) > 1:
        raise ManifestError(f"{len(found)} endpoints have the name {name!r}; rename all but one, or delete them")
    if found[0]["managed_by"]:
        raise ManifestError(
            f"endpoint {name!r} is managed by {found[0]['managed_by']!r}, not {manifest.managed_by!r}; "
            "choose another name, or delete the endpoint there"
        )
    if not adopt:
        raise ManifestError(f"endpoint {name!r} exists, and this file does not manage it; to take it over, add --adopt")
    return found[0]


def _endpoint(
    name: str, wanted: Endpoint, existing: Mapping[str, Any] | None, manifest: Manifest, project: Project
) -> Iterator[Change]:
    variables = manifest.variables[name]
    was = existing or {}
    differences = list(_differences(wanted, was, variables))
    if wanted.secret is not None and (existing is None or not _signs(wanted.secret, was["id"], project)):
        differences.append(Difference("secret", None if existing is None else "another", f"env({variables['secret']})"))
    if existing is not None and was["managed_by"] != manifest.managed_by:
        differences.append(Difference("managed_by", was["managed_by"], manifest.managed_by))
    if existing is not None and not differences:
        return
    changed = {one.setting for one in differences}
    if "url" in changed:
        changed.update(FOLLOWS_THE_URL)
    settings = {setting: value for setting, value in _settings(wanted).items() if setting in changed}
    # a number of attempts alone would replace the schedule
    if "max_attempts" in settings:
        settings["retry_schedule"] = wanted.schedule()
    yield Change(
        "create" if existing is None else "update",
        "endpoint",
        name,
        tuple(differences),
        id=was.get("id"),
        settings={"name": name, "managed_by": manifest.managed_by} | settings,
        secret=wanted.secret if "secret" in changed else None,
    )


def _settings(wanted: Endpoint) -> dict[str, Any]:
    """Return all settings of an endpoint as the database takes them."""
    expires = wanted.expires_after
    settings = {name: getattr(wanted, name) for name in PLAIN} | {
        "url": wanted.url,
        "headers": wanted.headers or None,
        "retry_schedule": wanted.schedule(),
        "max_attempts": wanted.max_attempts or MAX_ATTEMPTS,
        "expires_after": expires and f"{expires.strip()[:-1]} {UNITS[expires.strip()[-1]]}",
    }
    return settings if wanted.is_active is None else settings | {"is_active": wanted.is_active}


def _differences(wanted: Endpoint, was: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[Difference]:
    """Yield the settings that differ; for an endpoint that does not exist, those that are not a new one's."""
    if was.get("url") != wanted.url:
        yield Difference("url", _host(was.get("url")), f"env({variables['url']})" if "url" in variables else wanted.url)
    yield from (
        Difference(name, was.get(name), _shown(name, getattr(wanted, name), variables))
        for name in PLAIN
        if _normal(was.get(name)) != _normal(getattr(wanted, name))
    )
    if not was or was["retry_schedule"] != wanted.schedule():
        yield Difference("retry_schedule", was.get("retry_schedule"), wanted.schedule())
    # of no effect next to a schedule
    if wanted.schedule() is None and was.get("max_attempts") != wanted.max_attempts:
        yield Difference("max_attempts", was.get("max_attempts"), wanted.max_attempts)
    if _age(was.get("expires_after")) != (wanted.expires_after and seconds(wanted.expires_after)):
        yield Difference("expires_after", was.get("expires_after"), wanted.expires_after)
    if wanted.is_active is not None and was.get("is_active", True) != wanted.is_active:
        yield Difference("is_active", was.get("is_active"), wanted.is_active)
    # their values are write only
    if sorted(was.get("header_names") or []) != sorted(wanted.headers):
        yield Difference("headers", was.get("header_names"), sorted(wanted.headers))


def _shown(name: str, value: Any, variables: Mapping[str, str]) -> Any:  # noqa: ANN401 - any setting
    if isinstance(value, list):
        return [_shown(f"{name}.{number}", one, variables) for number, one in enumerate(value)]
    return f"env({variables[name]})" if name in variables else value


def _normal(value: Any) -> Any:  # noqa: ANN401 - any setting
    return value or None


def _age(text: str | None) -> float | str | None:
    """Return the seconds of an interval as Postgres prints it; the text itself for one with months."""
    return None if text is None else durations.seconds(text) or text


def _host(url: str | None) -> str | None:
    """Return a URL without its path, which may hold a token."""
    return None if url is None else f"{urlsplit(url).scheme}://{urlsplit(url).hostname}/..."


def _signs(secret: str, endpoint: str, project: Project) -> bool:
    return project.secrets is None or secret in project.secrets.get(endpoint, ())


def _events(manifest: Manifest, project: Project) -> Iterator[Change]:
    existing = {one["name"]: one for one in project.events}
    for name, wanted in manifest.events.items():
        settings = _event_settings(wanted)
        was = existing.get(name, {})
        differences = tuple(
            # a schema is long
            Difference(setting, "another" if was else None, "as in the file")
            if isinstance(value, dict)
            else Difference(setting, was.get(setting), value)
            for setting, value in settings.items()
            if was.get(setting) != value
        )
        if differences:
            yield Change("update" if was else "create", "event", name, differences, settings={"name": name, **settings})


def _event_settings(wanted: EventType) -> dict[str, Any]:
    settings = {
        "description": wanted.description,
        "data_schema": wanted.data_schema,
        "users_may_dispatch": wanted.users_may_dispatch,
        "audience": wanted.audience,
    }
    return settings if wanted.example is None else settings | {"example": wanted.example}
