"""Alerts from the running system to a real SMTP server and a real HTTP receiver."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from devstack.processes import free_port
from devstack.receiver import Received, Receiver, Reply
from supabase_webhooks.webhooks.alerts import Notice
from supabase_webhooks.webhooks.alerts.email import Email
from supabase_webhooks.webhooks.errors import NoticeError
from tests.e2e.conftest import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

    from tests.e2e.conftest import System

TO = "ops@example.com, night@example.com"


class Mailbox:
    """What an SMTP server took."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.receivers: list[list[str]] = []
        self.refuse = False

    async def handle_DATA(self, _: Any, __: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.refuse:
            return "451 come again"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        self.receivers.append(envelope.rcpt_tos)
        return "250 OK"

    @property
    def subjects(self) -> list[str]:
        """The mails' subjects."""
        return [str(mail["Subject"]).strip() for mail in self.mails]


@contextmanager
def smtp(mailbox: Mailbox, **options: Any) -> Iterator[str]:
    """Run an SMTP server; give its host and port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}"
    finally:
        controller.stop()


def slack(receiver: Receiver) -> list[str]:
    """Return what Slack was told."""
    return [request.payload["text"] for request in receiver.received if request.path == "/slack"]


def test_an_outage(system: System) -> None:
    """Slack is notified when an endpoint has failed for 15 minutes, and when it recovers; so is webhook.alert.

    Once each, however often its circuit opens meanwhile.
    """
    up = False

    def answer(request: Received) -> Reply:
        return Reply(200 if up or request.path != "/ill" else 500)

    with Receiver(answer=answer) as receiver:
        ill = system.endpoint(receiver.url + "/ill", "{user.*}")
        system.endpoint(receiver.url + "/alerts", "{webhook.alert}")
        system.db.execute(
            "update public.webhook_configurations set name = '<!channel> n8n', circuit_reset_seconds = 2,"
            " max_attempts = 20 where id = %s",
            (ill,),
        )
        for _ in range(2):
            system.worker(WEBHOOKS_ALERT_SLACK_URL=receiver.url + "/slack", WEBHOOKS_ALERT_SECONDS="0.2")
        system.dispatch(6)
        past = "update public.webhook_circuits set failing_since = failing_since - interval '15 minutes'"
        system.wait(lambda: system.db.execute(f"{past} where state = 'open'".encode()).rowcount == 1)
        system.wait(lambda: len(slack(receiver)) == 1)
        up = True
        system.wait_for_status("delivered", 6 + 2, seconds=60)
        system.wait(lambda: len(slack(receiver)) == 2)
        alerts = [request for request in receiver.received if request.path == "/alerts"]
    opened, closed = slack(receiver)
    assert opened.startswith('[WARNING] Endpoint "&lt;\u200c!channel&gt; n8n" has failed since ')
    assert closed.startswith('[RESOLVED] Endpoint "&lt;\u200c!channel&gt; n8n" has failed since ')
    assert [request.payload["data"]["status"] for request in alerts] == ["started", "ended"]
    assert all(request.verified(system.secret) for request in alerts)
    assert {request.payload["event"] for request in alerts} == {"webhook.alert"}
    (row,) = system.db.execute("select * from public.webhook_alerts").fetchall()
    assert row["ended_at"] > row["started_at"]


def test_mail_without_workers(system: System) -> None:
    """The gateway reports waiting deliveries when all workers are down; a mail server that rejects is retried."""
    mailbox = Mailbox()
    mailbox.refuse = True
    with smtp(mailbox) as server:
        endpoint = system.endpoint("https://example.com/x")
        system.db.execute(
            "insert into public.webhook_deliveries (webhook_config_id, event_type, payload, next_attempt_at)"
            " select %s, 'x.y', '{}', now() - interval '5 minutes' from generate_series(1, 101)",
            (endpoint,),
        )
        gateway = system.gateway(WEBHOOKS_ALERT_EMAIL_TO=TO, WEBHOOKS_SMTP_URL=f"smtp://{server}")

        def trigger() -> None:
            answer = httpx.post(
                f"{gateway.url}/functions/v1/webhook-dispatcher",
                headers={"Authorization": f"Bearer {TOKEN}"},
                trust_env=False,
            )
            assert answer.status_code == 202
            system.db.execute("update public.webhook_alert_notices set next_try_at = now()")

        trigger()
        assert mailbox.mails == []
        errors = system.db.execute("select error from public.webhook_alert_notices").fetchall()
        assert errors == [
            {"error": "the mail server did not accept the message (SMTPDataError); check WEBHOOKS_SMTP_URL"}
        ]
        mailbox.refuse = False
        for _ in range(3):
            trigger()
        system.db.execute("update public.webhook_deliveries set status = 'failed', finished_at = now()")
        system.db.execute("update public.webhook_deliveries set created_at = now() - interval '2 hours'")
        for _ in range(3):
            trigger()
    assert mailbox.subjects == [
        "Webhooks: [WARNING] 101 deliveries are overdue by more than 60 s",
        "Webhooks: [RESOLVED] 101 deliveries are overdue by more than 60 s",
    ]
    assert mailbox.receivers == [["ops@example.com", "night@example.com"]] * 2
    assert mailbox.mails[0]["From"] == "webhooks@localhost"
    assert "kind     overdue" in mailbox.mails[0].get_content()


def test_a_silent_dispatcher(system: System) -> None:
    """Is critical: both channels are notified, by a worker."""
    mailbox = Mailbox()
    with smtp(mailbox) as server, Receiver() as receiver:
        system.db.execute(
            "insert into public.webhook_dispatcher_runs (source, started_at) values ('x', now() - interval '6 minutes')"
        )
        system.worker(
            WEBHOOKS_ALERT_EMAIL_TO=TO,
            WEBHOOKS_SMTP_URL=f"smtp://{server}",
            WEBHOOKS_ALERT_SLACK_URL=receiver.url + "/slack",
        )
        system.wait(lambda: bool(mailbox.mails and slack(receiver)))
        gateway = system.gateway()
        httpx.post(
            f"{gateway.url}/functions/v1/webhook-dispatcher",
            headers={"Authorization": f"Bearer {TOKEN}"},
            trust_env=False,
        )
        system.wait(lambda: len(mailbox.mails) == 2 and len(slack(receiver)) == 2)
    assert [subject.split("]")[0] for subject in mailbox.subjects] == ["Webhooks: [CRITICAL", "Webhooks: [RESOLVED"]
    assert [text.split("]")[0] for text in slack(receiver)] == ["[CRITICAL", "[RESOLVED"]


NOTICE = Notice(
    alert_id="a",
    moment="started",
    channel="email",
    kind="endpoint_failing",
    severity="warning",
    summary='Endpoint "x\r\nBcc: all@example.com" is ill',
    started_at=datetime(2026, 1, 2, tzinfo=UTC),
)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "certificate.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_a_password_goes_over_tls_only(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """By STARTTLS to a server that is who it says; never in the clear, nor to another's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    tried: list[bytes] = []

    def authenticate(*arguments: Any) -> AuthResult:
        tried.append(arguments[4].password)
        return AuthResult(success=arguments[4].password == b"geh@im", handled=False)

    def send(server: str, password: str) -> None:
        asyncio.run(Email(f"smtp://ops:{password}@{server}", "webhooks@example.com", ["ops@example.com"]).send(NOTICE))

    mailbox = Mailbox()
    with smtp(mailbox, tls_context=context, authenticator=authenticate, auth_required=True) as server:
        with pytest.raises(NoticeError, match="SSLCertVerificationError"):
            send(server, "geh%40im")
        assert tried == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        send(server, "geh%40im")
        with pytest.raises(NoticeError, match="SMTPAuthenticationError") as refused:
            send(server, "falsch")
        assert "falsch" not in str(refused.value)
    with smtp(mailbox) as server, pytest.raises(NoticeError, match="SMTPNotSupportedError"):
        send(server, "geh%40im")
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == 'Webhooks: [WARNING] Endpoint "x\ufffd Bcc: all@example.com" is ill'
