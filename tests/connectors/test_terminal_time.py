"""A terminal whose clock is minutes from the server's is told of."""

from datetime import timedelta
from pathlib import Path

import pytest

from poi_engine.connectors.terminal_time import TerminalTimes
from tests.connectors.test_nexo_terminal import S, counter


@pytest.mark.parametrize(("minutes", "secured"), [(45, False), (-45, True), (4, False)])
async def test_a_terminal_whose_clock_is_minutes_from_ours_is_told_of(
    tmp_path: Path, minutes: int, secured: bool
) -> None:
    """By the transaction's own time, and by the HTTP date of what answers a question; until both agree again."""
    async with counter(tmp_path, secured=secured) as here:
        connector = here.connector()
        here.terminal.ahead = timedelta(minutes=minutes)
        for ask in (lambda: connector.authorise(S, "pay_1", 1000, "EUR", None), lambda: connector.probe(S)):
            await ask()
            gap = connector.clock_gaps().get(S, 0)
            assert abs(gap - minutes * 60) < 60 if abs(minutes) > 5 else gap == 0
        here.terminal.ahead = timedelta()
        await connector.probe(S)
        assert connector.clock_gaps() == {}


@pytest.mark.parametrize("said", ["", "2026-01-01T12:00:00", "yesterday", "99", "2026-13-01T12:00:00Z", "Sun, 32 Jan"])
def test_a_time_without_an_offset_says_nothing(said: str) -> None:
    times = TerminalTimes()
    times.heard(S, said, 0.0)
    assert times.gaps == {}
