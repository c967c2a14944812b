"""A person's word on a payment in doubt is on that payment, and on no later one."""

import pytest

from poi_engine.errors import Conflict
from poi_engine.session import Session
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
UNHEARD = 1013


async def test_a_word_meant_for_the_first_doubt_does_not_end_the_second(shop: Shop) -> None:
    accepted = await shop.accept(await shop.basket(3000))
    await shop.pay(accepted, "cash", amount=500)
    doubted: list[str] = []
    for outcome in ("declined", "paid"):
        unknown = await shop.pay(accepted, "card", amount=UNHEARD)
        [doubt] = [one.payment_id for one in unknown.tenders if one.state == "unknown"]
        doubted.append(doubt)
        for other in ("pay_of_nobody", *doubted[:-1]):
            with pytest.raises(Conflict) as refused:
                await resolve(shop, accepted, "paid", other)
            assert refused.value.code == "another-payment"
        await resolve(shop, accepted, outcome, doubt)
    rows = await shop.rows("select payment_id, state from payment where means = 'card'")
    assert {row["payment_id"]: row["state"] for row in rows} == {doubted[0]: "declined", doubted[1]: "captured"}
    words = await shop.rows("select act from audit where act like 'resolve-%' order by created_at")
    assert [row["act"] for row in words] == ["resolve-declined", "resolve-paid"]


async def resolve(shop: Shop, session: Session, outcome: str, payment_id: str) -> Session:
    """A person's word on one payment."""
    say = shop.engine.resolving.payment
    return await say(M, session.session_id, outcome, "slip", by=SELLER, payment_id=payment_id)  # type: ignore[arg-type]
