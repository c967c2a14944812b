"""Ask which offers apply, without selling anything: a place, a time, a customer or none, a basket; every reason."""

from __future__ import annotations

import argparse

from poi_server.cli.client import connect, show
from poi_server.cli.files import read_json

EXAMPLES = """\
  poi-server decide basket.json
  echo '{"currency": "EUR", "entries": [{"label": "Cake", "amount": 2450}]}' | poi-server decide -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The question."""
    parser.add_argument("file", metavar="FILE", help="JSON as POST /v1/decisions takes it; - reads standard input")
    parser.add_argument("--store", metavar="ID", help="where, if FILE names no place (default: the only store)")


def run(options: argparse.Namespace) -> int:
    """Print the decision."""
    question = read_json(options.file)
    client = connect(options)
    if isinstance(question, dict) and not question.keys() & {"store_id", "place"}:
        question["store_id"] = client.store(options.store)
    show(client.call("POST", "/v1/decisions", question))
    return 0
