"""The log: one object a line, without secrets or card numbers."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from poi_server.logs import configure_logs, mask_cards


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What the log writes, with the configuration put back afterwards, that of the libraries' loggers too."""
    before = structlog.get_config()
    theirs = [logging.getLogger(name) for name in ("aiohttp", "asyncio", "redis")]
    kept = [(logger, logger.handlers, logger.propagate) for logger in theirs]
    out = io.StringIO()
    configure_logs("json", "info", out)
    yield out
    structlog.configure(**before)
    for logger, handlers, propagate in kept:
        logger.handlers, logger.propagate = handlers, propagate


def test_a_line_is_an_object_with_time_and_level(stream: io.StringIO) -> None:
    structlog.get_logger().warning("reader_absent", station="sta_1", ms=1.5)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["level"], line["station"], line["ms"]) == ("reader_absent", "warning", "sta_1", 1.5)
    assert line["timestamp"].endswith("Z")


def test_secrets_and_card_numbers_do_not_get_in(stream: io.StringIO) -> None:
    try:
        raise ValueError("card 4111 1111 1111 1111 refused")
    except ValueError as error:
        structlog.get_logger().error("broke", secret="hush", card=5555555555554444, exc_info=error)
    text = stream.getvalue()
    assert "[card number]" in text
    assert not any(part in text for part in ("4111", "5555", "hush"))


@pytest.mark.parametrize("text", ["4111111111111111", "4111-1111-1111-1111", "a 30569309025904 b", "6304000000000000"])
def test_card_numbers_are_masked(text: str) -> None:
    assert "[card number]" in mask_cards(text)


@pytest.mark.parametrize("text", ["4111111111111112", "sal_01m80s9", "3017620422003 Nutella", "12345"])
def test_other_numbers_stay(text: str) -> None:
    assert mask_cards(text) == text
