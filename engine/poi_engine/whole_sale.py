"""A whole sale in one call, for a till that knows its basket and wants one answer: decided, accepted, paid.

The session's id is made of the caller's key, so a repeated call finds what the first one began and goes on from there,
wherever that was interrupted; a sale that was made is answered again. Nothing is kept of a call that is refused.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine.basket import BasketEntry, check_entries, lines_of
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.checkout import Checkout
from poi_engine.clientele.customers import Customers
from poi_engine.clock import moment
from poi_engine.desk import Desk, station_busy
from poi_engine.errors import Conflict, NotFound, PoiError, RequestError
from poi_engine.goods.assortment import Assortment
from poi_engine.goods.products import Product
from poi_engine.identify import Identifier, Refused, carrier
from poi_engine.ports import Credential, Job, Query
from poi_engine.principal import Principal
from poi_engine.session import CHANGEABLE, ENDED, Identity, Session, SessionState
from poi_engine.stations import Stations
from poi_engine.together import together
from poi_engine.wiring import Wiring
from poi_offers.decide import Explained
from poi_offers.situation import Basket, CustomerFacts

_S = SessionState
_WAITS = frozenset({"confirmation-required", "payment-under-way"})
"""Refusals after which the same call goes on later: the session stays."""


class Wish(Struct, frozen=True, kw_only=True):
    """What the till wants: the basket, for whom, at most for how much (minor units), and by what it is paid."""

    entries: Sequence[BasketEntry]
    accept_up_to: int
    means: Literal["card", "cash", "wallet"] = "card"
    credential: Credential | None = None
    codes: tuple[str, ...] = ()


class WholeSales:
    """The service."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        stations: Stations,
        offers: OfferBook,
        customers: Customers,
        checkout: Checkout,
    ) -> None:
        self._w = wiring
        self._desk = desk
        self._stations = stations
        self._offers = offers
        self._identifier = Identifier(wiring, customers)
        self._checkout = checkout

    async def sell(
        self, merchant_id: str, station_id: str, wish: Wish, *, key: str, caller: Principal, by: Principal
    ) -> Session:
        """PAID, DECLINED (nothing is held any more) or UNKNOWN (as after any payment). Repeating the key sells once.

        `Conflict` `total-above` when the offers leave more than `accept_up_to`, `station-busy` while somebody else is
        served there. `caller` is whose key it is, `by` who acts.
        """
        check_entries(wish.entries)
        session_id, asked = _session_of(merchant_id, station_id, caller, key), _asked(key, wish)
        at = self._w.at()
        seen = await self._w.sql.read(lambda: _look(self._w.assortment, merchant_id, session_id, wish, at))
        session = await self._begun(merchant_id, session_id, seen)
        if session is None:
            return await self._at_once(merchant_id, station_id, session_id, wish, asked, seen, key, by)
        _must_be_same(session, asked)
        if session.state is _S.PAID:
            return session
        try:
            return await self._finished(session, wish, key, by)
        except PoiError as error:
            if error.status < 500 and error.code not in _WAITS:
                await self._give_up(merchant_id, session_id)
            raise

    async def _at_once(
        self,
        merchant_id: str,
        station_id: str,
        session_id: str,
        wish: Wish,
        asked: str,
        seen: "_Seen",
        key: str,
        by: Principal,
    ) -> Session:
        """A session that nobody knows before it is paid, or waits for the customer's word."""
        await self._must_be_free(merchant_id, station_id)
        decided = await self._decided(merchant_id, station_id, session_id, wish, asked, seen)
        try:
            paid = await self._checkout.pay(
                merchant_id, session_id, wish.means, key=key, by=by, accepting=decided, unshown=True
            )
        except Conflict as error:
            if error.code == "confirmation-required" and not await self._desk.store(decided, None):
                raise station_busy() from error
            raise
        _must_be_same(paid, asked)  # another call with this key may have been faster
        if paid.state is _S.DECLINED:
            await self._give_up(merchant_id, session_id)
        return paid

    async def _must_be_free(self, merchant_id: str, station_id: str) -> None:
        there = await self._w.sessions.at_station(merchant_id, station_id)
        if there is not None and there.state not in ENDED:
            raise station_busy()

    async def _finished(self, session: Session, wish: Wish, key: str, by: Principal) -> Session:
        merchant_id, session_id, decided = session.merchant_id, session.session_id, None
        if session.state in CHANGEABLE and session.decision is not None and session.state is not _S.DECLINED:
            _fits(session.decision.total, wish)
            decided = session
        paid = await self._checkout.pay(merchant_id, session_id, wish.means, key=key, by=by, accepting=decided)
        if paid.state is _S.DECLINED:
            await self._give_up(merchant_id, session_id)
        return paid

    async def _begun(self, merchant_id: str, session_id: str, seen: "_Seen") -> Session | None:
        """What an earlier call has begun, if it came as far as that others know of it."""
        if not seen.begun:
            return None
        try:
            return await self._desk.load(merchant_id, session_id)
        except NotFound:
            return None

    async def _decided(
        self, merchant_id: str, station_id: str, session_id: str, wish: Wish, asked: str, seen: "_Seen"
    ) -> Session:
        """The session with its decision; refused when it is too dear."""
        identity = seen.identity
        if identity is None and wish.credential is not None:
            identity = await self._who(merchant_id, wish.credential)
        counter = await self._w.places.counter(merchant_id, station_id)
        items = lines_of(wish.entries, seen.products, counter.vat_rate)
        fresh = Session(
            session_id=session_id,
            merchant_id=merchant_id,
            store_id=counter.store_id,
            station_id=station_id,
            opened_at=moment(self._w.at()),
            basket=Basket(currency=await self._currency(merchant_id), items=items, codes=wish.codes),
            identity=replace(identity, proved_at=self._w.at()) if identity else None,
            asked=asked,
        )
        explain: Explained = "eligible"  # nobody reads why others do not hold
        session = await self._stations.deciding.decided(fresh, explain, seen.facts)
        if session.decision is None:
            raise RequestError("empty-basket", "A sale has at least one line.", path="$.entries")
        _fits(session.decision.total, wish)
        return session

    async def _who(self, merchant_id: str, credential: Credential) -> Identity:
        programme = (await self._offers.merchant(merchant_id)).programme
        found = await self._identifier.identify(merchant_id, credential, pseudonyms=programme.pseudonyms)
        if isinstance(found, Refused):
            raise RequestError(found.notice.code, "Nobody is known by this card or code.", path="$.credential")
        return found

    async def _currency(self, merchant_id: str) -> str:
        return (await self._offers.merchant(merchant_id)).currency

    async def _give_up(self, merchant_id: str, session_id: str) -> None:
        """Free the station and what was held; a payment under way, or a session that ended, stays as it is."""
        with suppress(Conflict, NotFound):
            await self._stations.abandon(merchant_id, session_id)


