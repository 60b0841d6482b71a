"""Google's credentials files, and requests for its tokens, with limits.

No redirect is followed and no endless response read: Google's own transport does both, with the assertion or
refresh token in the request's body.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google.auth.transport
import google.oauth2.credentials
import httpx
from google.auth import aws, identity_pool, impersonated_credentials
from google.auth.exceptions import DefaultCredentialsError, TransportError
from google.oauth2 import service_account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Bytes of a response that are read: a token has some 2 KB.
RESPONSE_BYTES = 256 * 1024

#: Seconds for a request unless the SDK says less; its own default is 120.
SECONDS = 30.0


#: What an external account's file says of AWS's tokens.
AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105 - a kind, and none

#: A file's `type` -> what makes credentials of it (https://google.aip.dev/auth/4110). google.auth's own function for
#: files of any type is deprecated; of external accounts it would also run programs that the file names.
KINDS: dict[str, Any] = {
    "service_account": service_account.Credentials.from_service_account_info,
    "authorized_user": google.oauth2.credentials.Credentials.from_authorized_user_info,
    "impersonated_service_account": impersonated_credentials.Credentials.from_impersonated_service_account_info,
    "external_account": identity_pool.Credentials.from_info,
    "external_account of AWS": aws.Credentials.from_info,
}


def from_file(path: str, scopes: Sequence[str]) -> Any:  # noqa: ANN401 - google.auth is not typed
    """Return the credentials of a file. Raises DefaultCredentialsError, or what its contents lead to."""
    info = json.loads(Path(path).read_bytes())
    kind = str(info.get("type"))
    if info.get("subject_token_type") == AWS_TOKEN:
        kind += " of AWS"
    if kind not in KINDS:
        message = f"{path} has no credentials of a known type ({', '.join(KINDS)})"
        raise DefaultCredentialsError(message)  # type: ignore[no-untyped-call]
    return KINDS[kind](info, scopes=scopes)


@dataclass(frozen=True)
class Response:
    """A response as google.auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Request(google.auth.transport.Request):
    """Sends a request for google.auth, blocking. Raises TransportError."""

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,  # noqa: ANN401 - likewise
    ) -> Response:
        """Send a request; return the response, whatever its status. Times in seconds."""
        seconds = min(timeout or SECONDS, SECONDS)
        deadline = time.monotonic() + seconds
        data = bytearray()
        try:
            with httpx.stream(
                method,
                url,
                content=body,
                headers={**(headers or {}), "Accept-Encoding": "identity"},
                timeout=seconds,
                follow_redirects=False,
            ) as response:
                # unprocessed: httpx would decompress without a limit
                for part in response.iter_raw():
                    data += part
                    if len(data) > RESPONSE_BYTES or time.monotonic() > deadline:
                        raise TransportError(f"{url} sends an endless response")  # type: ignore[no-untyped-call]
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise TransportError(f"{type(exc).__name__}: {exc}") from exc  # type: ignore[no-untyped-call]
        return Response(response.status_code, response.headers, bytes(data))
