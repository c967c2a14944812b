"""The driver's own loop carries the tills alone: what the server may block is watched in its own tests."""

import pytest


@pytest.fixture(autouse=True)
def nobody_blocks_the_loop() -> None:
    """Nobody watches the driver's loop."""
