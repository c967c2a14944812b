"""One decision for every channel: the same basket, customer and place cost the same at the counter, over the
telephone, from the customer's phone and by a partner, but for offers that name a channel."""

from random import Random
from typing import Any, NamedTuple

import pytest
from msgspec import convert, to_builtins
from msgspec.structs import replace

from poi_engine.clock import moment
from poi_offers.catalogue import Catalogue
from poi_offers.decide import decide
from poi_offers.decision import Decision
from poi_offers.model import Offer, Stacking
from poi_offers.offer_conditions import All, Channel, Condition, InSegment, Quantity, Stores, Subtotal
from poi_offers.offer_effects import AmountOff, BuyXGetY, Effect, FixedPrice, PercentOff, PointsFixed
from poi_offers.offer_parts import Selector
from poi_offers.policy import Policy
from poi_offers.situation import Basket, CustomerFacts, Place, SaleItem, Situation
from tests.server.shop import Shop

pytestmark = pytest.mark.valkey

PRICES = {"tart": 1850, "loaf": 320, "jam": 745, "tea": 1299}
CHANNELS = ("counter", "phone", "partner")
SETS = 5
"""Sets of offers for each test; each with the seed of its number."""


class Answer(NamedTuple):
    """What a decision comes to, however it was asked for."""

    total: int
    adjustments: frozenset[tuple[str, str, int]]
    offers: tuple[tuple[str, int], ...]
    awards: tuple[tuple[str, str, int], ...]


def answer_of(decision: Decision) -> Answer:
    return Answer(
        total=decision.total,
        adjustments=frozenset((one.offer_id, one.line_id, one.amount) for one in decision.adjustments),
        offers=tuple((one.offer_id, one.saved) for one in decision.offers),
        awards=tuple((one.offer_id, one.kind, one.amount) for one in decision.awards),
    )


def told(document: Any) -> Answer:
    """The same of a decision as JSON."""
    return answer_of(convert(document, Decision))


def an_effect(random: Random) -> Effect:
    items = Selector(products=(random.choice([*PRICES]),))
    return random.choice(
        (
            PercentOff(percent=random.randrange(300, 4000)),
            PercentOff(percent=random.randrange(300, 4000), on="line", items=items),
            AmountOff(amount=random.randrange(20, 900)),
            FixedPrice(price=random.randrange(0, 700), items=items),
            BuyXGetY(items=items, buy=random.randrange(1, 3), percent=random.randrange(2000, 10_001)),
            PointsFixed(points=random.randrange(1, 60)),
        )
    )


def a_condition(random: Random, store_id: str) -> Condition:
    return random.choice(
        (
            Subtotal(min=1),
            Subtotal(min=random.randrange(500, 6000)),
            Quantity(min=random.randrange(1, 5) * 1000),
            InSegment(any_of=("vip",)),
            Stores(any_of=(store_id,)),
        )
    )


def an_offer(random: Random, name: str, store_id: str, channels: tuple[str, ...] | None) -> Offer:
    condition = a_condition(random, store_id)
    if channels is not None:
        condition = All(of=(Channel(any_of=channels), condition))  # type: ignore[arg-type]  # three words
    group = random.choice((None, None, "one"))
    alone = group is None and random.random() < 0.2
    stacking = Stacking(priority=random.randrange(3), exclusive=alone, group=group)
    return Offer(
        offer_id=name,
        name={"en": name},
        currency="EUR",
        effects=(an_effect(random),),
        conditions=condition,
        stacking=stacking,
    )


def in_channel(offers: list[Offer], channel: str) -> list[Offer]:
    """The offers as that channel has them: those that name it without saying so, and none that name others."""
    found = []
    for offer in offers:
        condition = offer.conditions
        if isinstance(condition, All) and condition.of and isinstance(condition.of[0], Channel):
            if channel in condition.of[0].any_of:
                found.append(replace(offer, conditions=condition.of[1]))
        else:
            found.append(offer)
    return found


