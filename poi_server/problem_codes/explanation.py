"""The words of one problem code."""

from typing import NamedTuple


class Explanation(NamedTuple):
    """The words of one code's page."""

    title: str
    meaning: str
    mend: str = ""
