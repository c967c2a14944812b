"""What the scanner tests share."""

import os
import shutil

import pytest

from poi_qr.decoders import engines


@pytest.fixture(autouse=True)
def _libzbar_present(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("zbar") and "zbar" not in engines():
        _absent("libzbar is not installed: apt-get install libzbar0")


@pytest.fixture
def node() -> str:
    """The path of Node.js, which runs the browser's modules."""
    found = shutil.which("node")
    if found is None:
        _absent("Node.js is not installed: apt-get install nodejs")
    return str(found)


def _absent(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
