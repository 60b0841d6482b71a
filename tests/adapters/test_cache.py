"""The table of adapters and their cache."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from supabase_webhooks.webhooks.deliveries import Delivery, Endpoint, UrlCheck
from supabase_webhooks.webhooks.errors import DestinationError
from supabase_webhooks.workers.adapters import ADAPTERS, EXTRAS, adapter_class, cache
from supabase_webhooks.workers.adapters.cache import AdapterCache
from supabase_webhooks.workers.delivery import attempt
from supabase_webhooks.workers.probe import warning
from tests.adapters.shorthands import deliver, make_settings

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.destinations import Destination
    from supabase_webhooks.workers.adapters import Context

pytestmark = pytest.mark.anyio


class Recording:
    """An adapter that tells what it was given, and when it is closed."""

    closed: list[str]

    def __init__(self, destination: Destination, context: Context) -> None:
        self.url = destination.url
        self.credentials = context.credentials

    async def close(self) -> None:
        self.closed.append(self.url)


@pytest.fixture(autouse=True)
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the cache make recording adapters."""
    Recording.closed = []
    monkeypatch.setattr(cache, "adapter_class", lambda _: Recording)
    monkeypatch.setattr(cache, "_LOADED", {})


def endpoint(url: str, profile: str | None = None) -> Endpoint:
    """Return an endpoint."""
    return Endpoint(id="c", url=url, credentials_profile=profile)


