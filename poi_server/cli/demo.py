"""Perform the whole story without a person: tap, scan, offers, payment, refund, on a fresh server of its own.

Every step is told and checked; the exit code is 0 only when all came out as they must. The last line is
`paid sale=<id> subtotal=<minor> saved=<minor> total=<minor> points=<n> offers=<ids>`.
"""

from __future__ import annotations

import argparse

from poi_server.demo.story import tell_story

EXAMPLES = "  poi-server demo\n"


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(_options: argparse.Namespace) -> int:
    """Tell the story."""
    return tell_story()
