"""The decision of a session: what it depends on at this moment, and the session with it."""

from collections.abc import Sequence

from msgspec.structs import replace

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.frozen import is_sure
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.facts import read_facts
from poi_engine.goods.assortment import Assortment
from poi_engine.goods.products import Product
from poi_engine.ports import Job
from poi_engine.session import Session, SessionState, move
from poi_engine.settings import Counter
from poi_engine.together import together
from poi_engine.value.lines import goods_of, with_value
from poi_engine.wiring import Wiring
from poi_offers.decide import Explained
from poi_offers.situation import CustomerFacts, Situation

_S = SessionState


class Deciding:
    """Decides sessions."""

    def __init__(self, wiring: Wiring, offers: OfferBook) -> None:
        self._w = wiring
        self._offers = offers

    async def decided(
        self, session: Session, explain: Explained | None = None, known: CustomerFacts | None = None
    ) -> Session:
        """The session with the decision of this moment, or none when the basket is empty.

        `explain` says which offers get a reason, as `OfferBook.decide` takes it. `known`: the customer's facts if the
        caller has just read them.
        """
        at = self._w.at()
        counter = await self._w.places.counter(session.merchant_id, session.station_id)
        facts = known or await self._facts(session)
        session = _as_living(session, facts)
        if not session.basket.items:
            state = _S.IDENTIFIED if session.identity else _S.OPEN
            return move(session, state, facts=facts, decision=None, decision_id=None, checkout_id=None)
        situation = situation_of(session, counter, facts, at)
        decided = await self._offers.decide(session.merchant_id, situation, explain)
        decision = with_value(decided, session.basket)
        decision_id = self._w.ids.new("dec")
        return move(session, _S.DECIDED, facts=facts, decision=decision, decision_id=decision_id, checkout_id=None)

    async def _facts(self, session: Session) -> CustomerFacts | None:
        return None if session.identity is None else (await self.read(session, ()))[1]

    async def read(self, session: Session, codes: Sequence[str]) -> tuple[dict[str, Product], CustomerFacts | None]:
        """The products with these codes and what is on file of the customer, as they are now."""
        at = self._w.at()
        try:
            return await self._w.sql.read(lambda: _goods_and_facts(self._w.assortment, session, codes, at))
        except NotFound:
            raise Conflict("customer-erased", "This customer was erased; identify somebody else.") from None


def situation_of(session: Session, counter: Counter, facts: CustomerFacts | None, at: int) -> Situation:
    """What a decision may depend on. Rewards asked for by somebody we are not sure of are left out."""
    sure = is_sure(session.identity, at)
    basket = goods_of(session.basket if sure else replace(session.basket, rewards=()))
    return Situation(
        at=moment(at),
        place=counter.place,
        basket=basket,
        customer=facts,
        payment=session.payment,
        channel=session.channel,
        partner=session.partner,
    )


def _goods_and_facts(
    assortment: Assortment, session: Session, codes: Sequence[str], at: int
) -> Job[tuple[dict[str, Product], CustomerFacts | None]]:
    products = assortment.on_sale(session.merchant_id, codes)
    if session.identity is None:
        return (yield from products), None
    return (yield from together(products, read_facts(session.merchant_id, session.identity.customer_id, at)))


def _as_living(session: Session, facts: CustomerFacts | None) -> Session:
    """A customer who was merged goes on as the record that lives on."""
    if session.identity is None or facts is None or session.identity.customer_id == facts.customer_id:
        return session
    return replace(session, identity=replace(session.identity, customer_id=facts.customer_id))