class Asking:
    """One basket, customer and place, asked about in every way there is."""

    def __init__(self, shop: Shop, partner: str, random: Random, number: int) -> None:
        self.shop = shop
        self.partner = partner
        codes = random.sample([*PRICES], random.randrange(1, len(PRICES) + 1))
        self.entries = [
            {"line_id": str(at), "code": code, "quantity": random.randrange(1, 5) * 1000}
            for at, code in enumerate(codes, 1)
        ]
        self.known = random.random() < 0.8
        self.number = number

    async def answers(self) -> dict[str, list[Answer]]:
        """Every answer by channel."""
        return {
            "counter": [await self.session(), await self.quote("owner"), await self.order("owner")],
            "phone": [await self.quote("phone"), await self.order("phone")] if self.known else [],
            "partner": [await self.dry_run(), await self.order(self.partner)],
        }

    async def session(self) -> Answer:
        """At the counter."""
        shop, engine = self.shop, self.shop.services.engine
        opened = await engine.stations.open(shop.merchant_id, shop.station_id)
        path = f"/v1/sessions/{opened.session_id}"
        if self.known:
            who = {"scheme": "loyalty", "assurance": "identify", "source": "test"}
            await engine.stations.identify(shop.merchant_id, opened.session_id, shop.customer_id, **who)  # type: ignore[arg-type]
        shown = await shop.ask("PUT", f"{path}/basket", {"entries": self.entries}, role="station")
        answer = told(shown.json["decision"])
        await shop.ask("POST", f"{path}/abandon", {}, role="station")
        return answer

    async def quote(self, role: str) -> Answer:
        """Before ordering, on the phone or for somebody on the telephone."""
        path = "/v1/me/orders/quote" if role == "phone" else "/v1/orders/quote"
        return told((await self.shop.ask("POST", path, self._wished(role), role=role)).json["decision"])

    async def order(self, role: str) -> Answer:
        """With the order, which is given up again; its lines come to the decision's total."""
        path = "/v1/me/orders" if role == "phone" else "/v1/orders"
        headers = {"Idempotency-Key": f"set-{self.number}"}
        placed = await self.shop.ask("POST", path, self._wished(role), role=role, headers=headers)
        assert placed.status == 201, placed.content
        order = placed.json
        assert order["due"] == order["decision"]["total"] == sum(line["total"] for line in order["lines"])
        await self.shop.ask("POST", f"/v1/orders/{order['order_id']}/moves", {"state": "cancelled"})
        return told(order["decision"])

    async def dry_run(self) -> Answer:
        """What a partner's app asks before it orders."""
        asked = self._wished("partner") | {"currency": "EUR"}
        return told((await self.shop.ask("POST", "/v1/decisions", asked, role=self.partner)).json)

    def expected(self, offers: list[Offer], channel: str) -> Answer:
        """What the offers of a channel come to by the choice itself, without a server."""
        items = tuple(
            SaleItem(line_id=line["line_id"], label="x", code=line["code"], quantity=line["quantity"], unit_price=price)
            for line in self.entries
            for price in (PRICES[line["code"]],)
        )
        situation = Situation(
            at=moment(1_770_000_000_000_000),
            place=Place(zone="Europe/Paris", store_id=self.shop.store_id),
            basket=Basket(currency="EUR", items=items),
            customer=CustomerFacts(customer_id=self.shop.customer_id, segments=("vip",)) if self.known else None,
        )
        return answer_of(decide(Catalogue(in_channel(offers, channel)), situation, Policy()))

    def _wished(self, role: str) -> dict[str, Any]:
        wished: dict[str, Any] = {"store_id": self.shop.store_id, "entries": self.entries}
        if self.known and role != "phone":
            wished["customer_id"] = self.shop.customer_id
        return wished


@pytest.fixture
async def partner(shop: Shop) -> str:
    """The products, the customer's segment, and a partner who decides and orders."""
    for code, price in PRICES.items():
        product = {"code": code, "label": code.title(), "unit_price": price}
        assert (await shop.ask("PUT", f"/v1/products/{code}", product)).status < 300
    await shop.ask("PATCH", f"/v1/customers/{shop.customer_id}", {"segments": ["vip"]})
    return await shop.partner("decisions", "customers:read", "orders:write")


async def offered(shop: Shop, offers: list[Offer]) -> None:
    """Only these offers are live from now on."""
    for known in (await shop.ask("GET", "/v1/offers")).json["items"]:
        await shop.ask("DELETE", f"/v1/offers/{known['offer']['offer_id']}")
    for offer in offers:
        made = await shop.ask("POST", "/v1/offers", to_builtins(offer))
        assert made.status == 201, made.content


async def test_every_way_to_ask_gives_the_same_adjustments_and_total(shop: Shop, partner: str) -> None:
    saved = 0
    for seed in range(SETS):
        random = Random(seed)
        await offered(shop, [an_offer(random, f"off_{seed}_{at}", shop.store_id, None) for at in range(5)])
        for number in range(2):
            answers = await Asking(shop, partner, random, seed * 10 + number).answers()
            flat = [answer for found in answers.values() for answer in found]
            assert len(set(flat)) == 1, (seed, number, answers)
            saved += bool(flat[0].adjustments)
    assert saved > SETS, "the sets of offers took too little off to tell answers apart"


async def test_an_offer_of_a_channel_counts_there_alone(shop: Shop, partner: str) -> None:
    differing = 0
    for seed in range(SETS):
        random = Random(1000 + seed)
        named = [None, None, ("counter",), ("phone",), ("partner",), ("phone", "partner")]
        offers = [an_offer(random, f"off_{seed}_{at}", shop.store_id, who) for at, who in enumerate(named)]
        await offered(shop, offers)
        asking = Asking(shop, partner, random, seed)
        answers = await asking.answers()
        expected = {channel: asking.expected(offers, channel) for channel in CHANNELS}
        for channel, found in answers.items():
            assert found == [expected[channel]] * len(found), (seed, channel)
        differing += len({answer.total for answer in expected.values()}) > 1
    assert differing > 1, "the channels' own offers never made a difference"
