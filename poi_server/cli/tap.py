"""Hold an emulated loyalty card to a station's reader: a real nfcpy read over an emulated field, without hardware."""

from __future__ import annotations

import argparse
import time
from typing import Any

from poi_server.cli.client import Client, connect, show_session

WAIT_SECONDS = 2.0
EXAMPLES = """\
  poi-server tap --card LOY-CAMILLE
  poi-server tap --card LOY-CAMILLE --type 2 --station sta_01k9...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The card and where it is held."""
    parser.add_argument("--card", required=True, metavar="REF", help="the loyalty reference written on the card")
    parser.add_argument("--type", type=int, choices=(2, 4), default=4, help="NFC Forum tag type (default: 4)")
    parser.add_argument("--station", metavar="ID", help="the station's id or name (default: the first)")
    parser.add_argument("--seconds", type=float, default=0.6, help="how long the card stays (default: 0.6)")


def run(options: argparse.Namespace) -> int:
    """Tap, then say what came of it."""
    client = connect(options)
    station_id = client.station(options.station)
    path = f"/v1/stations/{station_id}"
    before = client.get(f"{path}/session")
    client.call("POST", f"{path}/tap", {"card": options.card, "type": options.type, "seconds": options.seconds})
    show_session(_after(client, f"{path}/session", before))
    return 0


def _after(client: Client, path: str, before: Any) -> Any:
    """The session once the reader's thread has presented the card, or as it is after `WAIT_SECONDS`."""
    for _ in range(int(WAIT_SECONDS / 0.05)):
        found = client.get(path)
        if found != before:
            return found
        time.sleep(0.05)
    return before
