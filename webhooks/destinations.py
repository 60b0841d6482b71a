"""The grammar of endpoint URLs: one frozen type for each scheme. Mirrored by webhooks.url_problem in the database."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from webhooks.errors import DestinationError

EXAMPLE = "https://example.com/webhooks"


@dataclass(frozen=True)
class HttpDestination:
    """An endpoint that is delivered to by POST. `origin` is its scheme, host and port."""

    url: str
    origin: str


def _http(url: str, parts: SplitResult) -> HttpDestination:
    if parts.username is not None or parts.password is not None:
        raise DestinationError(f"the URL carries a user name or password; put credentials in secret_key: {EXAMPLE}")
    if parts.fragment:
        raise DestinationError(f"the URL has a fragment (#...), which is never sent; a right one is {EXAMPLE}")
    return HttpDestination(url=url, origin=f"{parts.scheme}://{parts.netloc}")


#: scheme -> its parser. workers/adapters has the same schemes; a test keeps the two alike.
PARSERS = {"https": _http, "http": _http}


def parse(url: str, *, allow_http: bool = False) -> HttpDestination:
    """Return the destination of a URL; raise DestinationError that names the wrong part and a right example."""
    if any(c.isspace() or ord(c) < ord(" ") for c in url):
        raise DestinationError(f"the URL contains white space; a right one is {EXAMPLE}")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise DestinationError(f"the URL is malformed ({exc}); a right one is {EXAMPLE}") from None
    parser = PARSERS.get(parts.scheme)
    if parser is None:
        raise DestinationError(
            f"the URL's scheme {parts.scheme!r} is not supported (supported: {', '.join(PARSERS)}); "
            f"a right one is {EXAMPLE}"
        )
    if parts.scheme == "http" and not allow_http:
        raise DestinationError(f"the URL is plain http; use {EXAMPLE}, or set WEBHOOKS_ALLOW_HTTP=true in development")
    if not parts.hostname:
        raise DestinationError(f"the URL has no host; a right one is {EXAMPLE}")
    return parser(url, parts)
