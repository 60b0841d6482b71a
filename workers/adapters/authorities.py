"""Certificate authorities that receivers' certificates are checked with: the public ones, and the settings' own."""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

import httpx

from supabase_webhooks.webhooks.errors import SetupError

#: Names of certificate files in a folder.
SUFFIXES = frozenset({".pem", ".crt", ".cer"})


@cache  # loading the certificates takes 20 ms: once a process, not once a connection
def trusted(bundle: str) -> ssl.SSLContext:
    """Return the context for https with a file's or folder's authorities added. Raises SetupError for a wrong one."""
    context = lenient(httpx.create_ssl_context(trust_env=False))
    context.set_alpn_protocols(["http/1.1"])
    if bundle:
        path = Path(bundle)
        try:
            for file in sorted(path.iterdir()) if path.is_dir() else [path]:
                if file == path or file.suffix.lower() in SUFFIXES:
                    context.load_verify_locations(cafile=file)
        except OSError as exc:  # ssl.SSLError is one
            raise SetupError(f"WEBHOOKS_CA_BUNDLE, {bundle}: no PEM certificates: {exc}") from exc
    return context


def lenient(context: ssl.SSLContext) -> ssl.SSLContext:
    """Accept what Python accepted before 3.13: certificates without key identifiers, as librdkafka does too.

    Companies' own authorities often issue such ones. Signatures, names and dates are checked as before.
    """
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
