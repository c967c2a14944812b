"""What parts of a return add up to, against a plain oracle: exactly the sale, never above it, at any split."""

from fractions import Fraction
from math import floor

from hypothesis import given, settings
from hypothesis import strategies as st

from poi_engine.checkout.entries import Given, Tender
from poi_engine.checkout.records import LineRow, SaleDocument
from poi_engine.checkout.returns import Return, ReturnedLine, is_whole, plan_return, taken_by
from poi_offers.decision import Adjustment, ChosenOffer, Decision

amounts = st.integers(0, 5000)


@st.composite
def sales(draw: st.DrawFn) -> tuple[list[LineRow], SaleDocument]:
    """A sale of one to four lines with up to two offers on each."""
    lines, adjustments = [], []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        amount, quantity = draw(amounts), draw(st.integers(1, 9)) * draw(st.sampled_from([1000, 137]))
        left = amount
        for offer_id in draw(st.sets(st.sampled_from(["off_a", "off_b"]))):
            taken = draw(st.integers(0, left))
            left -= taken
            if taken:
                adjustments.append(Adjustment(offer_id=offer_id, line_id=str(number), amount=taken))
        lines.append(line(str(number), quantity, amount, amount - left))
    decision = Decision(
        currency="EUR",
        subtotal=sum(one.amount for one in lines),
        saved=sum(one.saved for one in lines),
        total=sum(one.total for one in lines),
        value=0,
        offers=tuple(
            ChosenOffer(offer_id=name, version=1, name={}, saved=saved_by(adjustments, name), value=draw(amounts))
            for name in ("off_a", "off_b")
        ),
        adjustments=tuple(adjustments),
    )
    given_then = Given(points_earned=draw(amounts), points_spent=draw(amounts), value_given=draw(amounts))
    return lines, SaleDocument(tender=Tender(means="cash", amount=decision.total), given=given_then, decision=decision)


def line(line_id: str, quantity: int, amount: int, saved: int) -> LineRow:
    """A line of a sale."""
    return LineRow(
        line_id=line_id,
        code="",
        label="x",
        category="",
        brand="",
        quantity=quantity,
        unit="piece",
        unit_price=1,
        vat_rate=2000,
        amount=amount,
        saved=saved,
        total=amount - saved,
    )


def saved_by(adjustments: list[Adjustment], offer_id: str) -> int:
    """What one offer took off."""
    return sum(one.amount for one in adjustments if one.offer_id == offer_id)


@settings(max_examples=150, deadline=None)
@given(sales(), st.data())
def test_parts_add_up_to_the_whole_and_never_exceed_their_share(
    sale: tuple[list[LineRow], SaleDocument], data: st.DataObject
) -> None:
    lines, document = sale
    before = dict.fromkeys((one.line_id for one in lines), 0)
    back: list[Return] = []
    while any(before[one.line_id] < one.quantity for one in lines):
        asked = data.draw(parts(lines, before))
        plan = plan_return(lines, document, taken_by(back), asked)
        back.append(plan)
        for one in asked:
            before[one.line_id] += one.quantity
        check_running_totals(lines, document, before, back)
        assert is_whole(lines, back) == all(before[one.line_id] == one.quantity for one in lines)
        assert all(row.amount - row.saved == row.total and row.total <= 0 for row in plan.lines)
    assert document.decision is not None
    for offer in document.decision.offers:
        assert -sum(use.saved for plan in back for use in plan.uses if use.offer_id == offer.offer_id) == offer.saved
    assert sum(plan.total for plan in back) == sum(one.total for one in lines)
    assert sum(plan.points for plan in back) == document.given.points_earned
    assert sum(plan.value for plan in back) == document.given.value_given
    assert sum(plan.reward_points for plan in back) == document.given.points_spent


@st.composite
def parts(draw: st.DrawFn, lines: list[LineRow], before: dict[str, int]) -> list[ReturnedLine]:
    """Some of what is left, at least one line."""
    left = [(one.line_id, one.quantity - before[one.line_id]) for one in lines if before[one.line_id] < one.quantity]
    chosen = draw(st.lists(st.sampled_from(left), min_size=1, unique=True))
    return [
        ReturnedLine(line_id=line_id, quantity=draw(st.one_of(st.just(most), st.integers(1, most))))
        for line_id, most in chosen
    ]


def check_running_totals(
    lines: list[LineRow], document: SaleDocument, returned: dict[str, int], back: list[Return]
) -> None:
    """The oracle: floors of exact fractions of what has come back so far."""
    paid = sum(floor(Fraction(one.total * returned[one.line_id], one.quantity)) for one in lines)
    assert sum(plan.total for plan in back) == paid
    total = sum(one.total for one in lines)
    if total:
        earned = floor(Fraction(document.given.points_earned * paid, total))
        assert sum(plan.points for plan in back) == earned


def test_free_goods_come_back_for_nothing_but_take_their_reward_with_them() -> None:
    decision = Decision(
        currency="EUR",
        subtotal=1000,
        saved=1000,
        total=0,
        value=0,
        offers=(ChosenOffer(offer_id="off_a", version=1, name={}, saved=1000, value=1000, reward_points=100),),
        adjustments=(Adjustment(offer_id="off_a", line_id="1", amount=1000),),
    )
    document = SaleDocument(tender=Tender(means="none", amount=0), given=Given(points_spent=100), decision=decision)
    sold = [line("1", 2000, 1000, 1000)]
    half = plan_return(sold, document, taken_by([]), [ReturnedLine(line_id="1", quantity=1000)])
    assert (half.total, half.reward_points, is_whole(sold, [half])) == (0, 50, False)
    rest = plan_return(sold, document, taken_by([half]), None)
    assert (rest.total, rest.reward_points, is_whole(sold, [half, rest])) == (0, 50, True)


def test_a_return_that_fails_after_another_was_planned_leaves_no_cent_too_many() -> None:
    decision = Decision(currency="EUR", subtotal=1, saved=0, total=1, value=0)
    document = SaleDocument(tender=Tender(means="card", amount=1), given=Given(), decision=decision)
    sold = [line("1", 2000, 1, 0)]
    one = [ReturnedLine(line_id="1", quantity=1000)]
    fails = plan_return(sold, document, taken_by([]), one)
    second = plan_return(sold, document, taken_by([fails]), one)
    third = plan_return(sold, document, taken_by([second]), one)
    assert [plan.total for plan in (fails, second, third)] == [0, 1, 0]
