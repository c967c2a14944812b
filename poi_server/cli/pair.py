"""Show a single-use pairing code in the terminal: scan it with the device to pair, or open its link."""

from __future__ import annotations

import argparse
from typing import get_args

import segno

from poi_engine.access import PairingRole
from poi_server.cli.client import connect

EXAMPLES = """\
  poi-server pair --role station --subject sta_01k9...
  poi-server pair --role auditor --subject slr_01k9...
  poi-server pair --role owner            a way back in when the owner's secret was lost
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whom to pair."""
    parser.add_argument("--role", required=True, choices=get_args(PairingRole))
    parser.add_argument("--subject", default="", metavar="ID", help="the person's, station's or customer's id")


def run(options: argparse.Namespace) -> int:
    """Print the code and its link."""
    client = connect(options)
    made = client.call("POST", "/v1/pairings", {"role": options.role, "subject_id": options.subject})
    segno.make_qr(made["url"]).terminal(compact=True)
    print(made["url"])
    print(f"works once, until {made['expires_at']}")
    return 0
