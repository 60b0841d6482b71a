"""What every page shares: its frame, a message from the action before, and how its values are written."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_200_OK, HTTP_303_SEE_OTHER
from markupsafe import Markup

from supabase_webhooks.gateway.csrf import csrf_token
from supabase_webhooks.gateway.prefix import Links, root, rooted
from supabase_webhooks.webhooks.durations import ago, interval
from supabase_webhooks.webhooks.errors import QueueUnavailable
from supabase_webhooks.webhooks.queue import announce
from supabase_webhooks.webhooks.retries import waiting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request

    from supabase_webhooks.gateway.session import Admin
    from supabase_webhooks.webhooks.queue import Broker
    from supabase_webhooks.webhooks.settings import Settings

logger = logging.getLogger(__name__)

TEMPLATES = Path(__file__).parent.parent / "templates"

#: Stands for no value.
NOTHING = "\N{EN DASH}"

#: What an endpoint speaks, by the scheme of its URL.
PROTOCOLS = {
    "http": "HTTP", "https": "HTTPS", "sqs": "SQS", "pubsub": "Pub/Sub", "kafka": "Kafka", "listen": "listen"
}  # fmt: skip

#: The navigation: address and name.
SECTIONS = {
    "/": "Overview",
    "/deliveries": "Deliveries",
    "/endpoints": "Endpoints",
    "/events": "Events",
    "/runs": "Dispatcher",
    "/trigger-errors": "Trigger errors",
    "/tokens": "Tokens",
}

#: The addresses of it that viewers have.
FOR_VIEWERS = ("/", "/deliveries", "/endpoints")


def template_engine() -> JinjaTemplateEngine:
    """Return the engine. Every value is escaped, and one that is missing is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.add_extension(Links)
    environment.globals["root"] = root
    environment.filters |= {
        "moment": moment,
        "ago": ago,
        "interval": interval,
        "waiting": waiting,
        "number": number,
        "query": urlencode,
        "rooted": rooted,
        "breakable": breakable,
        "word": word,
        "protocol": protocol,
    }
    engine = JinjaTemplateEngine.from_environment(environment)
    engine.register_template_callable("csrf_token", csrf_token)
    return engine


def page(
    request: Request[Any, Any, Any],
    template: str,
    admin: Admin | None = None,
    *,
    status: int = HTTP_200_OK,
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> Template:
    """Return a page. A message that the action before left is shown once."""
    flash = request.session.pop("flash", None) if request.session else None
    sections = {address: SECTIONS[address] for address in FOR_VIEWERS} if admin and admin.viewer else SECTIONS
    frame = {"admin": admin, "sections": sections, "path": request.scope["path"], "flash": flash}
    return Template(template, context={**frame, **context}, status_code=status)


def go(
    request: Request[Any, Any, Any],
    path: str,
    message: str | None = None,
    *,
    kind: str = "done",
    sent: int | None = None,
) -> Redirect:
    """Return a redirect after an action, with a message for the next page: `kind` is "done", "error" or "warning".

    `sent`: the attempts that a delivery had when it was sent again; its page replaces the message once it has more.
    """
    if message is not None:
        kind = kind if sent is None else "sent"
        request.session["flash"] = {"kind": kind, "text": message, "sent": sent}
    return Redirect(rooted(path), status_code=HTTP_303_SEE_OTHER)


async def wake(broker: Broker, settings: Settings, due: int = 1) -> None:
    """Wake the workers. While the broker is unavailable, the sweep still finds what is due."""
    try:
        await asyncio.to_thread(announce, broker, due=due, max_jobs=settings.max_jobs)
    except QueueUnavailable as exc:
        logger.warning("%s; the sweep continues", exc)


def retried(done: dict[str, Any]) -> str:
    """Return the result of a bulk retry, in words."""
    more = " There are more: retry again for the next ones." if done["more"] else ""
    count = done["retried"]
    return (
        f"{count:,} {'delivery is' if count == 1 else 'deliveries are'} due now.{more}"
        if count
        else "No deliveries are waiting for their next attempt."
    )


def moment(text: str | None) -> str:
    """Return a time for people, in UTC: 24 Nov 21:40:03, with the year unless it is the current one."""
    if not text:
        return NOTHING
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at:%-d %b %H:%M:%S}" if at.year == datetime.now(UTC).year else f"{at:%-d %b %Y %H:%M:%S}"


def breakable(text: str) -> Markup:
    """Return a name that may break after a point or an underscore, and not within a word."""
    return Markup("<wbr>").join(re.split(r"(?<=[._])", text))


def word(delivery: Mapping[str, Any]) -> str:
    """Return a delivery's status as the pages name it: pending, sending, retrying, delivered or failed."""
    status = str(delivery["status"])
    return {"processing": "sending"}.get(status, "retrying" if status == "pending" and delivery["attempts"] else status)


def protocol(url: str) -> str:
    """Return the name of a URL's protocol."""
    scheme = url.partition("://")[0]
    return PROTOCOLS.get(scheme, scheme)


def number(value: float | None) -> str:
    """Return a number with separators: 12,345; a dash for None."""
    return NOTHING if value is None else f"{value:,}"
