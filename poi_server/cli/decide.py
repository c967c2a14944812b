"""Ask which offers apply, without selling anything: a place, a time, a customer or none, a basket; every reason.

With FILE the running server answers, with its own offers, products, customers and what is left of their limits.

With --offers and --requests past baskets are replayed against a draft catalogue, without a server and without storage:
what would these offers have given, to whom, and what would they have cost? Nothing is stored or changed.

  offers    one offer a line, a JSON array of them, or what `poi-server offers export` prints; paused ones are left out
  requests  one a line: the body of POST /v1/decisions, with its time as `at`, its lines as `items` and what was on file
            about the customer as `customer`; or a situation {"at", "place", "basket", "customer", "payment"}.
            Without `channel` the first comes from a partner's app, as it does there, the second from a counter
  answer    one decision a line, in the order of the requests; a summary on standard error

Limits of the offers fill up basket by basket, in that order. All mistakes in the files are told by file, line and JSON
path before anything is decided, and --out appears only when it is whole.
"""

from __future__ import annotations

import argparse
from datetime import datetime

from poi_engine.errors import RequestError
from poi_server.cli.client import connect, show
from poi_server.cli.files import read_json

EXAMPLES = """\
  poi-server decide basket.json
  echo '{"currency": "EUR", "entries": [{"label": "Cake", "amount": 2450}]}' | poi-server decide -

  poi-server offers export > draft.ndjson                  the catalogue as it is; then change the draft
  poi-server baskets --out past.ndjson                     what was sold, as it was accepted
  poi-server decide --offers draft.ndjson --requests past.ndjson --out decisions.ndjson
  poi-server decide --offers draft.ndjson --requests past.ndjson --explain | grep limit_reached
  poi-server decide --offers draft.json --requests past.ndjson --policy margin_best > /dev/null

  a request:  {"at": "2026-11-21T17:30:00Z", "place": {"zone": "Europe/Paris", "store_id": "sto_1"}, "currency": "EUR",
               "items": [{"line_id": "1", "label": "Macarons", "unit_price": 2390, "quantity": 2000}],
               "channel": "counter", "customer": {"customer_id": "cus_1", "tier": "gold", "points": 120}}
"""
_REPLAY_ONLY = ("policy", "stores", "at", "out")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The question, or the files of a replay."""
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="JSON as POST /v1/decisions takes it; - reads standard input"
    )
    parser.add_argument("--store", metavar="ID", help="where, if FILE names no place (default: the only store)")
    parser.add_argument(
        "--explain", action="store_true", help="a reason for every offer, not only for the eligible ones"
    )
    replay = parser.add_argument_group("replay, without a server")
    replay.add_argument("--offers", metavar="FILE", help="the draft catalogue")
    replay.add_argument("--requests", metavar="FILE", help="past baskets, one a line; - reads standard input")
    replay.add_argument(
        "--policy",
        metavar="NAME|FILE",
        help="customer_best (default), priority or margin_best; or a JSON file with choice, points, points_amount,"
        " point_value, node_bound",
    )
    replay.add_argument("--stores", metavar="FILE", help="JSON of GET /v1/stores, for requests with a `store_id` alone")
    replay.add_argument(
        "--at", metavar="TIME", type=_time, help="the time of requests that have none, such as 2026-12-24T17:00Z"
    )
    replay.add_argument("--out", metavar="FILE", help="where the decisions go (default: standard output)")


def run(options: argparse.Namespace) -> int:
    """Print the decision, or replay."""
    if options.offers is None and options.requests is None:
        return _ask(options)
    if options.file is not None or options.offers is None or options.requests is None:
        raise RequestError(
            "which-question", "A replay takes both --offers FILE and --requests FILE, and no other FILE."
        )
    from poi_server.replay.command import replay

    return replay(options)


def _ask(options: argparse.Namespace) -> int:
    if options.file is None:
        raise RequestError("which-question", "Name a FILE with the question, or --offers and --requests for a replay.")
    if given := [f"--{name}" for name in _REPLAY_ONLY if getattr(options, name) is not None]:
        raise RequestError("which-question", f"{', '.join(given)} only with --offers and --requests.")
    question = read_json(options.file)
    client = connect(options)
    if isinstance(question, dict):
        if not question.keys() & {"store_id", "place"}:
            question["store_id"] = client.store(options.store)
        if options.explain:
            question["explain"] = "all"
    show(client.call("POST", "/v1/decisions", question))
    return 0


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"give a time such as 2026-12-24T17:00Z, not {text!r}") from None
