"""The counters: one session each, taps and scans into it, a decision after every change."""

from collections.abc import Sequence

from msgspec.structs import replace

from poi_engine.basket import BasketEntry, check_entries, lines_of, one_more, overridden_of
from poi_engine.card_reading import CardReading
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.exercise import is_exercise
from poi_engine.checkout.frozen import is_sure
from poi_engine.checkout.settlement import Settlement
from poi_engine.clientele.customers import Customers
from poi_engine.clock import moment
from poi_engine.deciding import Deciding
from poi_engine.desk import Desk
from poi_engine.errors import Conflict, PoiError, StorageError
from poi_engine.goods.products import Products
from poi_engine.identify import Identifier, Refused, Vouched, carrier, identity_of, surer, vouch
from poi_engine.orders.fulfilment import placed, same_lines, still
from poi_engine.orders.promised import promised_items
from poi_engine.overrides import Overridden, priced, standing
from poi_engine.ports import Credential
from poi_engine.principal import Principal
from poi_engine.repeats import PRODUCTS, Repeats
from poi_engine.session import CHANGEABLE, ENDED, Identity, Notice, Session, SessionState, move, must_be_changeable
from poi_engine.staff.by_hand import allow_overrides, must_load_value
from poi_engine.staff.rights import Acting
from poi_engine.value.lines import is_value
from poi_engine.wiring import Wiring
from poi_offers.decide import Explained
from poi_offers.situation import Basket, SaleItem

_S = SessionState


