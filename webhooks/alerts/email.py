"""E-mail over SMTP."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from supabase_webhooks.webhooks.errors import NoticeError

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.alerts import Notice
    from supabase_webhooks.webhooks.settings import Settings

#: scheme -> its port. smtp: TLS by STARTTLS, where the server offers it. smtps: TLS from the first byte.
PORTS = {"smtp": 587, "smtps": 465}

#: Seconds for each step of the exchange; the caller bounds the whole, but cannot end a thread.
STEP_TIMEOUT = 10


class Email:
    """Sends to the given addresses through one server."""

    def __init__(self, url: str, sender: str, receivers: list[str]) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "smtps"
        self._host, self._port = parts.hostname or "localhost", parts.port or PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._sender, self._receivers = sender, receivers

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the channel that the settings set up, which they have checked."""
        receivers = [address.strip() for address in settings.alert_email_to.split(",") if address.strip()]
        return cls(settings.smtp_url, settings.alert_email_from, receivers) if receivers else None

    async def send(self, notice: Notice) -> None:
        """Send a notice."""
        try:
            await asyncio.to_thread(self._deliver, self._message(notice))
        except (OSError, smtplib.SMTPException) as exc:
            # an SMTP error contains the server's text, which may repeat what was sent to it
            raise NoticeError(
                f"the mail server did not accept the message ({type(exc).__name__}); check WEBHOOKS_SMTP_URL"
            ) from exc

    def _message(self, notice: Notice) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"Webhooks: {notice.title}"
        message["From"] = self._sender
        message["To"] = ", ".join(self._receivers)
        at = notice.ended_at if notice.moment == "ended" and notice.ended_at else notice.started_at
        message["Date"] = format_datetime(at)
        message["Message-ID"] = make_msgid(f"{notice.alert_id}.{notice.moment}", domain="webhooks.invalid")
        lines = [notice.title, "", f"kind     {notice.kind}", f"started  {notice.started_at:%Y-%m-%d %H:%M:%S} UTC"]
        if notice.ended_at:
            lines.append(f"ended    {notice.ended_at:%Y-%m-%d %H:%M:%S} UTC")
        message.set_content("\n".join(lines) + "\n")
        return message

    def _deliver(self, message: EmailMessage) -> None:
        with self._connected() as server:
            if self._user:
                server.login(self._user, self._password)
            server.send_message(message)

    def _connected(self) -> smtplib.SMTP:
        """Return a connection, encrypted where there is a password to protect or the server offers it."""
        context = ssl.create_default_context()
        if self._tls:
            return smtplib.SMTP_SSL(self._host, self._port, timeout=STEP_TIMEOUT, context=context)
        server = smtplib.SMTP(self._host, self._port, timeout=STEP_TIMEOUT)
        try:
            self._encrypt(server, context)
        except BaseException:
            server.close()
            raise
        return server

    def _encrypt(self, server: smtplib.SMTP, context: ssl.SSLContext) -> None:
        server.ehlo()
        if server.has_extn("starttls"):
            if not self._user:
                # a local relay's own certificate: unverified TLS is still better than no TLS
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            server.starttls(context=context)
            server.ehlo()
        elif self._user:
            raise smtplib.SMTPNotSupportedError("the server offers no TLS, and a password is not sent in plain text")
