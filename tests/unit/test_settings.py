"""Settings: their errors, and that the documentation lists them as they are."""

from __future__ import annotations

from dataclasses import fields

import pytest

from supabase_webhooks.webhooks.errors import SettingsError
from supabase_webhooks.webhooks.settings import Settings
from tests.conftest import ROOT

NEEDED = {
    "SUPABASE_URL": "https://x.supabase.co",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x",
    "REDIS_URL": "redis://localhost",
}


def test_what_is_missing_is_named() -> None:
    """All at once, not one a run."""
    with pytest.raises(SettingsError, match="set SUPABASE_URL, SUPABASE_SERVICE_ROLE_KEY in the environment"):
        Settings.from_environment({})


def test_rabbitmq_takes_the_place_of_redis() -> None:
    """REDIS_URL is not used then. With neither there is no broker."""
    url = "amqps://user:geheim@rabbit.example.com/vhost?heartbeat=30"
    environment = {**NEEDED, "WEBHOOKS_BROKER_URL": url}
    assert Settings.from_environment(environment).queue_url == url
    del environment["REDIS_URL"]
    settings = Settings.from_environment(environment)
    assert settings.queue_url == url
    assert "geheim" not in repr(settings)
    assert Settings.from_environment(NEEDED).queue_url == "redis://localhost"
    assert Settings.from_environment({**NEEDED, "REDIS_URL": ""}).queue_url == ""


@pytest.mark.parametrize(
    "url",
    [
        "redis://:geheim@localhost", "amqp://user:geheim/x@host/vhost", "amqp://user:1/geheim@host", "amqp://u@host",
        "amqp://user:geheim@host:port/vhost", "amqp://user:geheim@host/vhost/more", "geheim",
    ],
)  # fmt: skip
def test_a_malformed_broker_url_is_told_without_its_password(url: str) -> None:
    """With how it should be."""
    with pytest.raises(SettingsError, match="WEBHOOKS_BROKER_URL must be like amqp://user:password@host") as raised:
        Settings.from_environment({**NEEDED, "WEBHOOKS_BROKER_URL": url})
    assert "geheim" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("WEBHOOKS_ALLOW_HTTP", "perhaps", "WEBHOOKS_ALLOW_HTTP must be true or false"),
        ("WEBHOOKS_BATCH_SIZE", "many", "WEBHOOKS_BATCH_SIZE must be a number"),
        ("WEBHOOKS_BATCH_SIZE", "0", "WEBHOOKS_BATCH_SIZE must be above 0"),
        ("WEBHOOKS_SWEEP_SECONDS", "-1", "WEBHOOKS_SWEEP_SECONDS must be 0"),
        ("WEBHOOKS_DATABASE_URL", "host=db password=x", "WEBHOOKS_DATABASE_URL must be a URL"),
        ("WEBHOOKS_DATABASE_URL", "postgresql://u:pa@ss@host/db", "WEBHOOKS_DATABASE_URL must be a URL"),
        ("WEBHOOKS_DATABASE_URL", "postgresql://u:pa/ss@host/db", "WEBHOOKS_DATABASE_URL must be a URL"),
        ("WEBHOOKS_LEASE_SECONDS", "20", "must be at least twice WEBHOOKS_TIMEOUT_SECONDS"),
        ("WEBHOOKS_ALLOWED_NETWORKS", "10.0.0.1/8", "WEBHOOKS_ALLOWED_NETWORKS must be comma-separated networks"),
        ("WEBHOOKS_CREDENTIALS", '{"a": "geheim"}', "WEBHOOKS_CREDENTIALS must be a JSON object of objects"),
        ("WEBHOOKS_CIRCUIT_FAILURES", "0", "WEBHOOKS_CIRCUIT_FAILURES must be above 0"),
        ("WEBHOOKS_SESSION_SECRET", "short", "WEBHOOKS_SESSION_SECRET must have at least 32 characters"),
        ("SUPABASE_ANON_KEY", "sb_secret_y", "SUPABASE_ANON_KEY must be the project's publishable key"),
        ("SUPABASE_ANON_KEY", NEEDED["SUPABASE_SERVICE_ROLE_KEY"], "SUPABASE_ANON_KEY must be the project's"),
        (
            "SUPABASE_ANON_KEY",
            "eyJhIjoxfQ.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.x",
            "SUPABASE_ANON_KEY must be the project's",
        ),
        ("SUPABASE_URL", "x.supabase.co", "SUPABASE_URL must start with https://"),
    ],
)
def test_what_is_wrong_is_named(name: str, value: str, message: str) -> None:
    """With the variable and what it may be."""
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment({**NEEDED, name: value})


@pytest.mark.parametrize("key", ["sb_publishable_x", "eyJhIjoxfQ.eyJyb2xlIjoiYW5vbiJ9.x"])
def test_the_key_that_admins_sign_in_with(key: str) -> None:
    """Of either kind."""
    assert Settings.from_environment({**NEEDED, "SUPABASE_ANON_KEY": key}).anon_key == key


def test_the_project() -> None:
    """By its name, else by the host of its URL: a port, a path or a slash more does not make another one."""
    assert Settings.from_environment({**NEEDED, "WEBHOOKS_PROJECT": "shop"}).project == "shop"
    for url in ("https://x.supabase.co", "https://x.supabase.co/", "https://x.supabase.co:443"):
        assert Settings.from_environment({**NEEDED, "SUPABASE_URL": url}).project == "x.supabase.co"


def test_secrets_do_not_show() -> None:
    """Settings may be logged."""
    credentials = '{"warehouse": {"password": "geheim"}}'
    settings = Settings.from_environment(
        {**NEEDED, "WEBHOOKS_DISPATCH_TOKEN": "tok_geheim", "WEBHOOKS_CREDENTIALS": credentials}
    )
    assert settings.credentials == {"warehouse": {"password": "geheim"}}
    assert "sb_secret_x" not in repr(settings)
    assert "geheim" not in repr(settings)


def test_the_example_lists_every_setting() -> None:
    """The documentation's table is generated from `Settings`."""
    text = (ROOT / ".env.example").read_text()
    for field in fields(Settings):
        assert f"{field.metadata['variable']}=" in text


def test_line_ends_do_not_count() -> None:
    """A file with Windows's line ends, a secret pasted with its newline: the same settings."""
    values = {"bool": "true", "int": "7", "float": "30.5"}
    plain = {
        field.metadata["variable"]: values[str(field.type)] for field in fields(Settings) if str(field.type) in values
    } | {
        "SUPABASE_URL": "https://x.supabase.co",
        "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_x",
        "REDIS_URL": "redis://x",
        "WEBHOOKS_DISPATCH_TOKEN": "token",
        "WEBHOOKS_CREDENTIALS": '{"warehouse":{"username":"u"}}',
        "WEBHOOKS_LEASE_SECONDS": "70",
    }
    for end in ("\r", "\n", "\r\n", " \t"):
        assert Settings.from_environment({name: value + end for name, value in plain.items()}) == (
            Settings.from_environment(plain)
        )
    with pytest.raises(SettingsError, match="set SUPABASE_URL in"):
        Settings.from_environment({**plain, "SUPABASE_URL": "\r\n"})


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "http_proxy"])
@pytest.mark.parametrize("url", ["socks5://u:geheim@x:1080", "socks5h://x:1080", "socks4://x:1", "ftp://geheim@x"])
def test_a_proxy_that_cannot_be_used(name: str, url: str) -> None:
    """One line that names the variable, and repeats no password."""
    with pytest.raises(SettingsError, match=name.upper()) as caught:
        Settings.from_environment(NEEDED | {name: url})
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)
