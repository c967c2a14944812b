"""What a station's screen shows of a customer depends on how surely we know them."""

from datetime import UTC, date, datetime

import pytest

from poi_engine.session import Identity, Session
from poi_offers.decision import Decision, Reason
from poi_offers.situation import Basket, CustomerFacts
from poi_server.views import for_phone, shown

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


def session(assurance: str) -> Session:
    return Session(
        session_id="ses_1",
        merchant_id="mer_1",
        store_id="sto_1",
        station_id="sta_1",
        opened_at=datetime(2026, 1, 2, tzinfo=UTC),
        basket=Basket(currency="EUR"),
        identity=Identity(
            customer_id="cus_1", display_name="Ada", pseudonym=False, scheme="ndef", assurance=assurance, source="t"
        ),
        facts=FACTS,
        decision=Decision(currency="EUR", subtotal=0, saved=0, total=0, value=0, reasons=(HELD_OUT, OUTBID)),
    )


def test_a_copyable_card_shows_no_personal_history() -> None:
    facts = shown(session("identify")).facts
    assert facts == CustomerFacts(customer_id="cus_1", tier="gold", points=42)


@pytest.mark.parametrize("assurance", ["authenticate", "staff"])
def test_a_sure_customers_history_is_shown(assurance: str) -> None:
    assert shown(session(assurance)).facts == FACTS


def test_holdouts_are_shown_to_nobody_at_the_counter_or_on_the_phone() -> None:
    decision = shown(session("staff")).decision
    assert decision is not None
    assert decision.reasons == (OUTBID,)
    assert for_phone(session("staff")).reasons == (OUTBID,)
