"""`poi-server decide --offers --requests`: past baskets against a draft catalogue."""

import argparse
import sys
from pathlib import Path
from typing import BinaryIO, get_args

import msgspec

from poi_engine.errors import RequestError
from poi_offers.decide import Explained
from poi_offers.policy import Policy
from poi_server.cli.files import read_json
from poi_server.problems import invalid
from poi_server.progress import Progress
from poi_server.replay.files import STANDARD, opened, output
from poi_server.replay.lines import counted
from poi_server.replay.offers import read_offers
from poi_server.replay.requests import Reader
from poi_server.replay.run import Replay, checked, questions
from poi_server.replay.stores import read_stores
from poi_server.replay.summary import Summary

CHOICES: tuple[str, ...] = get_args(Policy.__annotations__["choice"])
_encoder = msgspec.json.Encoder()


def replay(options: argparse.Namespace) -> int:
    """Decide every request; 0 when done."""
    if options.offers == options.requests == STANDARD:
        raise RequestError("which-question", "Only one of --offers and --requests can be standard input.")
    policy = policy_of(options.policy)
    _tell(f"Reading {options.offers} ...")
    with opened(options.offers) as source:
        draft = read_offers(source.read(), options.offers)
    stores = {}
    if options.stores is not None:
        with opened(options.stores) as source:
            stores = read_stores(source.read(), options.stores)
    reader, summary = Reader(stores, options.at), Summary()
    explain: Explained = "all" if options.explain else "eligible"
    _tell(f"Checking {options.requests} ...")
    with opened(options.requests) as source:
        count = checked(source, options.requests, reader)
        source.seek(0)
        with output(options.out, options.offers, options.requests) as out:
            _decide(source, reader, Replay(draft.offers, policy, explain), out, summary, count)
    _say(f"{counted(len(draft.offers), 'offer')} from {options.offers}")
    for line in summary.lines([offer.offer_id for offer in draft.offers], draft.paused):
        _say(line)
    return 0


def _decide(source: BinaryIO, reader: Reader, replayed: Replay, out: BinaryIO, summary: Summary, count: int) -> None:
    bar = Progress("decided", count) if count and sys.stderr.isatty() else None
    for question in questions(source, reader):
        decision = replayed.decide(question)
        out.write(_encoder.encode(decision) + b"\n")
        summary.add(decision)
        if bar:
            bar.step()
    if bar:
        bar.close()


def _tell(line: str) -> None:
    """What takes its time, for a person who waits."""
    if sys.stderr.isatty():
        _say(line)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def policy_of(text: str | None) -> Policy:
    """The policy of a choice's name, or of a JSON file."""
    if text is None or text in CHOICES:
        return Policy(choice=text) if text else Policy()  # type: ignore[arg-type]
    if not Path(text).exists():
        message = f"--policy {text}: write {', '.join(CHOICES[:-1])} or {CHOICES[-1]}, or the name of a JSON file."
        raise RequestError("unknown-policy", message)
    try:
        return msgspec.convert(read_json(text), Policy)
    except msgspec.ValidationError as error:
        found = invalid(error)
        raise RequestError("invalid-policy", f"{text}, {found.path}: {found.message}") from None
