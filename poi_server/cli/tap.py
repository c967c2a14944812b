"""Hold an emulated loyalty card to a station's reader: a real nfcpy read over an emulated field, without hardware."""

from __future__ import annotations

import argparse
import time

from poi_server.cli.client import connect, show_session

HELP = "tap an emulated loyalty card at a station"
EXAMPLES = """\
  poi-server tap --card 2900000000017
  poi-server tap --card 2900000000017 --type 2 --station sta_01k9...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The card and where it is held."""
    parser.add_argument("--card", required=True, metavar="REF", help="the loyalty reference written on the card")
    parser.add_argument("--type", type=int, choices=(2, 4), default=4, help="NFC Forum tag type (default: 4)")
    parser.add_argument("--station", metavar="ID", help="the station's id or name (default: the only one)")
    parser.add_argument("--seconds", type=float, default=0.6, help="how long the card stays (default: 0.6)")


def run(options: argparse.Namespace) -> int:
    """Tap, then say what came of it."""
    client = connect(options)
    station_id = client.station(options.station)
    path = f"/v1/stations/{station_id}"
    client.call("POST", f"{path}/tap", {"card": options.card, "type": options.type, "seconds": options.seconds})
    time.sleep(0.3)  # the read is under way in the server's reader thread
    show_session(client.get(f"{path}/session"))
    return 0
