"""List, add, pause, resume and remove offers of the running server."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from poi_server.cli.client import Client, connect
from poi_server.cli.files import read_json

EXAMPLES = """\
  poi-server offers list
  poi-server offers add ten-percent.json
  poi-server offers pause off_ten
  poi-server offers export > offers.ndjson
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which offer."""
    parser.add_argument("act", choices=("list", "export", "add", "pause", "resume", "remove"))
    parser.add_argument("what", nargs="?", metavar="FILE|ID", help="add: a JSON file (- reads standard input)")


def run(options: argparse.Namespace) -> int:
    """Do it and say so."""
    if options.act not in ("list", "export") and not options.what:
        print(f"poi-server offers {options.act}: name the {'file' if options.act == 'add' else 'offer'}.")
        return 2
    client = connect(options)
    if options.act == "list":
        for head in _heads(client):
            print(_line(head))
    elif options.act == "export":
        for head in _heads(client):
            sys.stdout.write(msgspec.json.encode(head).decode() + "\n")
    elif options.act == "add":
        made = client.call("POST", "/v1/offers", read_json(options.what))
        print(f"added {_offer(made)['offer_id']}")
    elif options.act == "remove":
        client.call("DELETE", f"/v1/offers/{options.what}")
        print(f"removed {options.what}")
    else:
        client.call("POST", f"/v1/offers/{options.what}/{options.act}")
        print(f"{options.act}d {options.what}")
    return 0


def _heads(client: Client) -> Iterator[dict[str, Any]]:
    """Every offer with its state, by id, page by page."""
    after: str | None = ""
    while after is not None:
        page = client.get(f"/v1/offers?limit=200&after={quote(after)}")
        yield from page["items"]
        after = page.get("next")


def _offer(head: dict[str, Any]) -> dict[str, Any]:
    offer: dict[str, Any] = head.get("offer", head)
    return offer


def _line(head: dict[str, Any]) -> str:
    offer = _offer(head)
    name = offer["name"].get("en") or offer["name"].get("fr") or ""
    return f"{offer['offer_id']:<24} {head.get('state', ''):<8} v{offer.get('version', 1):<4} {name}"