class _Seen(Struct, frozen=True, kw_only=True):
    """What SQL has to say before the sale begins; `begun`: an earlier call was accepted, or waits for a word."""

    begun: bool = False
    identity: Identity | None = None
    facts: CustomerFacts | None = None
    products: dict[str, Product] = {}


def _look(assortment: Assortment, merchant_id: str, session_id: str, wish: Wish, at: int) -> Job[_Seen]:
    """All of it on one snapshot; a customer who is not known by a card is found another way."""
    begun, known, products = yield from together(
        _was_begun(merchant_id, session_id),
        carrier(merchant_id, wish.credential, at),
        assortment.on_sale(merchant_id, [one.code for one in wish.entries if one.code]),
    )
    identity, facts = known or (None, None)
    return _Seen(begun=begun, identity=identity, facts=facts, products=products)


def _was_begun(merchant_id: str, session_id: str) -> Job[bool]:
    rows = yield Query(
        "select 1 as begun from checkout where merchant_id = ? and session_id = ? union all "
        "select 1 from confirmation where merchant_id = ? and session_id = ? limit 1",
        (merchant_id, session_id) * 2,
    )
    return bool(rows)


def _session_of(merchant_id: str, station_id: str, caller: Principal, key: str) -> str:
    """The same key of the same caller is the same session."""
    name = "\0".join((merchant_id, station_id, caller.access_id, key))
    return f"ses_{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _fits(total: int, wish: Wish) -> int:
    if total > wish.accept_up_to:
        message = f"The total is {total} minor units; {wish.accept_up_to} were accepted at most. Nothing was sold."
        raise Conflict("total-above", message, path="$.accept_up_to")
    return total


def _asked(key: str, wish: Wish) -> str:
    """What must be the same when the key is repeated; nobody who has not the key learns a card's number of it."""
    shown = (wish.credential.scheme, wish.credential.subject) if wish.credential else None
    body = json.encode((key, wish.entries, wish.accept_up_to, wish.means, shown, wish.codes))
    return hashlib.sha256(body).hexdigest()[:32]


def _must_be_same(session: Session, asked: str) -> None:
    """A key that is repeated for another sale is refused."""
    if session.asked != asked:
        message = "This idempotency key was used for another request; use a new key for a new request."
        raise Conflict("idempotency-mismatch", message, status=422)
