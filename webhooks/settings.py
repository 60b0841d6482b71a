"""Settings, read once from the environment by each process's composition root."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - Litestar resolves it at run time
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from supabase_webhooks.webhooks.addresses import parse_networks
from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.sealing import sealer
from supabase_webhooks.webhooks.tokens import is_secret_key

_ABOVE_ZERO = (
    "timeout_seconds",
    "lease_seconds",
    "shutdown_seconds",
    "batch_size",
    "concurrency",
    "endpoint_concurrency",
    "drain_seconds",
    "max_jobs",
    "circuit_failures",
    "circuit_reset_seconds",
    "circuit_failure_rate",
    "circuit_rate_minimum",
    "circuit_rate_window_seconds",
    "disable_after_days",
    "alert_failure_rate",
    "alert_failure_minimum",
    "alert_overdue",
    "alert_overdue_seconds",
    "alert_silence_seconds",
)

#: What pika accepts as a URL; without user and password it uses RabbitMQ's guest.
_AMQP = r"amqps?://([^:@/\s]+:[^@/\s]*@)?[^:@/?\s]+(:[0-9]{1,5})?(/[^/?@\s]*)?(\?\S+)?"

#: One host only, since libpq's errors repeat what it parsed as a host: part of a password with @ or / would be shown.
DATABASE_URL = re.compile(
    r"postgres(ql)?://((?P<user>[^:@/?\s]+)(:[^:@/?\s]*)?@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^:@/?\s\[\]]*)(:[0-9]{1,5})?"
    r"(/[^/@?\s]*)?(\?\S*)?"
)

#: The variables from which httpx reads a proxy, in upper or lower case.
PROXIES = ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY")

#: Characters that hold 128 bits even when they are only hexadecimal digits.
SESSION_SECRET_LENGTH = 32


def _setting(variable: str, about: str, default: Any = None, *, secret: bool = False) -> Any:  # noqa: ANN401 - as dataclasses.field
    metadata = {"variable": variable, "about": about, "required": default is None}
    if isinstance(default, dict):
        return field(default_factory=dict, repr=not secret, metadata=metadata)
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting with its environment variable, its default and its unit."""

    supabase_url: str = _setting("SUPABASE_URL", "The project's URL, `https://<ref>.supabase.co`")
    service_key: str = _setting(
        "SUPABASE_SERVICE_ROLE_KEY", "The project's secret key (`sb_secret_...` or service_role)", secret=True
    )
    anon_key: str = _setting(
        "SUPABASE_ANON_KEY",
        "The project's publishable key (`sb_publishable_...` or anon), with which admins sign in; empty: no dashboard",
        "",
    )
    redis_url: str = _setting(
        "REDIS_URL",
        "Redis or Valkey, for wake-up calls; without a broker `webhooks serve` or the cron's call delivers",
        "",
        secret=True,
    )
    broker_url: str = _setting(
        "WEBHOOKS_BROKER_URL",
        "RabbitMQ instead of Redis, `amqp://user:password@host:5672/vhost` or `amqps://...`",
        "",
        secret=True,
    )
    database_url: str = _setting(
        "WEBHOOKS_DATABASE_URL",
        "Postgres itself, which notifies workers of new deliveries at once; empty: they look once a second",
        "",
        secret=True,
    )
    project_name: str = _setting(
        "WEBHOOKS_PROJECT",
        "The project that the database belongs to, so that a copy of it delivers nothing; empty: the host of "
        "`SUPABASE_URL`",
        "",
    )
    dispatch_token: str = _setting(
        "WEBHOOKS_DISPATCH_TOKEN",
        "What the cron may call the dispatcher with; empty: only the service key",
        "",
        secret=True,
    )
    allow_http: bool = _setting("WEBHOOKS_ALLOW_HTTP", "Deliver to plain `http://` too (development)", False)  # noqa: FBT003
    allowed_networks: str = _setting(
        "WEBHOOKS_ALLOWED_NETWORKS",
        "Private networks that deliveries may go to, comma-separated: `10.0.0.0/8`",
        "",
    )
    ca_bundle: str = _setting(
        "WEBHOOKS_CA_BUNDLE",
        "A file or folder of PEM certificate authorities to accept in addition to the public ones",
        "",
    )
    credentials: Mapping[str, Mapping[str, str]] = _setting(
        "WEBHOOKS_CREDENTIALS",
        "Credentials of queues, as JSON by the name in `credentials_profile`: "
        '`{"warehouse": {"username": "...", "hosts": "kafka.example.com:9093"}}`',
        {},
        secret=True,
    )
    encryption_keys: str = _setting(
        "WEBHOOKS_ENCRYPTION_KEYS",
        "Comma-separated Fernet keys; workers encrypt endpoints' secrets at rest with the first and decrypt with all",
        "",
        secret=True,
    )
    user_agent: str = _setting("WEBHOOKS_USER_AGENT", "User-Agent of deliveries", "My Third Place Webhook/1.0")
    timeout_seconds: float = _setting("WEBHOOKS_TIMEOUT_SECONDS", "For one attempt, response included", 15.0)
    circuit_failures: int = _setting(
        "WEBHOOKS_CIRCUIT_FAILURES", "Consecutive failures that open an endpoint's circuit", 5
    )
    circuit_reset_seconds: float = _setting(
        "WEBHOOKS_CIRCUIT_RESET_SECONDS", "How long it stays open before one request tries again", 300.0
    )
    circuit_failure_rate: float = _setting(
        "WEBHOOKS_CIRCUIT_FAILURE_RATE", "This share of failures opens it too; above 1: never", 0.5
    )
    circuit_rate_minimum: int = _setting(
        "WEBHOOKS_CIRCUIT_RATE_MINIMUM", "Attempts that a share of failures is taken of, at least", 20
    )
    circuit_rate_window_seconds: float = _setting(
        "WEBHOOKS_CIRCUIT_RATE_WINDOW_SECONDS", "The time that a share of failures is taken over", 60.0
    )
    disable_after_days: float = _setting(
        "WEBHOOKS_DISABLE_AFTER_DAYS", "An endpoint to which nothing was delivered for this long is disabled", 5.0
    )
    lease_seconds: int = _setting(
        "WEBHOOKS_LEASE_SECONDS", "A claimed delivery is taken back after this; above twice the timeout", 60
    )
    batch_size: int = _setting("WEBHOOKS_BATCH_SIZE", "Deliveries claimed by one call", 250)
    concurrency: int = _setting("WEBHOOKS_CONCURRENCY", "Deliveries in flight in one worker process", 500)
    endpoint_concurrency: int = _setting(
        "WEBHOOKS_ENDPOINT_CONCURRENCY", "Of those to one endpoint, so that a silent one holds no more", 50
    )
    drain_seconds: float = _setting("WEBHOOKS_DRAIN_SECONDS", "Time budget of one job; the next goes on", 50.0)
    shutdown_seconds: float = _setting(
        "WEBHOOKS_SHUTDOWN_SECONDS", "After a signal: time to finish; what is left is given back", 25.0
    )
    sweep_seconds: float = _setting(
        "WEBHOOKS_SWEEP_SECONDS",
        "How often one worker looks for due rows; every 5 s after a quiet minute, every 30 s where workers listen; 0: "
        "only the cron does",
        1.0,
    )
    retention_days: float = _setting(
        "WEBHOOKS_RETENTION_DAYS", "Finished deliveries older than this are deleted; 0: never", 30.0
    )
    alert_seconds: float = _setting(
        "WEBHOOKS_ALERT_SECONDS",
        "How often workers look for alerts; as rarely as above while nothing fails; 0: never",
        1.0,
    )
    alert_slack_url: str = _setting(
        "WEBHOOKS_ALERT_SLACK_URL", "An incoming webhook of Slack, or of what takes the same", "", secret=True
    )
    alert_email_to: str = _setting(
        "WEBHOOKS_ALERT_EMAIL_TO", "Addresses that alerts are mailed to, comma-separated", ""
    )
    alert_email_from: str = _setting("WEBHOOKS_ALERT_EMAIL_FROM", "The sender of these mails", "webhooks@localhost")
    smtp_url: str = _setting(
        "WEBHOOKS_SMTP_URL",
        "The mail server, `smtp://user:password@host:587` (STARTTLS) or `smtps://...`",
        "",
        secret=True,
    )
    alert_failure_rate: float = _setting(
        "WEBHOOKS_ALERT_FAILURE_RATE", "Alert when more than this share of the last hour's deliveries failed", 0.5
    )
    alert_failure_minimum: int = _setting(
        "WEBHOOKS_ALERT_FAILURE_MINIMUM", "Finished deliveries that the share is taken of, at least", 10
    )
    alert_overdue: int = _setting(
        "WEBHOOKS_ALERT_OVERDUE", "Alert when more pending deliveries than this are overdue", 100
    )
    alert_overdue_seconds: float = _setting(
        "WEBHOOKS_ALERT_OVERDUE_SECONDS", "A delivery that has been due for this long is overdue", 60.0
    )
    alert_silence_seconds: float = _setting(
        "WEBHOOKS_ALERT_SILENCE_SECONDS", "Alert when the cron's last heartbeat is older", 300.0
    )
    log_format: str = _setting("WEBHOOKS_LOG_FORMAT", "`json`, or `console` for people", "json")
    log_level: str = _setting("WEBHOOKS_LOG_LEVEL", "`debug`, `info`, `warning` or `error`", "info")
    metrics_token: str = _setting(
        "WEBHOOKS_METRICS_TOKEN",
        "What Prometheus may read `/metrics` with; empty: the dispatch token or the service key",
        "",
        secret=True,
    )
    metrics_listen: str = _setting(
        "WEBHOOKS_METRICS_LISTEN", "Where workers serve `/metrics`, such as `0.0.0.0:9191`; empty: nowhere", ""
    )
    max_jobs: int = _setting("WEBHOOKS_MAX_JOBS", "Jobs that wait in the broker at most", 16)
    cors_origins: str = _setting("WEBHOOKS_CORS_ORIGINS", "Origins that browsers may call from, comma-separated", "*")
    root_path: str = _setting(
        "WEBHOOKS_ROOT_PATH",
        "The path prefix under which a proxy serves the gateway, such as `/webhooks`; empty: none",
        "",
    )
    session_secret: str = _setting(
        "WEBHOOKS_SESSION_SECRET",
        "Encrypts the dashboard's sign-ins: 32 characters or more, the same for every gateway; empty: no dashboard",
        "",
        secret=True,
    )

    def __post_init__(self) -> None:
        for name in _ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise SettingsError(f"{variable(name)} must be above 0")
        for name in ("sweep_seconds", "alert_seconds", "retention_days"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{variable(name)} must be 0 (off) or above")
        if self.lease_seconds < 2 * self.timeout_seconds:
            raise SettingsError(
                f"{variable('lease_seconds')} ({self.lease_seconds}) must be at least twice "
                f"{variable('timeout_seconds')} ({self.timeout_seconds}): a lease must outlive its attempt"
            )
        self._check_project()
        self._check_paths()
        self._check_texts()
        self._check_channels()

    def _check_project(self) -> None:
        if not self.supabase_url.startswith(("http://", "https://")):
            raise SettingsError("SUPABASE_URL must start with https:// (or http:// in development)")
        if not self.host:
            raise SettingsError("SUPABASE_URL must be the project's URL, such as https://<ref>.supabase.co")
        if self.anon_key and is_secret_key(self.anon_key):
            # not repeated
            raise SettingsError(
                f"{variable('anon_key')} must be the project's publishable key (sb_publishable_... or anon), "
                "not a secret one: Supabase Auth checks less of a sign-in that comes with a secret key"
            )

    def _check_paths(self) -> None:
        if self.ca_bundle and not Path(self.ca_bundle).exists():
            raise SettingsError(
                f"{variable('ca_bundle')} must be a file or folder of certificates in PEM; there is no {self.ca_bundle}"
            )
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", self.root_path):
            raise SettingsError(f"{variable('root_path')} must be a path without a slash at its end, such as /webhooks")

    def _check_texts(self) -> None:
        if self.session_secret and len(self.session_secret) < SESSION_SECRET_LENGTH:
            raise SettingsError(
                f"{variable('session_secret')} must have at least {SESSION_SECRET_LENGTH} characters; "
                "create one with: openssl rand -base64 32"
            )
        try:
            parse_networks(self.allowed_networks)
        except ValueError as exc:
            raise SettingsError(
                f"{variable('allowed_networks')} must be comma-separated networks, such as 10.0.0.0/8: {exc}"
            ) from None
        if self.database_url and not DATABASE_URL.fullmatch(self.database_url):
            # not repeated: it holds a password
            raise SettingsError(
                f"{variable('database_url')} must be a URL, such as "
                "postgresql://webhooks_listener:<password>@db.<ref>.supabase.co:5432/postgres; "
                "write special characters of the password as %40 and so on"
            )
        sealer(self.encryption_keys)
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise SettingsError(f"{variable(name)} must be {', '.join(allowed[:-1])} or {allowed[-1]}")
        if self.metrics_listen and not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[^:\s]+):[0-9]{1,5}", self.metrics_listen):
            raise SettingsError(f"{variable('metrics_listen')} must be an address and a port, such as 0.0.0.0:9191")
        if self.broker_url and not re.fullmatch(_AMQP, self.broker_url):
            # not repeated: it may hold a password
            raise SettingsError(
                f"{variable('broker_url')} must be like amqp://user:password@host:5672/vhost, with special characters "
                "written as %40 and so on; Redis goes into REDIS_URL"
            )

    def _check_channels(self) -> None:
        if self.alert_slack_url and not self.alert_slack_url.startswith(("https://", "http://")):
            raise SettingsError(f"{variable('alert_slack_url')} must be a URL, such as https://hooks.slack.com/...")
        if self.alert_email_to and not self.smtp_url:
            raise SettingsError(f"{variable('alert_email_to')} needs {variable('smtp_url')}, the mail server")
        if self.smtp_url and not re.fullmatch(r"smtps?://([^@/\s]+@)?[^@/\s:]+(:[0-9]{1,5})?/?", self.smtp_url):
            # not repeated: it may hold a password
            raise SettingsError(
                f"{variable('smtp_url')} must be a server, such as smtp://user:password@mail.example.com:587; "
                "write special characters of the password as %40 and so on"
            )

    @property
    def queue_url(self) -> str:
        """The URL of the shared broker, which may contain a password; empty: none."""
        return self.broker_url or self.redis_url

    @property
    def project(self) -> str:
        """The project that these workers belong to: its name, else the host of its URL."""
        return self.project_name or self.host

    @property
    def host(self) -> str:
        """The host of the project's URL."""
        return host_of(self.supabase_url)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read all settings; raise SettingsError, which names what is missing or wrong."""
        # a secret's trailing newline, or a file's Windows line endings
        environment = {name: value.strip() for name, value in environment.items()}
        _check_proxies(environment)
        missing = [
            f.metadata["variable"]
            for f in fields(cls)
            if f.metadata["required"] and not environment.get(f.metadata["variable"])
        ]
        if missing:
            raise SettingsError(f"set {', '.join(missing)} in the environment or in .env; `webhooks env` writes it")
        given: dict[str, Any] = {
            f.name: _parse(f.metadata["variable"], environment[f.metadata["variable"]], str(f.type))
            for f in fields(cls)
            if environment.get(f.metadata["variable"])
        }
        return cls(**given)


def _check_proxies(environment: Mapping[str, str]) -> None:
    """Raise SettingsError for a proxy that httpx, our client for Supabase, cannot use: its own error is a traceback."""
    for name in PROXIES:
        if url := environment.get(name) or environment.get(name.lower()):
            import httpx  # noqa: PLC0415 - takes a while, and few have a proxy

            try:
                httpx.Client(proxy=url if "://" in url else f"http://{url}", trust_env=False).close()
            except ImportError:
                raise SettingsError(
                    f"{name} names a SOCKS proxy, which needs socksio: pip install 'httpx[socks]', or unset it"
                ) from None
            except (ValueError, httpx.InvalidURL):
                # not repeated: it may hold a password
                raise SettingsError(f"{name} must be a proxy's URL, such as http://proxy.example.com:3128") from None


def host_of(url: str) -> str:
    """Return a URL's host, without user and password; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return next(str(f.metadata["variable"]) for f in fields(Settings) if f.name == name)


#: setting -> what it may be.
_CHOICES = {"log_format": ("json", "console"), "log_level": ("debug", "info", "warning", "error")}

_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


_KINDS = {
    "bool": "true or false",
    "int": "a number (int)",
    "float": "a number (float)",
    "Mapping[str, Mapping[str, str]]": 'a JSON object of objects of text, such as {"warehouse": {"username": "..."}}',
}


def _parse(name: str, text: str, kind: str) -> object:
    try:
        match kind:
            case "bool":
                return _BOOLEANS[text.strip().lower()]
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "Mapping[str, Mapping[str, str]]":
                return msgspec.json.decode(text, type=dict[str, dict[str, str]])
            case _:
                return text.strip()
    except (KeyError, ValueError):
        # the value is not repeated: it may be a secret in the wrong place
        raise SettingsError(f"{name} must be {_KINDS[kind]}") from None
