"""Taps and scans: who they identify, what they add, and the refusal each bad one gets."""

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query
from poi_engine.session import Session
from poi_offers.model import Offer
from poi_offers.offer_effects import AmountOff, Cashback
from poi_qr.poi1 import derive_device_key, issue
from tests.engine.shop import OTHER_STATION, SELLER, STATION, Card, M, Shop

pytestmark = pytest.mark.valkey
HANDLE = bytes(range(8))
PROGRAMME_KEY = bytes(range(32))


def phone_rows(customer_id: str) -> Job[None]:
    """The programme's key and a customer's phone."""
    yield Query("insert into programme_key values (?, ?, ?, ?)", (M, 3, PROGRAMME_KEY, 0))
    yield Query(
        "insert into device (merchant_id, handle, customer_id, epoch, created_at) values (?, ?, ?, ?, ?)",
        (M, HANDLE.hex(), customer_id, 3, 0),
    )


async def phone(shop: Shop) -> str:
    """A customer with a phone."""
    customer_id = await shop.customer()
    await shop.sql.write(lambda: phone_rows(customer_id))
    return customer_id


def token(shop: Shop, *, ago: float = 0.0, nonce: int = 1, key: bytes = PROGRAMME_KEY) -> Card:
    """The code on the phone's screen."""
    digits = issue(derive_device_key(key, 3, HANDLE), 3, HANDLE, shop.clock.now() - ago, nonce)
    return Card("poi1", digits, "authenticate")


async def present(shop: Shop, card: Card, station: str = STATION) -> Session:
    """Show it at a station."""
    return await shop.engine.stations.present(M, station, card)


def code(session: Session) -> str | None:
    """The notice's code."""
    return session.notice.code if session.notice else None


async def test_the_rotating_code_authenticates_the_phones_customer(shop: Shop) -> None:
    customer_id = await phone(shop)
    session = await present(shop, token(shop))
    assert session.state == "identified"
    assert session.identity is not None
    assert (session.identity.customer_id, session.identity.assurance) == (customer_id, "authenticate")
    assert (customer_id, "identified") in shop.seen.notices


@pytest.mark.parametrize(("ago", "refusal"), [(120, "token-expired"), (-120, "token-clock")])
async def test_a_code_out_of_its_time_is_refused(shop: Shop, ago: float, refusal: str) -> None:
    await phone(shop)
    session = await present(shop, token(shop, ago=ago))
    assert (code(session), session.identity) == (refusal, None)


async def test_a_code_is_good_once_at_any_station(shop: Shop) -> None:
    await phone(shop)
    shown = token(shop)
    assert (await present(shop, shown)).identity is not None
    elsewhere = await present(shop, shown, OTHER_STATION)
    assert (code(elsewhere), elsewhere.identity) == ("token-replayed", None)
    assert (await present(shop, token(shop, nonce=2), OTHER_STATION)).identity is not None


async def test_a_forged_code_and_a_revoked_phone_are_refused(shop: Shop) -> None:
    await phone(shop)
    assert code(await present(shop, token(shop, key=bytes(32)))) == "token-forged"
    await shop.rows("select 1 as one")

    def revoke() -> Job[None]:
        yield Query("update device set revoked_at = 1 where merchant_id = ?", (M,))

    await shop.sql.write(revoke)
    assert code(await present(shop, token(shop, nonce=9))) == "unknown-credential"


async def test_a_loyalty_reference_is_the_same_printed_or_on_a_chip(shop: Shop) -> None:
    chip = await present(shop, Card("ndef", "LOYAL-7"))
    printed = await present(shop, Card("loyalty", "LOYAL-7"), OTHER_STATION)
    assert chip.identity is not None
    assert printed.identity is not None
    assert chip.identity.customer_id == printed.identity.customer_id
    assert chip.identity.pseudonym


