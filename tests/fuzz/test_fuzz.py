"""Random offer sets and events: the compiled matcher, its plain twin and the oracle agree; planted faults are found."""

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poi_cext import _match_py
from poi_offers import compile as compiling
from poi_offers.bound import Bounds
from poi_offers.offer_conditions import All, Circle, Not, Stores
from tests.fuzz import choosing
from tests.fuzz import trial as trials
from tests.fuzz.edges import EdgeGenerator, clock_changes
from tests.fuzz.lanes import COMPILED, TWIN, lane, lanes
from tests.fuzz.shrink import shrunk
from tests.fuzz.steps import Ask, Put, as_json, from_json
from tests.fuzz.tally import Tally, missing, table
from tests.fuzz.trial import replay, trial
from tests.fuzz.workers import fuzz
from tests.fuzz.world import asks_of, kind_of, steps_of

PAIRS, SEED = 20_000, 2026


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_thousand_pairs_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """Every leaf was true, false and unknown, and every way through the matcher was gone."""
    *_, last = fuzz(PAIRS, SEED, jobs=2)
    with capsys.disabled():
        print(f"\n{last.pairs:,} pairs, seed {SEED}\n{table(last.tally)}")
    assert not last.trouble, last.trouble
    assert last.pairs >= PAIRS
    assert not missing(last.tally)


# --- it finds what is wrong ---------------------------------------------------------------------------------------


def _no_night(write: Callable[..., Any]) -> Callable[..., Any]:
    return lambda leaf: [(first, last) for first, last in write(leaf) if first]


def _off_by_one(span: Callable[..., tuple[int, int]]) -> Callable[..., tuple[int, int]]:
    return lambda low, high: (span(low, high)[0], span(low, None if high is None else high - 1)[1])


def _forgetful_negation(write: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    return lambda leaf, positive, vocabulary: write(leaf, positive, vocabulary)[:1]


def _unbounded(total: Callable[..., bool]) -> Callable[..., bool]:
    return lambda weight, values, event: values[1] < 10**9 and total(weight, values, event)


FAULTS: list[tuple[str, object, str, Callable[..., Any]]] = [
    ("windows lose what runs past Sunday night", compiling, "weekly_spans", _no_night),
    ("an upper limit is excluded", compiling, "_span", _off_by_one),
    ("a half-known card number counts as another one", compiling._WRITERS, "BinPrefix", _forgetful_negation),
    ("a sum without an upper limit is never reached", _match_py, "_sum", _unbounded),
]


@pytest.mark.parametrize(("_name", "where", "what", "fault"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_planted_fault_is_found_and_shown_in_few_steps(
    _name: str,
    where: Any,
    what: str,
    fault: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    if isinstance(where, dict):
        (kind,) = [kind for kind in where if kind.__name__ == what]
        monkeypatch.setitem(where, kind, fault(where[kind]))
    else:
        monkeypatch.setattr(where, what, fault(getattr(where, what)))
    monkeypatch.setattr(trials, "FOUND", tmp_path)
    found = next(filter(None, (trial(SEED, n, Tally(), patience=5) for n in range(1, 60) if kind_of(n) == "small")), "")
    assert "Difference" in found
    (kept,) = tmp_path.iterdir()
    assert len(json.loads(kept.read_bytes())) <= 4
    assert "Difference" in replay(kept)
    monkeypatch.undo()
    assert replay(kept) == ""


def test_a_worker_that_dies_names_its_world() -> None:
    reports = fuzz(10**6, SEED, jobs=1)
    first = next(reports)
    for child in multiprocessing.active_children():
        child.kill()
    *_, last = reports
    assert not first.trouble
    assert "a worker died in world" in last.trouble
    assert f"make fuzz SEED={SEED} WORLD=" in last.trouble


# --- its parts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 3, 7, 11])
def test_a_seed_always_makes_the_same_world(number: int) -> None:
    steps = steps_of(SEED, number)
    assert sum(isinstance(step, Ask) for step in steps) == asks_of(number)
    if kind_of(number) != "wide":
        assert as_json(steps) == as_json(steps_of(SEED, number))
        assert from_json(as_json(steps)) == steps


def test_what_fails_is_made_small() -> None:
    """Of 64 offers only the one with a circle matters, and in it only the circle."""
    generator = EdgeGenerator(1)
    puts = [Put(generator.offer(f"off_{n}", 1)) for n in range(64)]
    tree = Not(of=All(of=(generator.leaf(Stores), generator.leaf(Circle), generator.leaf(Stores))))
    puts[40] = Put(msgspec.structs.replace(puts[40].offer, conditions=tree))

    def fails(steps: list[Put]) -> bool:
        return any("Circle(" in repr(step.offer.conditions) and step.offer.offer_id == "off_40" for step in steps)

    (left,) = shrunk(puts, fails)
    assert isinstance(left.offer.conditions, Circle)


def test_a_wrong_choice_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bounds, "value", lambda bounds, mask, undecided: bounds._frame(mask).value)
    monkeypatch.setattr(choosing, "COMPILED", False)
    found = next(filter(None, (choosing.trial_of_choices(SEED, n, 6, Tally()) for n in range(60))), "")
    assert "the best of all is" in found
    assert found.count("offer_id=") <= 3


def test_clock_changes_are_where_they_were() -> None:
    paris = [at.isoformat() for at in clock_changes("Europe/Paris") if at.year == 2026]
    assert paris == ["2026-03-29T01:00:00+00:00", "2026-10-25T01:00:00+00:00"]
    lord_howe = clock_changes("Australia/Lord_Howe")
    assert {at.minute for at in lord_howe} == {0, 30}  # half an hour's change


@pytest.mark.skipif(COMPILED not in lanes(), reason="built without the extension, or POI_PURE is set")
def test_the_two_lanes_use_two_matchers() -> None:
    from poi_offers import catalogue

    with lane(TWIN):
        assert catalogue.Matcher is _match_py.Matcher
    assert catalogue.Matcher.__module__ == "poi_cext._match"
