"""What every test here may use."""

import pytest

from poi_offers.storetime import zone


@pytest.fixture(scope="session", autouse=True)
def zones() -> None:
    """The zones' files are read before a loop runs, as the server does."""
    for name in ("UTC", "Europe/Paris"):
        zone(name)
