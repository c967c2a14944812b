"""Ask which offers apply, without selling anything: a place, a time, a customer or none, a basket; every reason."""

from __future__ import annotations

import argparse

from poi_server.cli.client import connect, show
from poi_server.cli.files import read_json

HELP = "decide a basket without selling it"
EXAMPLES = """\
  poi-server decide basket.json
  echo '{"store_id": "sto_...", "basket": {"currency": "EUR", "items": []}}' | poi-server decide -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The question."""
    parser.add_argument("file", metavar="FILE", help="JSON as POST /v1/decisions takes it; - reads standard input")


def run(options: argparse.Namespace) -> int:
    """Print the decision."""
    question = read_json(options.file)
    show(connect(options).call("POST", "/v1/decisions", question))
    return 0
