"""Tills of others that sell through a station: they bring their own prices, and ask for offers or for none."""

from collections.abc import Sequence

from msgspec.structs import replace

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.clientele.customers import Customers
from poi_engine.desk import Desk
from poi_engine.errors import RequestError
from poi_engine.goods.products import Product, find_product
from poi_engine.identify import Identifier, Refused
from poi_engine.ports import Credential, Job
from poi_engine.session import Notice, Session, SessionState, move
from poi_engine.stations import Stations, must_be_changeable
from poi_engine.value.lines import is_value
from poi_engine.wiring import Wiring
from poi_offers.decision import Decision
from poi_offers.situation import SaleItem

_S = SessionState


class Tills:
    """What a till of somebody else's does with a station's session."""

    def __init__(self, wiring: Wiring, desk: Desk, stations: Stations, offers: OfferBook, customers: Customers) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations
        self._offers = offers
        self._identifier = Identifier(wiring, customers)

    async def identify(self, merchant_id: str, session_id: str, credential: Credential) -> Session:
        """The customer of a credential that the till has read; `RequestError` `unknown-credential` and the like."""
        programme = (await self._offers.merchant(merchant_id)).programme
        found = await self._identifier.identify(merchant_id, credential, pseudonyms=programme.pseudonyms)
        if isinstance(found, Refused):
            raise RequestError(found.notice.code, "Nobody is known by this card or code.", path="$.LoyaltyData")

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            known = replace(found, proved_at=self._w.at())
            notice = Notice(code="identified", values={"scheme": found.scheme})
            basket = replace(session.basket, rewards=())
            changed = replace(session, identity=known, basket=basket, contact_id=None, notice=notice)
            return await self._stations.decided(changed)

        changed = await self._desk.change(merchant_id, session_id, step)
        await self._w.screens.customer_changed(merchant_id, found.customer_id, "identified")
        return changed

    async def goods(self, merchant_id: str, codes: Sequence[str]) -> dict[str, Product]:
        """The products on file by these codes."""

        def job() -> Job[dict[str, Product]]:
            found: dict[str, Product] = {}
            for code in dict.fromkeys(codes):
                product = yield from find_product(merchant_id, code)
                if product is not None:
                    found[code] = product
            return found

        return await self._w.sql.read(job)

    async def set_items(
        self, merchant_id: str, session_id: str, items: Sequence[SaleItem], *, offers: bool = True
    ) -> Session:
        """The basket as the till prices it; without `offers` nobody is known and nothing is taken off."""
        if any(is_value(item.code) for item in items):
            raise RequestError("value-by-till", "Stored value is loaded by a request of its own.", path="$.SaleItem")

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            basket = replace(session.basket, items=tuple(items), codes=(), rewards=())
            changed = replace(session, basket=basket, fulfilments=(), notice=None)
            return await self._stations.decided(changed) if offers else self._plain(changed)

        return await self._desk.change(merchant_id, session_id, step)

    def _plain(self, session: Session) -> Session:
        total = session.basket.subtotal
        decision = Decision(currency=session.basket.currency, subtotal=total, saved=0, total=total, value=0)
        changes = {"identity": None, "facts": None, "contact_id": None, "checkout_id": None}
        return move(session, _S.DECIDED, decision=decision, decision_id=self._w.ids.new("dec"), **changes)