class Stations:
    """The sessions' service."""

    def __init__(
        self,
        wiring: Wiring,
        desk: Desk,
        settlement: Settlement,
        offers: OfferBook,
        customers: Customers,
        products: Products,
    ) -> None:
        self._w = wiring
        self._desk = desk
        self._settlement = settlement
        self._offers = offers
        self._customers = customers
        self._products = products
        self._identifier = Identifier(wiring, customers)
        self.cards = CardReading(wiring)
        self.deciding = Deciding(wiring, offers)
        self._repeats = Repeats(wiring.clock)

    async def open(self, merchant_id: str, station_id: str, items: Sequence[BasketEntry] = ()) -> Session:
        """The station's session if one is open, else a new one with these entries."""
        current = await self.current(merchant_id, station_id)
        if current is None or current.state in ENDED:
            current = await self._opened(await self._fresh(merchant_id, station_id))
        return await self.set_basket(merchant_id, current.session_id, items) if items else current

    async def current(self, merchant_id: str, station_id: str) -> Session | None:
        """The station's session, the last one too until another is opened."""
        found = await self._w.sessions.at_station(merchant_id, station_id)
        return await self._desk.reconciled(found) if found else None

    async def of_customer(self, merchant_id: str, customer_id: str) -> Session | None:
        """The session that a customer is served in, at whichever station; None without Redis, too."""
        try:
            found = await self._w.sessions.of_customer(merchant_id, customer_id)
        except StorageError:
            return None
        session = await self._desk.reconciled(found) if found else None
        return session if session and session.state not in ENDED else None

    async def get(self, merchant_id: str, session_id: str) -> Session:
        """A session by id."""
        return await self._desk.load(merchant_id, session_id)

    async def stored(self, merchant_id: str, session_id: str) -> Session:
        """A session by id, for a payment of it: what became of an earlier one is found by that."""
        return await self._desk.stored(merchant_id, session_id)

    async def set_basket(
        self,
        merchant_id: str,
        session_id: str,
        entries: Sequence[BasketEntry],
        *,
        codes: Sequence[str] = (),
        rewards: Sequence[str] = (),
        revision: int | None = None,
        known: Session | None = None,
        acting: Acting | None = None,
        approval_id: str | None = None,
        explain: Explained | None = None,
    ) -> Session:
        """Replace the basket, the codes given and the rewards asked for; decides anew.

        `known` is the session if the caller has just loaded it. `acting`: who gives prices by hand, with a second
        person's consent where they go further than they may alone. `explain` as `decided` takes it.
        """
        check_entries(entries, value=True)
        if any(is_value(entry.code) for entry in entries):
            must_load_value(acting)
        allowed: list[Overridden] = []

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            if revision is not None and session.revision != revision:
                raise Conflict("revision", "The session has changed since; look again.")
            counter = await self._w.places.counter(merchant_id, session.station_id)
            products, facts = await self.deciding.read(session, [one.code for one in entries if one.code])
            promised = await self._promised(session)
            wanted = overridden_of(entries, products, promised, acting.by.who if acting else "")
            overrides = standing(session.overrides, wanted)
            fresh = [one for one in overrides if one not in session.overrides and one not in allowed]
            if fresh:
                named = (merchant_id, session_id, fresh, acting, approval_id)
                await self._w.sql.write(lambda: allow_overrides(*named, ids=self._w.ids, at=self._w.at()))
                allowed.extend(fresh)
            lines = priced(lines_of(entries, products, counter.vat_rate, promised), overrides)
            basket = replace(session.basket, items=lines, codes=tuple(codes), rewards=tuple(rewards))
            kept = still(session.fulfilments, same_lines(session.basket.items, lines))
            changed = replace(session, basket=basket, fulfilments=kept, overrides=overrides, notice=None)
            return await self.deciding.decided(changed, explain, facts)

        return await self._desk.change(merchant_id, session_id, step, known)

    async def present(self, merchant_id: str, station_id: str, credential: Credential) -> Session:
        """A tap or a scan: identifies a customer, or adds a product. Refusals are the session's notice."""
        session = await self.current(merchant_id, station_id)
        again = self._repeats.again(merchant_id, station_id, credential)
        if session is None or session.state in ENDED:
            fresh = await self._fresh(merchant_id, station_id)
            begun = None if again else await self._begun_by(fresh, credential)
            if begun is not None:
                return begun
            session = await self._opened(fresh)
        if again:
            return session
        if session.state not in CHANGEABLE:
            return await self._notice(session, Notice(code="busy"))
        if credential.scheme in PRODUCTS:
            return await self._scan_product(session, credential.subject)
        programme = (await self._offers.merchant(merchant_id)).programme
        found = await self._identifier.identify(merchant_id, credential, pseudonyms=programme.pseudonyms)
        if isinstance(found, Refused):
            return await self._notice(session, found.notice)
        return await self._identify(session, await self._stood_by(session, found, credential))

    async def refuse(self, merchant_id: str, station_id: str, code: str, **values: str) -> Session:
        """Show at the station that a card or code could not be read."""
        session = await self.open(merchant_id, station_id)
        return await self._notice(session, Notice(code=code, values=values))

    async def identify(
        self, merchant_id: str, session_id: str, customer_id: str, *, scheme: str, assurance: str, source: str
    ) -> Session:
        """The customer's phone scanned the station's code, or staff chose the customer."""
        customer = await self._customers.get(merchant_id, customer_id)
        session = await self._desk.load(merchant_id, session_id)
        return await self._identify(session, identity_of(customer, scheme, assurance, source))

    async def confirm_identity(
        self,
        merchant_id: str,
        session_id: str,
        by: Principal,
        *,
        how: Vouched = "known",
        approval_id: str | None = None,
    ) -> Session:
        """Staff vouch for the customer; who and by what sign is recorded in the audit.

        What staff themselves linked a short while ago proves nothing: that takes a second person (`approval-needed`).
        """
        known = _vouchable(await self._desk.load(merchant_id, session_id))
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        await self._w.sql.write(lambda: vouch(merchant_id, session_id, known, by, how, approval_id, audit_id, at))

        async def step(current: Session) -> Session:
            identity = _vouchable(current)
            if identity.customer_id != known.customer_id:
                raise Conflict("session-changed", "Another customer was identified meanwhile; look again.")
            sure = replace(identity, assurance="staff", proved_at=self._w.at(), unproved=False)
            return await self.deciding.decided(replace(current, identity=sure, notice=None))

        return await self._desk.change(merchant_id, session_id, step)

    async def _stood_by(self, session: Session, found: Identity, credential: Credential) -> Identity:
        """A card that staff linked is the customer's once it is shown in a session that their own code opened."""
        known = session.identity
        if not found.unproved or known is None or known.customer_id != found.customer_id:
            return found
        if known.assurance != "authenticate" or not is_sure(known, self._w.at()):
            return found
        await self._identifier.stand_by(session.merchant_id, found.customer_id, credential)
        return replace(found, unproved=False)

    async def forget_customer(self, merchant_id: str, session_id: str) -> Session:
        """Nobody is identified any more (the wrong customer was)."""

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            basket = replace(session.basket, rewards=())
            changed = replace(session, identity=None, facts=None, basket=basket, contact_id=None, notice=None)
            return await self.deciding.decided(changed)

        return await self._desk.change(merchant_id, session_id, step)

    async def see_card(self, merchant_id: str, session_id: str) -> Session:
        """Have the terminal read the card before the amount, then decide with its facts."""
        session = await self._desk.load(merchant_id, session_id)
        must_be_changeable(session)
        seen = await self.cards.read(session)

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            changed = replace(session, payment=seen.facts, acquisition_ref=seen.acquisition_ref, notice=None)
            return await self.deciding.decided(changed)

        try:
            return await self._desk.change(merchant_id, session_id, step)
        except PoiError:
            await self.cards.let_go(session, seen.acquisition_ref)
            raise

    async def forget_card(self, merchant_id: str, session_id: str) -> Session:
        """Decide without the card seen (another means will pay)."""

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            return await self.deciding.decided(replace(session, payment=None, acquisition_ref=None))

        before = await self._desk.load(merchant_id, session_id)
        changed = await self._desk.change(merchant_id, session_id, step, before)
        await self.cards.drop(before)
        return changed

    async def decide_again(self, merchant_id: str, session_id: str, notice: Notice | None = None) -> Session:
        """The decision as the limits stand now."""

        async def step(session: Session) -> Session:
            must_be_changeable(session)
            return await self.deciding.decided(replace(session, notice=notice))

        return await self._desk.change(merchant_id, session_id, step)

    async def abandon(
        self, merchant_id: str, session_id: str, known: Session | None = None, *, by: Principal | None = None
    ) -> Session:
        """End the session without a sale: what was reserved is free again, what was paid in part goes back. Not while
        a payment is under way."""

        async def step(session: Session) -> Session:
            if session.state is _S.ABANDONED:
                return session
            tenders = session.tenders
            if session.state is _S.PAYING and not is_exercise(session):
                who = by.who if by else f"station:{session.station_id}"
                tenders = await self._settlement.give_up(session, who)
            return move(session, _S.ABANDONED, notice=None, tenders=tenders, due=0)

        session = known or await self._desk.load(merchant_id, session_id)
        if session.state is _S.ABANDONED:
            return session
        ended = await self._desk.change(merchant_id, session_id, step, session)
        await self._w.sessions.release(ended)
        await self.cards.drop(session)
        return ended

    async def set_aside(self, merchant_id: str, session_id: str) -> Session:
        """Free the station for the next customer while a payment in doubt waits for its answer."""
        session = await self._desk.load(merchant_id, session_id)
        if session.state is not _S.UNKNOWN:
            raise Conflict("not-in-doubt", "Only a session whose payment is in doubt can be set aside.")
        await self._w.sessions.release(session)
        return session

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _fresh(self, merchant_id: str, station_id: str) -> Session:
        """A session that nobody has stored yet."""
        counter = await self._w.places.counter(merchant_id, station_id)
        merchant = await self._offers.merchant(merchant_id)
        return Session(
            session_id=self._w.ids.new("ses"),
            merchant_id=merchant_id,
            store_id=counter.store_id,
            station_id=station_id,
            opened_at=moment(self._w.at()),
            basket=Basket(currency=merchant.currency),
        )

    async def _opened(self, fresh: Session) -> Session:
        """The new session on the screens, or the one that somebody else opened there meanwhile."""
        if await self._desk.store(fresh, None):
            return fresh
        faster = await self.current(fresh.merchant_id, fresh.station_id)
        if faster is None:
            raise StorageError("sessions-away", "The new session could not be stored.")
        return faster

    async def _begun_by(self, fresh: Session, credential: Credential) -> Session | None:
        """The new session of whoever carries this card, stored once; None for any other credential, and when somebody
        else has opened one there meanwhile."""
        at = self._w.at()
        found = await self._w.sql.read(lambda: carrier(fresh.merchant_id, credential, at))
        if found is None:
            return None
        identity, facts = found
        session = await self.deciding.decided(_identified(fresh, identity, at), known=facts)
        if not await self._desk.store(session, None):
            return None
        await self._w.screens.customer_changed(session.merchant_id, identity.customer_id, "identified")
        return session

    async def _identify(self, session: Session, identity: Identity) -> Session:
        async def step(current: Session) -> Session:
            must_be_changeable(current)
            return await self.deciding.decided(_identified(current, identity, self._w.at()))

        changed = await self._desk.change(session.merchant_id, session.session_id, step, session)
        await self._w.screens.customer_changed(session.merchant_id, identity.customer_id, "identified")
        return changed

    async def _promised(self, session: Session) -> dict[str, SaleItem]:
        """What was ordered before, of what this session pays."""
        if not placed(session.fulfilments):
            return {}
        return await self._w.sql.read(lambda: promised_items(session.merchant_id, session.fulfilments))

    async def _scan_product(self, session: Session, code: str) -> Session:
        product = await self._products.find(session.merchant_id, code)
        if product is None:
            return await self._notice(session, Notice(code="unknown-product", values={"code": code[:64]}))

        async def step(current: Session) -> Session:
            must_be_changeable(current)
            notice = Notice(code="product-added", values={"label": product.label})
            basket = one_more(current.basket, product, {one.line_id for one in current.fulfilments})
            return await self.deciding.decided(replace(current, basket=basket, notice=notice))

        return await self._desk.change(session.merchant_id, session.session_id, step)

    async def _notice(self, session: Session, notice: Notice) -> Session:
        async def step(current: Session) -> Session:
            return replace(current, notice=notice, revision=current.revision + 1)

        return await self._desk.change(session.merchant_id, session.session_id, step)


def _identified(current: Session, identity: Identity, at: int) -> Session:
    """The session with whom a card or code shows to be there."""
    notice = Notice(code="identified", values={"scheme": identity.scheme})
    known = surer(current.identity, replace(identity, proved_at=at), at)
    basket, contact_id = current.basket, current.contact_id
    if current.identity is not None and current.identity.customer_id != known.customer_id:
        basket = replace(basket, rewards=())  # the one before asked for them
        contact_id = None
    return replace(current, identity=known, basket=basket, contact_id=contact_id, notice=notice)


def _vouchable(session: Session) -> Identity:
    """Whom staff may vouch for: who is identified in a session that is not being paid."""
    must_be_changeable(session)
    if session.identity is None:
        raise Conflict("nobody-identified", "Nobody is identified in this session.")
    return session.identity
