"""Slack, and compatible incoming webhooks (Mattermost, Rocket.Chat, Discord's /slack).

Source: https://api.slack.com/messaging/webhooks
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import httpx

from supabase_webhooks.webhooks.errors import NoticeError

if TYPE_CHECKING:
    from supabase_webhooks.webhooks.alerts import Notice
    from supabase_webhooks.webhooks.settings import Settings


class Slack:
    """Posts to one incoming webhook, whose URL is a secret."""

    def __init__(self, url: str) -> None:
        self._url = url

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the channel that the settings set up."""
        return cls(settings.alert_slack_url) if settings.alert_slack_url else None

    async def send(self, notice: Notice) -> None:
        """Post a notice."""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=None) as client:  # noqa: S113 - bounded by the caller
                response = await client.post(self._url, json=message(notice.title))
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            # its text may repeat the URL
            raise NoticeError(f"Slack did not respond ({type(exc).__name__}); check WEBHOOKS_ALERT_SLACK_URL") from None
        if not response.is_success:
            raise NoticeError(f"Slack returned {response.status_code}; check WEBHOOKS_ALERT_SLACK_URL")


#: Where text becomes a mention or a link: <!everyone>, <@U1>, <url|text>, @channel, [text](url), https://, www.
_COMMANDS = re.compile(r"<|@|\](?=\()|:(?=//)|www(?=\.)", re.IGNORECASE)

#: Inserted after such a mark: it has no width, and breaks the service's syntax.
_ENDS = "\N{ZERO WIDTH NON-JOINER}"


def message(text: str) -> dict[str, Any]:
    """Return a message that is only text: names and errors in it cannot mention anyone or become links.

    Sources: https://docs.slack.dev/messaging/formatting-message-text, "Escaping text";
    https://docs.discord.com/developers/resources/message, "Allowed Mentions Object".
    """
    words = _COMMANDS.sub(lambda found: found[0] + _ENDS, text)
    return {
        "text": words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "allowed_mentions": {"parse": []},
    }
