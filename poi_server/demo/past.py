"""The weeks before a demo shop opened: who bought what and when, decided and committed by the engine's own jobs."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from poi_engine.catalogue.offer_book import remaining_limits
from poi_engine.checkout.entries import Tender
from poi_engine.checkout.frozen import Frozen, claims_of, impersonal
from poi_engine.checkout.reservation import checkout_of
from poi_engine.clock import micros_of, moment
from poi_engine.facts import read_facts
from poi_engine.ports import Job
from poi_engine.session import Identity, Session, SessionState
from poi_engine.settings import Counter, Merchant
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Decision
from poi_offers.limits import claims
from poi_offers.situation import Basket, CustomerFacts, PaymentFacts, SaleItem, Situation
from poi_server.demo.people import Regular
from poi_server.demo.plan import DemoShop, Trade
from poi_server.demo_data.past import SOURCE, Past, PastIds, commit_past, tell_nobody
from poi_server.demo_data.visits import CARDS

_BY_CARD = 0.74
_BY_SELLER = 0.7


@dataclass(frozen=True, slots=True)
class Visit:
    """A basket to be sold. `who` accepted it; `card` is None when it was paid in cash."""

    at: datetime
    counter: Counter
    customer_id: str | None
    items: tuple[SaleItem, ...]
    card: PaymentFacts | None
    who: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What visits are made of. `counters`: of each store; `sellers`: as records name them; `goods`: lines by code."""

    plan: DemoShop
    counters: Sequence[Sequence[Counter]]
    sellers: Sequence[str]
    goods: dict[str, SaleItem]
    zone: ZoneInfo

    def visits(self, regulars: Sequence[Regular], first: date, last: date, chance: random.Random) -> list[Visit]:
        """Everybody's visits from a day to another, in their order."""
        expected: dict[tuple[int, date], list[str]] = {}
        for regular in regulars:
            for day in regular.days(first, last, chance):
                expected.setdefault(self._open(regular.store, day), []).append(regular.customer_id)
        days = [first + timedelta(days=count) for count in range((last - first).days + 1)]
        made = [visit for day in days for visit in self._day(day, expected, chance)]
        return sorted(made, key=lambda visit: visit.at)

    def _open(self, store: int, day: date) -> tuple[int, date]:
        """Where somebody goes whose store is closed on that day: to another one, or the next day."""
        sales = self.plan.trade.sales
        at = day.weekday()
        if sales[store][at]:
            return store, day
        return next(((other, day) for other in range(len(sales)) if sales[other][at]), (store, day + timedelta(days=1)))

    def _day(self, day: date, expected: dict[tuple[int, date], list[str]], chance: random.Random) -> Iterator[Visit]:
        for store, week in enumerate(self.plan.trade.sales):
            known = expected.get((store, day), [])
            usual = week[day.weekday()]
            count = max(len(known), round(chance.gauss(usual, 2))) if usual else 0
            for place in range(count):
                yield self._visit(day, store, known[place] if place < len(known) else None, chance)

    def _visit(self, day: date, store: int, customer_id: str | None, chance: random.Random) -> Visit:
        trade = self.plan.trade
        hour = chance.choices(list(trade.hours), list(trade.hours.values()))[0]
        at = datetime.combine(day, time(hour, chance.randrange(60), chance.randrange(60)), self.zone)
        counter = chance.choice(self.counters[store])
        by_seller = self.sellers and chance.random() < _BY_SELLER
        return Visit(
            at=at,
            counter=counter,
            customer_id=customer_id,
            items=self._basket(trade, hour, chance),
            card=chance.choice(CARDS) if chance.random() < _BY_CARD else None,
            who=chance.choice(self.sellers) if by_seller else f"station:{counter.station_id}",
        )

    def _basket(self, trade: Trade, hour: int, chance: random.Random) -> tuple[SaleItem, ...]:
        wares = {ware.sheet["code"]: ware for ware in self.plan.wares if ware.weight}
        codes = dict.fromkeys(
            chance.choices(list(wares), [ware.weight for ware in wares.values()], k=chance.choice(trade.lines))
        )
        for code, other, share, until in trade.beside:
            if code in codes and hour < until and chance.random() < share:
                codes[other] = None
        return tuple(
            self._line(code, str(number), chance.choice(wares[code].pieces), chance)
            for number, code in enumerate(codes, 1)
        )

    def _line(self, code: str, line_id: str, pieces: int, chance: random.Random) -> SaleItem:
        item = self.goods[code]
        quantity = pieces * 1000 if item.unit == "piece" else chance.choice((150, 200, 250, 400))
        return replace(item, line_id=line_id, quantity=quantity)


