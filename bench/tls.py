"""Scenario h: receivers over TLS, alongside the same over plain HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench import rivals
from bench.drain import WARM, drain
from bench.figures import spread, spreads
from bench.progress import rounds
from bench.trusting import TRUSTED
from supabase_webhooks.webhooks.cli.processes import WORKER_ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from bench.figures import Figures
    from bench.world import World
    from devstack.processes import Child

#: Seconds after which workers keep no idle connection, so that every round of (h) begins with its handshakes.
IDLE = 4.5


def certificate(directory: Path) -> Path:
    """Make a certificate for 127.0.0.1 that vouches for itself; return the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the benchmark's receiver")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(minutes=5),
        not_valid_after=now + timedelta(days=2),
    )
    # what Python 3.13 and newer insist on
    extensions: dict[x509.ExtensionType, bool] = {
        x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]): False,
        x509.BasicConstraints(ca=True, path_length=0): True,
        _usage(): True,
        identifier: False,
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier): False,
    }
    for extension, critical in extensions.items():
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(key, hashes.SHA256())
    file = directory / "receiver.pem"
    file.touch(mode=0o600)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


def trusting_worker(world: World, processes: int, trusted: Path) -> Child:
    """Start workers that trust the certificate, set up as `webhooks worker` does."""
    child = world.run(
        "bench.trusting",
        *("--threads", "1", "--processes", str(processes)),
        environment={TRUSTED: str(trusted), **WORKER_ENVIRONMENT},
        code=world.code,
    )
    child.wait_ready(lambda: child.tail().count("ready for action") >= processes)
    world.measure("worker", child)
    return child


def _usage() -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: name in {"digital_signature", "key_cert_sign"} for name in names})


def run(world: World, *, short: bool) -> dict[str, Any]:
    """Drain to 10 endpoints over https and over http, interleaved, from no connection; each is a TLS handshake."""
    rows = 3_000 if short else 10_000
    file = certificate(world.directory)
    plain, secure = world.receiver, world.receive(file)
    worker = trusting_worker(world, 2, file)
    found: list[dict[str, Figures]] = []
    drain(world, WARM, 10)
    for number in rounds("h", 2 if short else 4):
        order = [("http", plain), ("https", secure)]
        one = {}
        for name, url in order if number % 2 == 0 else order[::-1]:
            time.sleep(IDLE)
            one[name] = drain(world, rows, 10, receiver=url)
        alone = rivals.ceiling(world, rows, 10, url=secure, certificate=file)
        found.append({"http": one["http"], "https": one["https"], "client alone, https": alone})
    worker.stop()
    world.unmeasure("receiver over TLS")
    ratio = spread([one["https"]["deliveries/s"] / one["http"]["deliveries/s"] for one in found])
    figures = {name: spreads([one[name] for one in found]) for name in found[0]}
    return {"rows": rows, "ratios": {"https / http": {"ratio": ratio}}, "figures": figures, "each round": found}
