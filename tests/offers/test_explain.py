"""`explain`: one offer in one situation, by its conditions alone."""

import re
from collections import Counter
from typing import Any as AnyValue

import msgspec
import pytest

from poi_offers.catalogue import Catalogue
from poi_offers.decide import Explained, decide
from poi_offers.decision import NearMiss
from poi_offers.eligibility import Verdict, judge, judge_scene
from poi_offers.explain import Explanation, explain
from poi_offers.model import Limit
from poi_offers.offer_conditions import All, Any, CardScheme, Code, Condition, Not, Stores, Subtotal, TierIs
from poi_offers.offer_effects import AmountOff
from poi_offers.policy import Policy
from poi_offers.scene import Scene
from poi_offers.situation import Situation
from tests.offers.generate import Generator
from tests.offers.making import line, offer, situation

HERE, ELSEWHERE = Stores(any_of=("sto_1",)), Stores(any_of=("sto_2",))
DEARER, CHEAPER = Subtotal(min=1320), Subtotal(max=500)
VISA = CardScheme(any_of=("visa",))
GOLD = TierIs(any_of=("gold",))


def explained(condition: Condition, given: Situation | None = None) -> Explanation:
    """The explanation for ten euros at the first store, unless another situation is given."""
    one = offer("off_1", AmountOff(amount=1), conditions=condition)
    return explain(one, given or situation(line("a", 1000)))


def told(condition: Condition) -> tuple[str, str | None, str | None]:
    """Truth, path and type of the condition to blame."""
    found = explained(condition)
    return found.truth, found.path, found.condition


def test_an_offer_whose_conditions_hold_has_nothing_to_blame() -> None:
    assert explained(All(of=(HERE, Not(of=DEARER)))) == Explanation(offer_id="off_1", version=1, truth="true")


@pytest.mark.parametrize(
    ("condition", "truth", "path", "blamed"),
    [
        (ELSEWHERE, "false", "$.conditions", "stores"),
        (VISA, "unknown", "$.conditions", "card_scheme"),
        (All(of=(HERE, ELSEWHERE, CHEAPER)), "false", "$.conditions.of[1]", "stores"),
        (All(of=(VISA, CHEAPER)), "false", "$.conditions.of[1]", "subtotal"),
        (All(of=(VISA, GOLD)), "unknown", "$.conditions.of[0]", "card_scheme"),
        (Any(of=(ELSEWHERE, CHEAPER)), "false", "$.conditions.of[0]", "stores"),
        (Any(of=(ELSEWHERE, GOLD)), "unknown", "$.conditions.of[1]", "tier"),
        (Not(of=HERE), "false", "$.conditions", "not"),
        (All(of=(HERE, Any(of=(Not(of=HERE), Not(of=GOLD))))), "unknown", "$.conditions.of[1].of[1].of", "tier"),
        (Any(of=()), "false", "$.conditions", "any"),
    ],
)
def test_the_first_condition_to_blame_is_named(condition: Condition, truth: str, path: str, blamed: str) -> None:
    assert told(condition) == (truth, path, blamed)


def test_the_near_miss_says_how_far() -> None:
    assert explained(All(of=(HERE, DEARER))).near_miss == NearMiss(what="subtotal", missing=320)
    assert explained(Any(of=(ELSEWHERE, Code(any_of=("SUMMER",))))).near_miss == NearMiss(what="code")
    assert explained(All(of=(ELSEWHERE, DEARER))).near_miss is None, "3.20 more would change nothing"


def test_what_the_conditions_do_not_say_is_not_judged() -> None:
    barred = offer("off_1", AmountOff(amount=1), limits=(Limit(of="uses", cap=1),), holdout=10_000, currency="USD")
    assert explain(barred, situation()).truth == "true"


def at_path(offer_value: AnyValue, path: str) -> AnyValue:
    """The value at a JSON path."""
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path):
        offer_value = offer_value[name] if name else offer_value[int(index)]
    return offer_value


def test_every_path_leads_to_the_condition_that_it_names() -> None:
    """Random offers and situations: as `judge` finds, and readable in the offer's own JSON."""
    generator, seen = Generator(20), Counter[str]()
    for _ in range(1000):
        one, given = generator.offer(), generator.situation()
        found, verdict = explain(one, given), judge(one.conditions, given)
        assert (found.path, found.near_miss) == (verdict.path, verdict.near_miss)
        assert found.truth == {True: "true", False: "false", None: "unknown"}[verdict.truth]
        if found.path is not None:
            assert at_path(msgspec.to_builtins(one), found.path)["type"] == found.condition
            seen[str(found.condition)] += 1
        seen[found.truth] += 1
    assert min(seen[truth] for truth in ("true", "false", "unknown")) > 20
    assert len(seen) > 20, f"most types of conditions were to blame once: {seen}"


# --- a decision judges only the offers that it was asked to explain ---------------------------------------------------

OFFERS = [
    offer("cut", AmountOff(amount=1)),
    offer("dearer", AmountOff(amount=1), conditions=DEARER, priority=2),
    offer("elsewhere", AmountOff(amount=1), conditions=ELSEWHERE),
    offer("gold", AmountOff(amount=1), conditions=GOLD, priority=1),
]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[Condition]:
    """The conditions that `decide` has judged for the sake of a reason, as it does so."""
    found: list[Condition] = []

    def judging(condition: Condition, scene: Scene) -> Verdict:
        found.append(condition)
        return judge_scene(condition, scene)

    monkeypatch.setattr("poi_offers.decide.judge_scene", judging)
    return found


@pytest.mark.parametrize(
    ("asked", "most", "expected"),
    [
        ("eligible", None, []),
        ("reach", None, [DEARER, GOLD]),
        ("all", None, [DEARER, ELSEWHERE, GOLD]),
        ("all", 1, [DEARER]),
    ],
)
def test_only_what_was_asked_for_is_judged(
    judged: list[Condition], asked: Explained, most: int | None, expected: list[Condition]
) -> None:
    decision = decide(Catalogue(OFFERS), situation(line("a", 1000)), Policy(), explain=asked, most=most)
    assert judged == expected
    assert len(decision.reasons) == 1 + len(expected), "the chosen one has a reason in any case"


def test_a_reason_of_the_decision_says_what_explain_says() -> None:
    given = situation(line("a", 1000))
    for reason in decide(Catalogue(OFFERS), given, Policy()).reasons:
        (one,) = [one for one in OFFERS if one.offer_id == reason.offer_id]
        found = explain(one, given)
        assert (reason.path, reason.near_miss) == (found.path, found.near_miss)
        assert (
            reason.outcome
            == {"true": "chosen", "false": "condition_false", "unknown": "condition_unknown"}[found.truth]
        )
