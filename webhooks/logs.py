"""Logs: one JSON object per line, with the ids of what was in progress."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

from supabase_webhooks.webhooks.plain import escaped, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from structlog.typing import EventDict, WrappedLogger

    from supabase_webhooks.webhooks.settings import Settings

#: Loggers that write a line for each request, with its URL, which may contain a token; and uvicorn's own access log,
#: which repeats the gateway's without its ids.
QUIET = ("httpx", "httpcore", "uvicorn.access")

#: Loggers that the process's starter configures: they must use our format.
ADOPTED = ("uvicorn", "uvicorn.error", "dramatiq")

#: The ids of what is in progress (request_id, delivery_id, attempt, trace_id): every line has them. One variable
#: for all: to bind and look up four of structlog's cost as much as signing does. Setting it binds for the task.
under_way: ContextVar[Mapping[str, Any]] = ContextVar("under_way", default=MappingProxyType({}))

#: A log record's own attributes; all others were passed as `extra`.
_OWN = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "color_message"})

_encoder = msgspec.json.Encoder(enc_hook=str)


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send all logs of the process to `stream`, else stderr. For composition roots; may be called again."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_console() if settings.log_format == "console" else JsonFormatter())
    # lines do not say where they were written, nor by which thread: looking it up costs as much as the rest
    logging._srcfile = None  # noqa: SLF001 - the logging HOWTO, "Optimization", names it
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ADOPTED:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.NOTSET)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def bound(**ids: Any) -> Iterator[None]:  # noqa: ANN401 - whatever JSON can say
    """Add these ids to every line within."""
    token = under_way.set({**under_way.get(), **ids})
    try:
        yield
    finally:
        under_way.reset(token)


class JsonFormatter(logging.Formatter):
    """A line of JSON: the ids, what `extra` gave, and `event`, `level`, `logger`, `timestamp`, `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = _fields(record)
        line["event"] = record.getMessage()
        line["level"] = record.levelname.lower()
        line["logger"] = record.name
        line["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
        if record.exc_info:
            # as text: a structured trace would carry local variables, and secrets in them
            line["exception"] = self.formatException(record.exc_info)
        try:
            text = _encoder.encode(line).decode()
        except UnicodeEncodeError:
            text = json.dumps(line, default=str)
        # logs that are read on a terminal must not control it
        return escaped(text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the ids that a record is said under, and what was given with it."""
    given = record.__dict__
    return {**under_way.get(), **{name: given[name] for name in given if name not in _OWN}}


class PlainFormatter(structlog.stdlib.ProcessorFormatter):
    """structlog's format for people, made safe for terminals, whatever a receiver sent."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return plain(super().format(record))


def _console() -> logging.Formatter:
    """Return structlog's form for people."""

    def add_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {**_fields(event["_record"]), **event}

    return PlainFormatter(
        foreign_pre_chain=[
            add_fields,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=False),
        ],
    )
