"""Logging: structlog for every line of the process, with the request id, without secrets or frame locals."""

import logging
import sys
from contextvars import ContextVar
from typing import TextIO
from urllib.parse import unquote

import orjson
import structlog
from structlog.typing import EventDict, Processor

from app.core.config import Environment, Settings
from app.core.context import RequestContext
from app.core.runtime.masking import MASK, SECRET_NAME, mask, mask_path

URL_POSITION = 2
"""The position of the URL among the arguments of uvicorn's access line."""


logged_request: ContextVar[RequestContext | None] = ContextVar("logged_request", default=None)
"""The request whose ids every line has."""


def add_request_ids(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Add the ids of the request."""
    request = logged_request.get()
    if request is None:
        return event
    ids = {"request_id": request.request_id, "call_id": request.call_text}
    if request.trace_id is not None:
        ids["trace_id"] = request.trace_id
    return {**ids, **event}


def scrub(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask values by name, and credentials and e-mail addresses in any text, rendered tracebacks included."""
    return {name: MASK if SECRET_NAME.search(name) else mask(value) for name, value in event.items()}


def drop_color(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Drop the coloured copy of uvicorn's messages."""
    event.pop("color_message", None)
    return event


class UrlFilter(logging.Filter):
    """Removes the query from the access lines of granian and uvicorn, which may hold anything, and masks the path."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(loggable_url(str(a)) if i == URL_POSITION else a for i, a in enumerate(record.args))
        elif record.args and "path" in record.args:
            record.args = {**record.args, "path": mask_path(str(record.args["path"])), "query_string": ""}
        return True


def loggable_url(url: str) -> str:
    """The path of a percent-encoded `url`."""
    return mask_path(unquote(url.partition("?")[0]))


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every line of the process to `stream` (stdout) by one formatter: JSON in production, else plain text."""
    stream = stream or sys.stdout
    shared: list[Processor] = [
        add_request_ids,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        drop_color,
        scrub,
    ]
    if settings.environment is Environment.production:
        traceback = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        final: list[Processor] = [
            structlog.processors.ExceptionRenderer(traceback),
            scrub,
            structlog.processors.JSONRenderer(lambda event, **_: orjson.dumps(event, default=str).decode()),
        ]
    else:
        final = [
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    replace_handlers(handler, logging.DEBUG if settings.debug else logging.INFO)


def replace_handlers(handler: logging.Handler, level: int) -> None:
    """Make `handler` the only handler of the process, instead of uvicorn's own."""
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("aiosqlite", "alembic", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        if logger.handlers:  # without any, uvicorn was told either to pass lines on or to be silent
            logger.handlers = []
            logger.propagate = True
    for name in ("uvicorn.access", "granian.access"):
        access = logging.getLogger(name)
        if not any(isinstance(existing, UrlFilter) for existing in access.filters):
            access.addFilter(UrlFilter())
