"""What every decision keeps: sums, signs, independence of order, and no loss by one more offer."""

import os
import subprocess
import sys
from collections.abc import Sequence

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Decision
from poi_offers.model import Limit, Offer, Stacking
from poi_offers.offer_effects import AmountOff, Cashback, FixedPrice, FreeItem, PercentOff
from poi_offers.policy import Policy
from poi_offers.situation import CustomerFacts, SaleItem
from tests.offers.combinations import STACKINGS, baskets, message_offer, offer_lists, with_id
from tests.offers.making import situation

CUSTOMER = CustomerFacts(customer_id="cus_1", points=120)
EXAMPLES = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
FREE = st.builds(Stacking, priority=st.integers(0, 3))


def decision_of(offers: Sequence[Offer], items: Sequence[SaleItem], policy: Policy | None = None) -> Decision:
    rewards = tuple(offer.offer_id for offer in offers)
    return decide(Catalogue(offers), situation(*items, customer=CUSTOMER, rewards=rewards), policy or Policy())


def with_limits(offers: list[Offer], caps: list[int | None]) -> list[Offer]:
    """The offers, some with a money limit."""
    return [
        offer if cap is None else msgspec.structs.replace(offer, limits=(Limit(of="money", cap=cap),))
        for offer, cap in zip(offers, caps, strict=False)
    ]


CAPS = st.lists(st.sampled_from([None, None, 50, 400]), min_size=8, max_size=8)


@EXAMPLES
@given(offer_lists(), baskets(), CAPS, st.sampled_from(["customer_best", "priority", "margin_best"]))
def test_amounts_add_up_and_nothing_is_negative(
    offers: list[Offer], items: list[SaleItem], caps: list[int | None], choice: str
) -> None:
    policy = Policy(choice=choice)  # type: ignore[arg-type]
    decision = decision_of(with_limits(offers, caps), items, policy)
    assert decision.subtotal == sum(item.amount for item in items)
    assert decision.saved == decision.subtotal - decision.total >= 0
    assert decision.saved == sum(cut.amount for cut in decision.adjustments) == sum(o.saved for o in decision.offers)
    assert all(cut.amount > 0 for cut in decision.adjustments)
    assert all(award.amount > 0 for award in decision.awards)
    for item in items:
        off = sum(cut.amount for cut in decision.adjustments if cut.line_id == item.line_id)
        assert 0 <= off <= item.amount
    for offer in decision.offers:
        own = [cut.amount for cut in decision.adjustments if cut.offer_id == offer.offer_id]
        assert sum(own) == offer.saved


@EXAMPLES
@given(offer_lists(), baskets(), CAPS)
def test_chosen_offers_keep_every_rule(offers: list[Offer], items: list[SaleItem], caps: list[int | None]) -> None:
    limited = {offer.offer_id: offer for offer in with_limits(offers, caps)}
    decision = decision_of(list(limited.values()), items)
    chosen = [limited[found.offer_id] for found in decision.offers]
    assert len(chosen) <= 1 or not any(offer.stacking.exclusive for offer in chosen)
    for group in {offer.stacking.group for offer in chosen} - {None}:
        members = [offer.stacking.group_max for offer in chosen if offer.stacking.group == group]
        assert len(members) <= min(members)
    assert sum(offer.reward_points or 0 for offer in chosen) <= CUSTOMER.points
    for found in decision.offers:
        stored = sum(a.amount for a in decision.awards if a.offer_id == found.offer_id and a.kind == "cashback")
        assert all(found.saved + stored <= limit.cap for limit in limited[found.offer_id].limits)


@EXAMPLES
@given(offer_lists(), baskets(), st.randoms(use_true_random=False))
def test_order_of_offers_and_lines_changes_nothing(offers: list[Offer], items: list[SaleItem], chance: object) -> None:
    before = decision_of(offers, items)
    shuffled_offers, shuffled_items = list(offers), list(items)
    chance.shuffle(shuffled_offers)  # type: ignore[attr-defined]
    chance.shuffle(shuffled_items)  # type: ignore[attr-defined]
    assert decision_of(shuffled_offers, shuffled_items) == before


@EXAMPLES
@given(offer_lists(), baskets())
def test_every_offer_has_one_reason(offers: list[Offer], items: list[SaleItem]) -> None:
    quiet = message_offer("hello")
    decision = decision_of([*offers, quiet], items)
    assert sorted(reason.offer_id for reason in decision.reasons) == sorted([*(o.offer_id for o in offers), "hello"])
    chosen = {offer.offer_id for offer in decision.offers}
    assert {reason.offer_id for reason in decision.reasons if reason.outcome == "chosen"} == chosen
    assert all(reason.by in chosen for reason in decision.reasons if reason.outcome == "excluded")


@EXAMPLES
@given(offer_lists(stackings=STACKINGS), baskets(), offer_lists(most=1, stackings=STACKINGS))
def test_one_more_offer_never_lowers_the_value(offers: list[Offer], items: list[SaleItem], more: list[Offer]) -> None:
    added = msgspec.structs.replace(
        more[0], offer_id="more", stacking=msgspec.structs.replace(more[0].stacking, group=None)
    )
    assert decision_of([*offers, added], items).value >= decision_of(offers, items).value


@EXAMPLES
@given(
    offer_lists(stackings=FREE, kinds=("percent_basket", "amount_basket", "amount_unit", "free_item", "fixed_price")),
    baskets(most=3),
    st.data(),
)
def test_splitting_a_line_changes_no_total(offers: list[Offer], items: list[SaleItem], data: st.DataObject) -> None:
    several = [i for i, item in enumerate(items) if item.quantity in (2000, 3000) and item.unit == "piece"]
    if not several:
        return
    place = data.draw(st.sampled_from(several))
    whole = items[place]
    one = msgspec.structs.replace(whole, quantity=1000)
    rest = msgspec.structs.replace(with_id(whole, whole.line_id + "_"), quantity=whole.quantity - 1000)
    split = [*items[:place], one, rest, *items[place + 1 :]]
    unsplit_offers = [offer for offer in offers if all(in_whole_units(effect) for effect in offer.effects)]
    before, after = decision_of(unsplit_offers, items), decision_of(unsplit_offers, split)
    assert (after.total, after.value) == (before.total, before.value)
    assert [o.offer_id for o in after.offers] == [o.offer_id for o in before.offers]


def in_whole_units(effect: object) -> bool:
    """Effects whose money is whole per unit, so that rounding line by line cannot tell a split line from a whole."""
    basket_wide = isinstance(effect, PercentOff | AmountOff) and effect.items == type(effect.items)()
    return isinstance(effect, FixedPrice | FreeItem | Cashback) or basket_wide


SCRIPT = """
import msgspec
from tests.offers.making import decided, line, offer, situation
from poi_offers.offer_effects import AmountOff, Cashback, PercentOff
offers = [offer(f"o{i}", AmountOff(amount=50 + i % 3), group="gh"[i % 2], group_max=2) for i in range(8)]
offers += [offer("p", PercentOff(percent=1234)), offer("c", Cashback(percent=700))]
print(msgspec.json.encode(decided(offers, situation(line("a", 999), line("b", 455)))).decode())
"""


def test_every_process_decides_the_same() -> None:
    answers = set()
    for seed in ("0", "1", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        answers.add(
            subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True).stdout
        )
    assert len(answers) == 1