@pytest.mark.parametrize("scheme", ["http", "https", "kafka"])
async def test_the_cache_is_bounded_and_closes_what_it_evicts(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """The adapter that was unused the longest goes; one in use stays."""
    kept = scheme if scheme in cache.KEPT else cache.OTHERS
    monkeypatch.setitem(cache.KEPT, kept, cache.Kept(2, 120))
    adapters = AdapterCache(make_settings())
    async with adapters.use(endpoint(f"{scheme}://in-use/t")):
        for name in ("a", "b", "c"):
            async with adapters.use(endpoint(f"{scheme}://{name}/t")):
                pass
    await asyncio.sleep(0)
    assert Recording.closed == [f"{scheme}://a/t", f"{scheme}://b/t"]
    await adapters.close()
    assert set(Recording.closed) == {f"{scheme}://{name}/t" for name in ("a", "b", "c", "in-use")}


async def test_a_thousand_endpoints_keep_their_connections() -> None:
    """While a backlog goes to them in turns, each one's adapter is created once; an SDK's clients are fewer."""
    adapters = AdapterCache(make_settings())
    seen = set()
    for _ in range(3):
        for n in range(1000):
            async with adapters.use(endpoint(f"https://{n}/")) as adapter:
                seen.add(id(adapter))
    assert len(seen) == 1000
    assert Recording.closed == []
    for n in range(1000):
        async with adapters.use(endpoint(f"kafka://{n}/t")):
            pass
    await asyncio.sleep(0)
    assert len(Recording.closed) == 1000 - 256
    await adapters.close()


@pytest.mark.parametrize(("scheme", "seconds"), [("https", 10), ("kafka", 120)])
async def test_what_is_unused_for_long_is_closed(scheme: str, seconds: int) -> None:
    """Its connections would stay half open. The use of any other endpoint shows it."""
    now = [0.0]
    adapters = AdapterCache(make_settings(), clock=lambda: now[0])
    for name, moment in (("a", 0.0), ("b", seconds - 1), ("c", seconds + 1)):
        now[0] = moment
        async with adapters.use(endpoint(f"{scheme}://{name}/t")):
            pass
    await asyncio.sleep(0)
    assert Recording.closed == [f"{scheme}://a/t"]
    async with adapters.use(endpoint(f"{scheme}://b/t")):
        now[0] = 1000.0
    await asyncio.sleep(0)
    assert Recording.closed == [f"{scheme}://a/t", f"{scheme}://c/t"]
    now[0] = 2000.0
    async with adapters.use(endpoint("http://d/")):
        pass
    await asyncio.sleep(0)
    assert Recording.closed[2:] == [f"{scheme}://b/t"]
    await adapters.close()


async def test_one_adapter_for_many_at_once() -> None:
    """Also when all of them find none."""
    adapters = AdapterCache(make_settings())

    async def use() -> int:
        async with adapters.use(endpoint("https://x/")) as adapter:
            return id(adapter)

    assert len(set(await asyncio.gather(*(use() for _ in range(100))))) == 1
    await adapters.close()


async def test_an_adapter_for_each_url_and_profile() -> None:
    """Credentials are those of the profile, and are never shared between profiles."""
    adapters = AdapterCache(make_settings(credentials={"a": {"username": "u", "hosts": "broker"}, "b": {}}))
    url = "kafka://broker/t"
    async with (
        adapters.use(endpoint(url, "a")) as a,
        adapters.use(endpoint(url, "b")) as b,
        adapters.use(endpoint(url)) as none,
        adapters.use(endpoint(url, "a")) as again,
    ):
        assert a is again
        assert len({id(a), id(b), id(none)}) == 3
        assert (a.credentials, b.credentials, none.credentials) == ({"username": "u"}, {}, {})  # type: ignore[attr-defined]
    await adapters.close()


async def test_an_unknown_profile_is_our_own_mistake() -> None:
    """It names the setting; the delivery waits, since another worker may have it."""
    result = await deliver("kafka://broker/t", endpoint={"credentials_profile": "warehouse"})
    assert (result.permanent, result.health) == (False, "failed")
    assert result.error == "the endpoint's credentials_profile 'warehouse' is not in WEBHOOKS_CREDENTIALS"


def test_every_scheme_of_the_table_has_its_class() -> None:
    """Imported on first use."""
    assert {adapter_class(scheme).__module__ for scheme in ADAPTERS} == {
        f"supabase_webhooks.workers.adapters.{name}" for name in ("http", "sqs", "pubsub", "kafka")
    }


def test_a_scheme_without_an_adapter() -> None:
    """The error lists those that there are."""
    with pytest.raises(DestinationError, match=r"no adapter delivers to nats:// \(available: https, http, sqs"):
        adapter_class("nats")


@pytest.mark.parametrize(
    ("scheme", "module"), [("sqs", "aiobotocore"), ("pubsub", "google"), ("kafka", "confluent_kafka")]
)
def test_a_missing_sdk_names_the_extra_to_install(monkeypatch: pytest.MonkeyPatch, scheme: str, module: str) -> None:
    """As a core installation would say it."""
    for name in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, f"supabase_webhooks.workers.adapters.{scheme}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type]  # what import takes for absent
    with pytest.raises(DestinationError, match=rf"pip install 'supabase-webhooks\[{EXTRAS[scheme]}\]'"):
        adapter_class(scheme)


async def test_a_tenants_deliveries_go_to_public_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the worker's networks are, and without naming an address; the app's own endpoint of that URL may."""
    monkeypatch.setattr(cache, "adapter_class", adapter_class)
    settings = make_settings(allow_http=True, allowed_networks="127.0.0.0/8, ::1")
    adapters = AdapterCache(settings)
    url = "http://localhost:1/"
    for public_only, problem in ((False, "connection refused"), (True, "the endpoint's host has no public address")):
        one = Endpoint(id="c", url=url, public_only=public_only)
        delivery = Delivery(id="d", event_type="x.y", attempt=1, endpoint=one, body="{}", lease_id="l")
        result = await attempt(delivery, adapters, settings)
        assert problem in (result.error or "")
        assert "127.0.0.1" not in (result.error or "") or not public_only
        # it counts: no setting will allow it later
        assert (result.delivered, result.setup) == (False, False)
    found = await warning(UrlCheck(id="c", url=url, public_only=True), settings)
    assert found == "Deliveries will fail: localhost has no public address."
    await adapters.close()
