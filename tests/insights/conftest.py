"""What every test here may use."""

import pytest

from tests.insights.world import load_zones


@pytest.fixture(scope="session", autouse=True)
def zones() -> None:
    """The zones' files are read before a loop runs, as the server does."""
    load_zones()
