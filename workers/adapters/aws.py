"""AWS's SDK with limits: it reads no endless response and follows no redirect, from queues and token endpoints.

The SDK itself does both (aiobotocore reads whole bodies; aiohttp follows ten redirects, with all headers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession

from supabase_webhooks.webhooks.errors import DeliveryError

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

#: Bytes of a response that are read. SQS's largest, of ten messages, has some 5 KB; a role's token 20 KB.
RESPONSE_BYTES = 256 * 1024


@cache
def session(profile: str | None) -> AioSession:
    """Return the session of a profile of AWS's own files; it keeps what it read until the cache is cleared."""
    # it reads the description of AWS's services, which takes some 100 ms: once, not for each queue
    made = _Session(profile=profile)
    # also for the clients that it makes for itself, such as that of STS
    made.set_default_client_config(AioConfig(http_session_cls=BoundedSession))
    return made


class _Session(AioSession):  # type: ignore[misc]
    """A session whose requests for credentials, to the metadata of a machine or container, are bounded too."""

    def _create_credential_resolver(self) -> Any:  # noqa: ANN401 - botocore is not typed
        resolver = super()._create_credential_resolver()
        for provider in resolver.providers:
            for fetcher in (getattr(provider, "_role_fetcher", None), getattr(provider, "_fetcher", None)):
                if isinstance(http := getattr(fetcher, "_session", None), AIOHTTPSession):
                    _bind(http)
        return resolver


class BoundedSession(AIOHTTPSession):  # type: ignore[misc]
    """The SDK clients' HTTP session, with limits."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as the SDK's own
        super().__init__(*arguments, **options)
        _bind(self)


def _bind(http: AIOHTTPSession) -> None:
    get = http._get_session  # noqa: SLF001 - the SDK offers no other place between itself and aiohttp

    async def bounded(proxy_url: str | None) -> _Client:
        return _Client(await get(proxy_url))

    http._get_session = bounded  # noqa: SLF001 - likewise


class _Client:
    """What the SDK uses of an aiohttp.ClientSession."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client = client

    async def request(self, method: str, **options: Any) -> _Response:  # noqa: ANN401 - as aiohttp's
        async with self._client.request(method, **{**options, "allow_redirects": False}) as response:
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > RESPONSE_BYTES:
                    response.close()
                    raise DeliveryError(f"{response.url.origin()}: the response is longer than {RESPONSE_BYTES} bytes")
        self._client.cookie_jar.clear()
        return _Response(response.url, response.status, response.raw_headers, bytes(body))


@dataclass(frozen=True)
class _Response:
    """What the SDK uses of an aiohttp.ClientResponse."""

    url: URL
    status: int
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    async def read(self) -> bytes:
        return self.body
