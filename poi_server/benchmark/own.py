"""A user's own offers and requests: the product, the same inside the compiled code, and the oracle over every offer.

Offers may name any condition here, which no competitor has; so none is asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from poi_cext.match import Matcher
from poi_engine.errors import RequestError
from poi_offers.catalogue import Catalogue
from poi_offers.columns import Vocabulary, event
from poi_offers.eligibility import truth_of
from poi_offers.model import Offer
from poi_offers.scene import Scene
from poi_offers.situation import Situation
from poi_server.benchmark.children import timed
from poi_server.benchmark.harness import FEWEST, TIMED_ROUNDS
from poi_server.benchmark.machine import CORES, described, load
from poi_server.benchmark.rows import Row, microseconds
from poi_server.benchmark.suite import Report, teller
from poi_server.replay.files import opened
from poi_server.replay.offers import read_offers
from poi_server.replay.requests import Reader
from poi_server.replay.run import checked, questions

NAME = "catalogue"
MOST = 2000
"""Requests asked, the first ones; the oracle is asked only some of them."""


def measure_own(offers_file: Path, requests_file: Path) -> Report:
    """The rows of a catalogue."""
    say = teller()
    offers, asked = _read(str(offers_file), str(requests_file))
    say(f"{len(offers):,} offers, {len(asked):,} requests")
    report = Report(described(), [round(load(), 2)])
    catalogue = Catalogue(offers)
    ours = _asked(catalogue.eligible, asked)
    step = max(1, len(asked) // FEWEST)
    say("asking the oracle")
    oracle = _asked(lambda situation: _judged(offers, situation), asked[::step])
    wrong = sum(mine[2] != theirs[2] for mine, theirs in zip(ours[::step], oracle, strict=True))
    rows = [_row("poi", offers, ours, wrong), _compiled(catalogue, asked, ours), _row("naive", offers, oracle, 0)]
    report.load.append(round(load(), 2))
    report.rows = rows if max(report.load) > CORES else _with_ratios(rows, ours[::step])
    return report


def _read(offers_file: str, requests_file: str) -> tuple[list[Offer], list[Situation]]:
    with opened(offers_file) as source:
        offers = read_offers(source.read(), offers_file).offers
    reader = Reader({})
    with opened(requests_file) as source:
        checked(source, requests_file, reader)
        source.seek(0)
        asked = [question.situation for _, question in zip(range(MOST), questions(source, reader), strict=False)]
    if not offers or not asked:
        raise RequestError("bench-empty", "There must be an offer and a request at least.")
    return offers, asked


_Answer = tuple[int, int, list[str]]


def _asked(ask: Callable[[Situation], list[Offer]], asked: Sequence[Situation]) -> list[_Answer]:
    answers = (timed(ask, situation) for situation in asked)
    return [(wall, cpu, [offer.offer_id for offer in found]) for wall, cpu, found in answers]


def _judged(offers: Sequence[Offer], situation: Situation) -> list[Offer]:
    scene = Scene(situation)
    found = [offer for offer in offers if truth_of(offer.conditions, scene)]
    return sorted(found, key=lambda offer: (-offer.stacking.priority, offer.offer_id))


def _row(name: str, offers: Sequence[Offer], answers: Sequence[_Answer], wrong: int) -> Row:
    wall, last = microseconds([took for took, _, _ in answers])
    return Row(
        NAME,
        name,
        len(offers),
        events=len(answers),
        median_us=wall,
        p99_us=last,
        cpu_median_us=microseconds([cpu for _, cpu, _ in answers])[0],
        matches_median=median(len(found) for _, _, found in answers),
        correct=not wrong,
        differing=wrong,
    )


def _compiled(catalogue: Catalogue, asked: Sequence[Situation], ours: Sequence[_Answer]) -> Row:
    """Matching alone; what the matcher leaves open is counted as found."""
    shelf = catalogue.shelf
    vocabulary = Vocabulary(shelf.words)
    events = [event(Scene(situation), vocabulary) for situation in asked]
    places: list[Any] = [vocabulary.spot(situation.place).key for situation in asked]
    best, found = Matcher(shelf.index).timed(events, places, TIMED_ROUNDS)
    wall, last = microseconds(best)
    fewer = sum(mine < len(answer) for mine, (_, _, answer) in zip(found, ours, strict=True))
    return Row(
        NAME,
        "poi-c",
        len(shelf),
        events=len(best),
        median_us=wall,
        p99_us=last,
        matches_median=median(found),
        correct=not fewer,
        differing=fewer,
    )


def _with_ratios(rows: Sequence[Row], sampled: Sequence[_Answer]) -> list[Row]:
    """Each median by ours over the same requests."""
    few = microseconds([wall for wall, _, _ in sampled])[0]
    bases = {"naive": few, "poi": rows[0].median_us, "poi-c": rows[0].median_us}
    return [_with_ratio(row, bases[row.competitor]) for row in rows]


def _with_ratio(row: Row, base: float | None) -> Row:
    return replace(row, ratio_to_poi=round(row.median_us / base, 3)) if row.median_us and base else row
