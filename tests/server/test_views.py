"""What a station's screen shows of a customer depends on how surely we know them."""

from datetime import UTC, date, datetime

import pytest

from poi_engine.session import Identity, Session
from poi_offers.decision import Decision, Reason
from poi_offers.situation import Basket, CustomerFacts, SaleItem
from poi_server.views import for_phone, shown, unnamed

FACTS = CustomerFacts(
    customer_id="cus_1",
    tier="gold",
    points=42,
    birthday=date(1990, 3, 14),
    visits_in={0: 7},
    spend_in={0: 12_345},
    segments=("vip",),
    last_visit=datetime(2026, 1, 2, tzinfo=UTC),
)
HELD_OUT = Reason(offer_id="off_1", version=1, outcome="held_out")
OUTBID = Reason(offer_id="off_2", version=1, outcome="outbid")


AT = 1_767_312_000_000_000
MINUTE = 60_000_000


def session(assurance: str, proved_at: int | None = None, basket: Basket | None = None) -> Session:
    return Session(
        session_id="ses_1",
        merchant_id="mer_1",
        store_id="sto_1",
        station_id="sta_1",
        opened_at=datetime(2026, 1, 2, tzinfo=UTC),
        basket=basket or Basket(currency="EUR"),
        identity=Identity(
            customer_id="cus_1",
            display_name="Ada",
            pseudonym=False,
            scheme="ndef",
            assurance=assurance,
            source="t",
            proved_at=proved_at,
        ),
        facts=FACTS,
        decision=Decision(currency="EUR", subtotal=0, saved=0, total=0, value=0, reasons=(HELD_OUT, OUTBID)),
    )


def test_a_copyable_card_shows_no_personal_history() -> None:
    facts = shown(session("identify"), AT).facts
    assert facts == CustomerFacts(customer_id="cus_1", tier="gold", points=42)


@pytest.mark.parametrize("assurance", ["authenticate", "staff"])
def test_a_sure_customers_history_is_shown(assurance: str) -> None:
    assert shown(session(assurance, proved_at=AT - MINUTE), AT).facts == FACTS


def test_a_proof_of_ten_minutes_ago_shows_no_personal_history() -> None:
    facts = shown(session("authenticate", proved_at=AT - 10 * MINUTE), AT).facts
    assert facts == CustomerFacts(customer_id="cus_1", tier="gold", points=42)


def test_what_goods_cost_the_merchant_is_on_no_screen() -> None:
    item = SaleItem(line_id="1", label="Cake", unit_price=500, cost=120)
    [told] = shown(session("staff", basket=Basket(currency="EUR", items=(item,))), AT).basket.items
    assert (told.unit_price, told.cost) == (500, None)


def test_where_nobody_may_look_the_session_says_what_is_bought_and_not_by_whom() -> None:
    item = SaleItem(line_id="1", label="Cake", unit_price=500)
    told = unnamed(session("staff", basket=Basket(currency="EUR", items=(item,))))
    assert (told.identity, told.facts, told.basket.items) == (None, None, (item,))
    assert told.decision is not None
    assert told.decision.reasons == (), "reasons tell what is on file"


def test_holdouts_are_shown_to_nobody_at_the_counter_or_on_the_phone() -> None:
    decision = shown(session("staff"), AT).decision
    assert decision is not None
    assert decision.reasons == (OUTBID,)
    assert for_phone(session("staff")).reasons == (OUTBID,)
