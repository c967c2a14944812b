"""`python -m bench --quick`: every part runs against the servers as they are shipped, and prints its rows."""

import pytest

from tests.bench.running import printed

PROMISED = (
    "tap to offers on the screen",
    "decisions a second",
    "a bare handler",
    "paid sales a second",
    "every question together",
)

pytestmark = [pytest.mark.slow, pytest.mark.valkey]


async def test_the_quick_run_measures_every_part() -> None:
    out = await printed("bench", "--quick")
    assert [what for what in PROMISED if what not in out] == []
