"""One sale, several tenders: each is taken once, the rest stays due, and all of it goes back when no sale is made."""

import asyncio
from typing import Any

import pytest

from poi_engine.errors import Conflict, RequestError
from poi_engine.ids import Ids
from poi_engine.ledger import Insufficient, Move, enter
from poi_engine.ports import Capabilities, Job, PaymentResult
from poi_engine.session import Session
from poi_engine.value.gift_cards import activate, insert_card, new_code
from poi_engine.verify import verify
from tests.engine.shop import OTHER_STATION, SELLER, M, Shop

pytestmark = pytest.mark.valkey
DECLINED, UNHEARD, DECLINED_UNHEARD = 1005, 1013, 1014


async def gift_card(shop: Shop, worth: int) -> tuple[str, str]:
    """A gift card's id and code, with so much on it."""
    card_id, code, at = shop.ids.new("gft"), new_code(shop.ids), shop.engine.wiring.at()

    def job() -> Job[None]:
        yield insert_card(M, card_id, code, "EUR", at)
        yield activate(M, card_id, 24, at)
        move = Move(kind="load", debit="stored_value", credit=f"gift_card:{card_id}", amount=worth, unit="EUR")
        yield from enter(M, f"load:{card_id}", [move], ids=shop.ids, at=at)

    await shop.sql.write(job)
    return card_id, code


async def wallet(shop: Shop, customer_id: str, worth: int) -> None:
    """Put so much into a customer's wallet."""
    move = Move(kind="load", debit="stored_value", credit=f"wallet:{customer_id}", amount=worth, unit="EUR")
    await shop.sql.write(lambda: enter(M, "load", [move], ids=shop.ids, at=shop.engine.wiring.at()))


def states(session: Session) -> list[tuple[str, int, str]]:
    """Its tenders, in few words."""
    return [(one.means, one.amount, one.state) for one in session.tenders]


async def refused(doing: Any) -> str:
    """The code of the refusal."""
    with pytest.raises((Conflict, RequestError)) as error:
        await doing
    return error.value.code


async def undone(shop: Shop) -> list[bool]:
    """Of each authorisation in the terminal's book, whether it was undone."""
    return [one.cancelled for one in await shop.operations() if one.kind == "authorise"]


async def sound(shop: Shop) -> None:
    """Every invariant of the storage holds."""
    assert await verify(shop.sql) == []


# --- part by part -----------------------------------------------------------------------------------------------------


