"""Tills of others that sell through a station: they bring their own prices, and ask for offers or for none."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.clientele.customers import Customers
from poi_engine.deciding import situation_of
from poi_engine.desk import Desk
from poi_engine.errors import RequestError
from poi_engine.goods.products import Product, find_product
from poi_engine.identify import Identifier, Refused
from poi_engine.pan import refuse_pan
from poi_engine.ports import Credential, Job
from poi_engine.session import Notice, Session, must_be_changeable
from poi_engine.stations import Stations
from poi_engine.value.lines import is_value, with_value
from poi_engine.wiring import Wiring
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.situation import SaleItem

Offering = Literal["all", "points", "none"]
"""What a till leaves to us: the offers, the programme's points alone, or nothing and nobody known."""


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
            return await self._stations.deciding.decided(changed)

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
        self,
        merchant_id: str,
        session_id: str,
        items: Sequence[SaleItem],
        *,
        offers: Offering = "all",
        rewards: Sequence[str] = (),
    ) -> Session:
        """The basket as the till prices it, and the rewards that the customer asks for by it."""
        if any(is_value(item.code) for item in items):
            raise RequestError("value-by-till", "Stored value is loaded by a request of its own.", path="$.SaleItem")
        for item in items:
            refuse_pan(f"{item.label}\n{item.code or ''}", "$.SaleItem")

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            basket = replace(session.basket, items=tuple(items), codes=(), rewards=tuple(rewards))
            known = {} if offers != "none" else {"identity": None, "facts": None, "contact_id": None}
            changed = replace(session, basket=basket, fulfilments=(), notice=None, **known)
            decided = await self._stations.deciding.decided(changed)
            return decided if offers == "all" else await self._without_offers(decided)

        return await self._desk.change(merchant_id, session_id, step)

    async def _without_offers(self, session: Session) -> Session:
        """The same, decided by a catalogue without an offer: the programme's own points are left."""
        counter = await self._w.places.counter(session.merchant_id, session.station_id)
        programme = (await self._offers.merchant(session.merchant_id)).programme
        situation = situation_of(session, counter, session.facts, self._w.at())
        return replace(session, decision=with_value(decide(Catalogue(), situation, programme.policy), session.basket))
