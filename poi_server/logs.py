"""Structured logs on standard error: one JSON object or one readable line each, without secrets or card numbers."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_DIGIT_RUN = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_SECRET_NAMES = frozenset({"secret", "password", "authorization", "cookie", "key", "token"})
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def mask_cards(text: str) -> str:
    """The text with every run of digits that could be a card number (13 to 19 digits, Luhn) masked."""
    return _DIGIT_RUN.sub(lambda found: _masked(found[0]), text)


def _masked(run: str) -> str:
    digits = [int(letter) for letter in run if letter.isdigit()]
    doubled = [digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(reversed(digits))]
    return "[card number]" if sum(doubled) % 10 == 0 else run


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: no secret by name, no card number by form."""
    return {name: _scrubbed(name, value) for name, value in event.items()}


def _scrubbed(name: str, value: Any) -> Any:
    if name.lower() in _SECRET_NAMES:
        return "[redacted]"
    if isinstance(value, str):
        return mask_cards(value)
    return value if isinstance(value, (float, bool, type(None))) else _number_or_text(value)


def _number_or_text(value: Any) -> Any:
    text = mask_cards(str(value))
    return value if isinstance(value, int) and text == str(value) else text


def _processors(style: str, *, colours: bool) -> list[Processor]:
    shared: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        scrub,
    ]
    last: Processor = (
        structlog.processors.JSONRenderer() if style == "json" else structlog.dev.ConsoleRenderer(colors=colours)
    )
    return [*shared, last]


class _Unfailing:
    """A stream whose faults stay its own: a full disk or a closed pipe loses log lines, never an answer."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or lose it."""
        with suppress(OSError, ValueError):
            return self._stream.write(text)
        return 0

    def flush(self) -> None:
        """Flush, or lose it."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure_logs(style: str, level: str, stream: TextIO | None = None) -> None:
    """Log from now on as `style` `json` or `text`, from `level` on; called by `serve` alone."""
    out = stream or sys.stderr
    structlog.configure(
        processors=_processors(style, colours=out.isatty()),
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(out))),
        cache_logger_on_first_use=True,
    )
    for name in ("aiohttp", "asyncio", "redis"):
        logger = logging.getLogger(name)
        logger.handlers = [_Bridge(logging.WARNING)]
        logger.propagate = False
    logging.getLogger("nfc.clf").setLevel(logging.CRITICAL)  # an absent reader is said once, by our own event


class _Bridge(logging.Handler):
    """Sends what libraries log the standard way through our log."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write(record.getMessage(), exc_info=record.exc_info)
