"""Scenario h: receivers over TLS, beside the same over plain HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bench.trusting import TRUSTED
from bench.world import DIRECTORY
from webhooks.cli.processes import WORKER_ENVIRONMENT

if TYPE_CHECKING:
    from pathlib import Path

    from bench.world import World
    from devstack.processes import Child


def certificate() -> Path:
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
    file = DIRECTORY / "receiver.pem"
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
        **{TRUSTED: str(trusted), **WORKER_ENVIRONMENT},
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
