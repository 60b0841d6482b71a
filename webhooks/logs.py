"""Logs: one JSON object a line, with the ids of what was under way when it was said."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

    from webhooks.settings import Settings

#: Loggers that say a line for each request, with its URL, which may hold a token; and uvicorn's own access log,
#: which repeats the gateway's without its ids.
QUIET = ("httpx", "httpcore", "uvicorn.access")

#: Loggers that are set up by whoever starts the process: they are to speak as the rest does.
ADOPTED = ("uvicorn", "uvicorn.error", "dramatiq")


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream`, else stderr. For composition roots; may be called again.

    What is bound with `structlog.contextvars` (request_id, delivery_id, attempt, trace_id) stands in every line.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # as text: a structured trace would carry local variables, and secrets in them
    last: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(serializer=_json),
    ]
    if settings.log_format == "console":
        last[-1] = structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ADOPTED:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _json(value: object, **_: Any) -> str:  # noqa: ANN401 - json.dumps's own arguments, which msgspec has no use for
    return msgspec.json.encode(value, enc_hook=str).decode()
