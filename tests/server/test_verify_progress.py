"""`poi-server verify` says what it is at, once it takes a while."""

import io

import pytest

from poi_server.cli.verify import Shown


class Terminal(io.StringIO):
    """A stream that says it is a terminal, or not."""

    def __init__(self, live: bool) -> None:
        super().__init__()
        self.live = live

    def isatty(self) -> bool:
        """As made."""
        return self.live


@pytest.mark.parametrize(
    ("live", "shown"),
    [(False, "check 2 of 3: receipt, 5 s\n"), (True, f"\r{'check 2 of 3: receipt, 5 s':<60}\r{'':<60}\r")],
)
def test_a_check_is_named_once_a_few_seconds_have_passed(live: bool, shown: str) -> None:
    stream = Terminal(live)
    seconds = iter([100.0, 102.0, 105.0])
    progress = Shown(stream, lambda: next(seconds))
    progress.begin("ledger-zero", 1, 3)
    progress.begin("receipt", 2, 3)
    progress.close()
    assert stream.getvalue() == shown