async def test_a_bare_chip_number_identifies_only_when_it_is_linked(shop: Shop) -> None:
    assert code(await present(shop, Card("uid", "04a1b2c3"))) == "unknown-credential"
    customer_id = await shop.customer()
    await shop.engine.customers.link_credential(M, customer_id, "uid", "04a1b2c3")
    shop.clock.forward(2)
    session = await present(shop, Card("uid", "04a1b2c3"))
    assert session.identity is not None
    assert session.identity.customer_id == customer_id


async def test_a_product_code_adds_a_line_and_then_counts_on_it(shop: Shop) -> None:
    gtin = (await shop.engine.products.by_code(M, "eclair")).gtin or ""
    await present(shop, Card("gtin", gtin))
    shop.clock.forward(1)
    session = await present(shop, Card("gtin", gtin))
    assert [(item.code, item.quantity) for item in session.basket.items] == [("eclair", 2000)]
    shop.clock.forward(1)
    assert code(await present(shop, Card("gtin", "4006381333931"))) == "unknown-product"


async def test_the_same_card_twice_in_a_moment_is_one_tap(shop: Shop) -> None:
    first = await present(shop, Card("ndef", "LOYAL-7"))
    assert (await present(shop, Card("ndef", "LOYAL-7"))).revision == first.revision


async def test_an_unreadable_scheme_and_a_busy_counter_say_so(shop: Shop) -> None:
    assert code(await present(shop, Card("epc", "BCD"))) == "unreadable"
    accepted = await shop.accept(await shop.basket(500))
    during = await present(shop, Card("ndef", "LOYAL-7"))
    assert (code(during), during.state) == ("busy", "paying")
    await shop.pay(accepted)


async def test_a_weaker_proof_does_not_lower_a_stronger_one(shop: Shop) -> None:
    customer_id = await phone(shop)
    await shop.engine.customers.link_credential(M, customer_id, "loyalty", "LOYAL-7")
    await present(shop, token(shop))
    session = await present(shop, Card("ndef", "LOYAL-7"))
    assert session.identity is not None
    assert session.identity.assurance == "authenticate"


async def test_one_code_authorises_one_spend_even_when_redis_forgot_it(shop: Shop) -> None:
    offer = Offer(offer_id="off_c", name={"en": "c"}, currency="EUR", effects=(Cashback(amount=900),))
    await shop.engine.offers.create(M, offer)
    customer_id = await phone(shop)
    await shop.sell(1000, customer_id=customer_id)
    await shop.engine.offers.remove(M, "off_c")
    shown = token(shop)
    await shop.basket(100)
    await shop.pay(await shop.accept(await present(shop, shown)), "wallet")
    await shop.sessions.forget_everything()  # type: ignore[attr-defined]
    await shop.basket(100, station=OTHER_STATION)
    again = await shop.accept(await present(shop, shown, OTHER_STATION))
    with pytest.raises(Conflict) as used:
        await shop.pay(again, "wallet")
    assert used.value.code == "token-replayed"
    await shop.engine.stations.abandon(M, again.session_id)
    assert SELLER.role == "seller"


async def test_a_code_whose_spend_was_let_go_authorises_the_next_one(shop: Shop) -> None:
    reward = Offer(
        offer_id="off_r", name={"en": "1 off"}, currency="EUR", effects=(AmountOff(amount=100),), reward_points=5
    )
    await shop.engine.offers.create(M, reward)
    customer_id = await phone(shop)
    await shop.sell(1000, customer_id=customer_id)
    await shop.basket(600)
    session = await present(shop, token(shop))
    await accept_with_reward(shop, session, 600)
    assert len(await shop.rows("select * from token_use")) == 1
    shop.clock.forward(16 * 60)
    assert (await shop.engine.recovery.run()).let_go == 1
    assert await shop.rows("select * from token_use") == []
    accepted = await accept_with_reward(shop, session, 700)
    assert (await shop.pay(accepted)).state == "paid"


async def accept_with_reward(shop: Shop, session: Session, amount: int) -> Session:
    """Ask for the reward on a new basket, and accept."""
    entries = [BasketEntry(amount=amount)]
    return await shop.accept(await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_r",)))
