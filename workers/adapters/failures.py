"""Why an exchange with a receiver failed, in words for the endpoint's owner."""

from __future__ import annotations

import errno
import socket
import ssl

import httpx

UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


def described(error: httpx.HTTPError) -> str:
    """Return the reason: of a connection that failed from its cause, an OSError; of all else from its own text."""
    text = str(error) or "no details"
    if isinstance(error, httpx.ConnectError):
        return _unconnected(error.__cause__, text)
    if isinstance(error, httpx.ProtocolError):
        return text
    if isinstance(error, httpx.NetworkError):
        return f"the connection was lost: {text}"
    return f"{type(error).__name__}: {text}"


def _unconnected(cause: BaseException | None, text: str) -> str:
    match cause:
        case socket.gaierror(errno=socket.EAI_AGAIN):
            reason = "the name server cannot resolve the URL's host at the moment"
        case socket.gaierror():
            reason = "the URL's host does not resolve"
        case ssl.SSLCertVerificationError():
            reason = f"the certificate is not accepted: {cause.verify_message.rstrip('.')}"
        case ssl.SSLError():
            # OpenSSL's own have a reason, such as WRONG_VERSION_NUMBER
            reason = f"the server does not speak TLS correctly: {getattr(cause, 'reason', None) or cause}"
        case ConnectionRefusedError():
            reason = "connection refused"
        case OSError(errno=number) if number in UNREACHABLE:
            reason = "the URL's host is unreachable"
        case _:
            reason = f"no connection: {text}"
    return reason