async def test_three_means_pay_one_sale(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    assert (accepted.due, accepted.tenders) == (3000, ())
    first = await shop.pay(accepted, "cash", amount=500, given=1000)
    assert (first.state, first.due, states(first)) == ("paying", 2500, [("cash", 500, "captured")])
    assert first.tenders[0].given == 1000
    assert first.notice is not None and first.notice.code == "part-paid"
    _, code = await gift_card(shop, 1200)
    second = await shop.pay(first, "gift_card", amount=1200, gift_card=code)
    assert second.due == 1300
    paid = await shop.pay(second, "card")
    assert (paid.state, paid.due) == ("paid", 0)
    assert states(paid) == [("cash", 500, "captured"), ("gift_card", 1200, "captured"), ("card", 1300, "captured")]
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert (sale.total, sale.means, sale.card_scheme) == (3000, "split", None)
    on_paper = [(one.means, one.amount, one.given) for one in sale.receipt.payments]
    assert on_paper == [("cash", 500, 1000), ("gift_card", 1200, None), ("card", 1300, None)]
    for means, amount in (("cash", -500), ("gift_card", 0), ("card", -1300)):
        assert await shop.balance(f"tender:{means}") == amount
    await sound(shop)


async def test_points_are_earned_on_the_whole_whoever_pays_it(shop: Shop) -> None:
    ada = await shop.customer()
    await wallet(shop, ada, 400)
    accepted = await shop.accept(await shop.identify(await shop.basket(3000), ada))
    await shop.pay(accepted, "wallet", amount=400)
    paid = await shop.pay(accepted, "cash")
    whole = await shop.sell(3000, customer_id=await shop.customer("Bea"))
    sales = [await shop.engine.sales.get(M, one.sale_id or "") for one in (paid, whole)]
    assert sales[0].points == sales[1].points
    assert sales[0].receipt.value_given == sales[1].receipt.value_given
    await sound(shop)


async def test_a_part_in_stored_value_is_held_until_the_sale(shop: Shop) -> None:
    ada = await shop.customer()
    await wallet(shop, ada, 1000)
    accepted = await shop.accept(await shop.identify(await shop.basket(3000), ada))
    await shop.pay(accepted, "wallet", amount=600)
    assert await shop.balance(f"wallet:{ada}") == 400
    held = await shop.rows("select posted.debits from account posted where account = ?", (f"wallet:{ada}",))
    assert held == [{"debits": 0}], "nothing is booked yet"
    with pytest.raises(Insufficient):
        await shop.pay(accepted, "wallet", amount=500)
    paid = await shop.pay(accepted, "card")
    assert paid.state == "paid"
    assert (await shop.rows("select debits from account where account = ?", (f"wallet:{ada}",)))[0]["debits"] == 600
    await sound(shop)


async def test_the_same_key_answers_the_same_and_takes_once(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    answers = await asyncio.gather(*(shop.pay(accepted, "cash", "one", 500) for _ in range(4)))
    await shop.pay(accepted, "card")
    await shop.restart()
    answers.append(await shop.pay(accepted, "cash", "one", 500))
    assert {(one.state, one.due) for one in answers} == {("paying", 2500)}
    assert await refused(shop.pay(accepted, "cash", "one", 600)) == "idempotency-mismatch"
    assert len(await shop.rows("select 1 as n from payment")) == 2


async def test_one_is_under_way_at_a_time(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    got = await asyncio.gather(*(shop.pay(accepted, "card", amount=1000) for _ in range(4)), return_exceptions=True)
    refusals = {one.code for one in got if isinstance(one, Conflict)}
    taken = [one for one in got if isinstance(one, Session)]
    assert refusals <= {"payment-under-way"}
    now = await shop.engine.stations.get(M, accepted.session_id)
    assert now.due == 3000 - 1000 * len(taken)
    await sound(shop)


@pytest.mark.parametrize(
    ("means", "amount", "how", "code"),
    [
        ("cash", 3001, {}, "more-than-due"),
        ("cash", 0, {}, "bad-amount"),
        ("cash", 500, {"given": 499}, "given-too-little"),
        ("card", 500, {"given": 500}, "bad-given"),
        ("gift_card", 500, {}, "gift-card-needed"),
        ("cash", 500, {"gift_card": "x"}, "gift-card-needed"),
        ("none", None, {}, "bad-means"),
        ("gold", 500, {}, "bad-means"),
    ],
)
async def test_what_makes_no_sense_changes_nothing(
    shop: Shop, means: str, amount: int | None, how: dict[str, Any], code: str
) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    assert await refused(shop.pay(accepted, means, amount=amount, **how)) == code
    assert (await shop.pay(accepted, "cash")).state == "paid"


async def test_many_attempts_have_an_end(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    for _ in range(20):
        await shop.pay(accepted, "cash", amount=1)
    assert await refused(shop.pay(accepted, "cash")) == "too-many-tenders"
    await shop.engine.stations.abandon(M, accepted.session_id)
    await sound(shop)


# --- declined, in doubt -----------------------------------------------------------------------------------------------


async def test_tenders_stand_in_the_order_of_their_making_when_the_clock_goes_back(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    shop.clock.forward(-7200)
    declined = await shop.pay(accepted, "card", amount=DECLINED)
    assert [one.state for one in declined.tenders] == ["captured", "declined"]
    assert declined.notice is not None
    assert (declined.notice.code, declined.due) == ("tender-declined", 2500)
    paid = await shop.pay(accepted, "cash")
    assert [one.state for one in paid.tenders] == ["captured", "declined", "captured"]
    await sound(shop)


async def test_a_declined_tender_leaves_the_others(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    declined = await shop.pay(accepted, "card", "k", DECLINED)
    assert (declined.state, declined.due) == ("paying", 2500)
    assert states(declined) == [("cash", 500, "captured"), ("card", DECLINED, "declined")]
    assert declined.notice is not None and declined.notice.code == "tender-declined"
    paid = await shop.pay(accepted, "card")
    assert paid.state == "paid"
    assert (await shop.pay(accepted, "card", "k", DECLINED)).due == 2500, "the same answer"
    await sound(shop)


async def test_a_declined_first_part_declines_as_ever(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    declined = await shop.pay(accepted, "card", amount=DECLINED)
    assert (declined.state, declined.due, declined.tenders) == ("declined", 0, ())
    assert (await shop.pay(await shop.accept(declined), "cash")).state == "paid"


@pytest.mark.parametrize(("amount", "due"), [(UNHEARD, 2500 - UNHEARD), (DECLINED_UNHEARD, 2500)])
async def test_a_part_in_doubt_ends_by_asking(shop: Shop, amount: int, due: int) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    unknown = await shop.pay(accepted, "card", "k", amount)
    assert (unknown.state, states(unknown)[-1]) == ("unknown", ("card", amount, "unknown"))
    assert await refused(shop.pay(accepted, "cash")) == "payment-unknown"
    assert await refused(shop.engine.stations.abandon(M, accepted.session_id)) in ("payment-under-way", "illegal-move")
    asked = await shop.engine.checkout.ask_status(M, accepted.session_id)
    assert (asked.state, asked.due) == ("paying", due)
    assert (await shop.pay(accepted, "card", "k", amount)).due == due
    assert (await shop.pay(accepted, "cash")).state == "paid"
    await sound(shop)


@pytest.mark.parametrize("outcome", ["paid", "declined"])
async def test_a_part_in_doubt_ends_by_a_person(shop: Shop, outcome: str) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    await shop.pay(accepted, "card", amount=UNHEARD)
    ended = await shop.engine.resolving.payment(M, accepted.session_id, outcome, "slip", by=SELLER)  # type: ignore[arg-type]
    assert (ended.state, ended.due) == ("paying", 2500 - UNHEARD if outcome == "paid" else 2500)
    assert await undone(shop) == [outcome == "declined"], "what a person declines is undone at the terminal"
    paid = await shop.pay(accepted, "cash")
    sale = await shop.engine.sales.get(M, paid.sale_id or "")
    assert sale.guaranteed == (outcome == "declined")
    await sound(shop)


async def test_a_late_approval_of_what_a_person_declined_is_undone_whoever_paid_meanwhile(shop: Shop) -> None:
    class Deaf:
        name, capabilities = "deaf", Capabilities(cancel=False)

        def __getattr__(self, name: str) -> Any:
            return getattr(shop.terminal, name)

    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    await shop.pay(accepted, "card", amount=UNHEARD)
    shop.connectors = {"simulator": Deaf()}  # type: ignore[dict-item]
    shop.engine = shop.build()
    await shop.engine.resolving.payment(M, accepted.session_id, "declined", "no slip", by=SELLER)
    assert (await shop.pay(accepted, "cash", amount=1000)).due == 1500
    shop.connectors = {"simulator": shop.terminal}
    shop.engine = shop.build()
    assert (await shop.pay(accepted, "cash")).state == "paid"
    await shop.engine.recovery.run()
    assert await undone(shop) == [True]
    assert sorted(row["state"] for row in await shop.rows("select state from payment")) == [  # type: ignore[type-var]
        "captured",
        "captured",
        "captured",
        "reversed",
    ]
    await sound(shop)


# --- given up ---------------------------------------------------------------------------------------------------------


async def test_giving_up_gives_everything_back(shop: Shop) -> None:
    ada = await shop.customer()
    await wallet(shop, ada, 400)
    card_id, code = await gift_card(shop, 700)
    accepted = await shop.accept(await shop.identify(await shop.basket(3000), ada))
    await shop.pay(accepted, "wallet", amount=400)
    await shop.pay(accepted, "gift_card", amount=700, gift_card=code)
    await shop.pay(accepted, "cash", amount=100)
    await shop.pay(accepted, "card", amount=1000)
    gone = await shop.engine.stations.abandon(M, accepted.session_id, by=SELLER)
    assert (gone.state, gone.due) == ("abandoned", 0)
    assert {one.state for one in gone.tenders} == {"reversed"}
    assert (await shop.balance(f"wallet:{ada}"), await shop.balance(f"gift_card:{card_id}")) == (400, 700)
    assert await undone(shop) == [True]
    [audited] = await shop.rows("select who, why, station_id from audit where act = 'give-back'")
    assert audited["who"] == SELLER.who
    assert str(audited["why"]).startswith("100 by cash")
    assert await shop.rows("select 1 as n from sale") == []
    await sound(shop)


async def test_what_the_terminal_does_not_undo_at_once_is_undone_by_recovery(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "card", amount=1000)

    async def silent(reference: str) -> PaymentResult:
        return PaymentResult(outcome="unknown", payment_ref=reference)

    monkeypatch.setattr(shop.terminal, "cancel", silent)
    gone = await shop.engine.stations.abandon(M, accepted.session_id)
    assert states(gone) == [("card", 1000, "reversing")]
    assert (await shop.engine.recovery.run()).in_doubt == 1
    monkeypatch.undo()
    assert (await shop.engine.recovery.run()).resolved == 1
    assert await undone(shop) == [True]
    await sound(shop)


async def test_a_terminal_that_is_no_longer_there_keeps_nobody_from_giving_up(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "card", amount=1000)
    there, shop.connectors = shop.connectors, {}
    shop.engine = shop.build()
    gone = await shop.engine.stations.abandon(M, accepted.session_id)
    assert (gone.state, states(gone)) == ("abandoned", [("card", 1000, "reversing")])
    shop.connectors = there
    await shop.restart()
    assert await undone(shop) == [True]


async def test_a_terminal_that_cannot_cancel_refunds_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "card", amount=1000)
    monkeypatch.setattr(shop.terminal, "capabilities", Capabilities(cancel=False))
    gone = await shop.engine.stations.abandon(M, accepted.session_id)
    assert states(gone) == [("card", 1000, "reversed")]
    await shop.engine.recovery.run()
    assert [one.kind for one in await shop.operations()].count("refund") == 1


async def test_a_part_paid_sale_waits_for_a_person_however_long(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    shop.clock.forward(3600)
    await shop.restart()
    found = await shop.engine.stations.get(M, accepted.session_id)
    assert (found.state, found.due, states(found)) == ("paying", 2500, [("cash", 500, "captured")])


async def test_what_redis_forgot_is_shown_from_sql(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    part = await shop.pay(accepted, "cash", amount=500)

    class Empty:
        def __getattr__(self, name: str) -> Any:
            return getattr(shop.sessions, name)

        async def load(self, merchant_id: str, session_id: str) -> None:
            return None

    shop.sessions, kept = Empty(), shop.sessions  # type: ignore[assignment]
    found = await shop.build().stations.get(M, accepted.session_id)
    shop.sessions = kept
    assert (found.state, found.due, found.tenders) == (part.state, part.due, part.tenders)


# --- gift cards -------------------------------------------------------------------------------------------------------


async def test_two_tills_never_spend_a_gift_card_twice(shop: Shop) -> None:
    card_id, code = await gift_card(shop, 1000)
    tills = [await shop.accept(await shop.basket(3000, station=name)) for name in ("sta_1", OTHER_STATION)]
    got = await asyncio.gather(
        *(shop.pay(till, "gift_card", amount=700, gift_card=code) for till in tills), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in got) == ["Insufficient", "Session"]
    assert await shop.balance(f"gift_card:{card_id}") == 300
    for till in tills:
        await shop.pay(till, "cash")
    await sound(shop)


async def test_a_code_nobody_has_is_not_found(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    assert await refused(shop.pay(accepted, "gift_card", gift_card=new_code(Ids(shop.clock.now)))) == "not-found"
    assert await refused(shop.pay(accepted, "gift_card", gift_card="nonsense")) == "gift-card-code"
    assert (await shop.engine.stations.get(M, accepted.session_id)).due == 3000


async def test_a_gift_card_that_covers_all_pays_alone(shop: Shop) -> None:
    card_id, code = await gift_card(shop, 3000)
    paid = await shop.pay(await shop.accept(await shop.basket(3000)), "gift_card", gift_card=code)
    assert (paid.state, await shop.balance(f"gift_card:{card_id}")) == ("paid", 0)
    assert (await shop.engine.sales.get(M, paid.sale_id or "")).means == "gift_card"
    stored = str(await shop.rows("select document from sale")) + str(await shop.rows("select document from payment"))
    assert code not in stored and code.replace("-", "") not in stored, "the code is a secret"
    await sound(shop)


# --- the card seen ----------------------------------------------------------------------------------------------------


async def test_what_was_decided_for_a_card_is_paid_by_it_wholly(shop: Shop) -> None:
    seen = await shop.engine.stations.see_card(M, (await shop.basket(3000)).session_id)
    accepted = await shop.accept(seen)
    assert await refused(shop.pay(accepted, "card", amount=1000)) == "decide-again"
    again = await shop.engine.stations.get(M, seen.session_id)
    assert (again.state, again.acquisition_ref, again.due) == ("decided", None, 0)
    accepted = await shop.accept(again)
    await shop.pay(accepted, "cash", amount=1000)
    assert (await shop.pay(accepted, "card")).state == "paid"
    await sound(shop)
