"""The simulation runs its SQL on the loop on purpose: the seed alone decides who goes first."""

import pytest


@pytest.fixture(autouse=True)
def nobody_blocks_the_loop() -> None:
    """Nobody watches the loop here."""
