"""Everything that is done with customers in a shop, once: for the tests that judge each statement of a day."""

from poi_engine.clientele.consents import Proof
from poi_engine.clientele.referral import mark_phone, phone_digest
from poi_engine.ports import Job
from poi_engine.settings import ReferralProgramme
from poi_offers.model import Limit, Offer
from poi_offers.offer_conditions import InSegment
from poi_offers.offer_effects import AmountOff
from tests.engine.shop import SELLER, STATION, Card, M, Shop

FRIEND = "off_friend"


async def clientele(shop: Shop) -> None:
    """Found, written down, asked, brought by a friend, merged while paying, told, exported, erased, kept for a time."""
    await _programme(shop)
    customers, service = shop.engine.customers, shop.engine.clientele
    zoe, bo, cy = [await shop.customer(name) for name in ("Zoé Martin", "Bo Martin", "Cy Martin")]
    await customers.update(M, zoe, display_name="Zoé Dupont")
    await customers.link_credential(M, bo, "loyalty", "LOYAL-B")
    for customer_id in (zoe, bo):
        await shop.sql.write(lambda customer_id=customer_id: _marked(customer_id))  # type: ignore[misc]
    note = await service.notes.add(M, bo, "Tall", by=SELLER)
    for given in (True, False):
        await service.consents.give(M, bo, "marketing", given, Proof(version=1, who=SELLER.who, how="spoken"))
    code = (await service.referrals.of(M, zoe)).code
    await service.referrals.give(M, cy, code, by=SELLER)
    await shop.sell(1000, customer_id=cy)
    await shop.sell(1000, customer_id=zoe)
    sold = await shop.sell(1000, customer_id=bo)
    accepted = await shop.accept(await shop.identify(await shop.basket(500), bo))
    await service.merges.merge(M, zoe, bo, key="merge", by=SELLER)
    await shop.pay(accepted)
    await shop.engine.checkout.refund(M, sold.sale_id or "", None, "all", key="merged", by=SELLER)
    shop.clock.forward(5)
    await shop.engine.stations.abandon(
        M, (await shop.engine.stations.present(M, STATION, Card("loyalty", "LOYAL-B"))).session_id
    )
    for q in ("dup", "LOYAL-B", zoe):
        assert (await service.search.find(M, q, by=SELLER)).items
    assert await shop.engine.sales.list(M, customer_id=bo, limit=2)
    assert (await service.profiles.of(M, zoe, by=SELLER)).notes
    assert (await service.exports.of(M, zoe, by=SELLER))["purchases"]
    await service.notes.erase(M, zoe, note.note_id, by=SELLER)
    await service.retention.run(M, dry_run=True)
    await customers.erase(M, zoe, by=SELLER)


async def _programme(shop: Shop) -> None:
    personal = InSegment(any_of=(f"coupon:{FRIEND}",))
    friend = Offer(
        offer_id=FRIEND, name={"en": "Friend"}, currency="EUR", effects=(AmountOff(amount=100),), conditions=personal
    )
    once = Limit(of="uses", cap=2, per="customer")
    welcome = Offer(
        offer_id="off_two", name={"en": "Twice"}, currency="EUR", effects=(AmountOff(amount=50),), limits=(once,)
    )
    for offer in (friend, welcome):
        await shop.engine.offers.create(M, offer)
    rule = ReferralProgramme(open=True, friend_offer_id=FRIEND, referrer_offer_id=FRIEND)
    await shop.engine.clientele.referrals.change(M, rule, by=SELLER)


def _marked(customer_id: str) -> Job[None]:
    yield mark_phone(M, phone_digest(f"cookie of {customer_id}"), customer_id, 1)