def sell(merchant: Merchant, visits: Sequence[Visit], catalogue: Catalogue) -> Job[list[str]]:
    """Sell the baskets one after the other in one transaction; returns their checkouts."""
    ids, made = PastIds(), []
    for visit in visits:
        ids.at = micros_of(visit.at)
        facts = None
        if visit.customer_id is not None:
            facts = yield from read_facts(merchant.merchant_id, visit.customer_id, ids.at)
        past = yield from _past(merchant, visit, facts, catalogue, ids)
        yield from commit_past(merchant.merchant_id, past, ids)
        made.append(past.checkout_id)
    yield from tell_nobody(merchant.merchant_id, ids)
    return made


def _past(
    merchant: Merchant, visit: Visit, facts: CustomerFacts | None, catalogue: Catalogue, ids: PastIds
) -> Job[Past]:
    basket = Basket(currency=merchant.currency, items=visit.items)
    situation = Situation(
        at=moment(ids.at), place=visit.counter.place, basket=basket, customer=facts, payment=visit.card
    )
    decision = yield from _decided(merchant, situation, catalogue)
    decision_id = ids.new("dec")
    session = Session(
        session_id=ids.new("ses"),
        merchant_id=merchant.merchant_id,
        store_id=visit.counter.store_id,
        station_id=visit.counter.station_id,
        opened_at=moment(ids.at),
        basket=basket,
        state=SessionState.PAYING,
        identity=_identity(facts),
        facts=facts,
        payment=visit.card,
        decision_id=decision_id,
        decision=decision,
        checkout_id=checkout_of(decision_id),
    )
    offers = {one.offer_id: catalogue.get(one.offer_id) for one in decision.offers}
    known = {offer_id: offer for offer_id, offer in offers.items() if offer is not None}
    frozen = Frozen(
        session=impersonal(session),
        place=visit.counter.place,
        accepted_at=ids.at,
        accepted_by=visit.who,
        claims=claims_of(claims(decision, known, situation), known),
    )
    return Past(checkout_of(decision_id), frozen, _tender(visit.card, decision.total, ids), ids.at)


def _decided(merchant: Merchant, situation: Situation, catalogue: Catalogue) -> Job[Decision]:
    """What the counter would have decided, with what was left of the limits then."""
    asked: dict[str, int] = {}
    policy = merchant.programme.policy

    def ask(key: str, cap: int) -> int:
        asked[key] = cap
        return cap

    decision = decide(catalogue, situation, policy, ask, "eligible")
    if not asked:
        return decision
    left = yield from remaining_limits(merchant.merchant_id, asked)
    if left == asked:
        return decision
    return decide(catalogue, situation, policy, lambda key, _: left[key], "eligible")


def _identity(facts: CustomerFacts | None) -> Identity | None:
    if facts is None:
        return None
    return Identity(
        customer_id=facts.customer_id,
        display_name="",
        pseudonym=True,
        scheme="loyalty",
        assurance="identify",
        source=SOURCE,
    )


def _tender(card: PaymentFacts | None, total: int, ids: PastIds) -> Tender:
    cash = Tender(means="cash", amount=total, payment_id=ids.new("pay"), entry_mode="cash")
    if card is None or not total:
        return cash
    return Tender(
        means="card",
        amount=total,
        payment_id=cash.payment_id,
        card_scheme=card.scheme,
        card_type=card.card_type,
        entry_mode=card.entry_mode,
    )
