"""Goods that staff move: every movement is on the ledger, in the audit, and done once per key."""

import pytest

from poi_engine.basket import BasketEntry
from poi_engine.errors import Conflict, RequestError
from poi_engine.goods.products import Product
from poi_engine.goods.stockroom import MovedLine, Movement, MovementKind, NewMovement
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey


async def move(
    shop: Shop,
    kind: MovementKind,
    place: str,
    quantity: int,
    *,
    to: str | None = None,
    code: str = "eclair",
    key: str = "",
) -> Movement:
    asked = NewMovement(
        kind=kind, place=place, to=to, lines=(MovedLine(code=code, quantity=quantity),), why="stock day"
    )
    shop.clock.forward(1)
    return await shop.engine.stock.move(M, asked, key=key or shop.key(), by=SELLER)


async def lies(shop: Shop, code: str = "eclair") -> dict[str, int]:
    return {one.place: one.available for one in await shop.engine.stock.of_product(M, code)}


async def test_received_goods_are_tracked_from_then_on(shop: Shop) -> None:
    assert await lies(shop) == {}
    made = await move(shop, "received", "central", 12_000)
    assert [(line.code, line.change, line.available) for line in made.lines] == [("eclair", 12_000, 12_000)]
    assert await lies(shop) == {"central": 12_000, "sto_1": 0}
    assert (await shop.engine.products.by_code(M, "eclair")).tracked


async def test_goods_move_between_places_and_none_is_lost(shop: Shop) -> None:
    await move(shop, "received", "central", 12_000)
    await move(shop, "moved", "central", 5_000, to="sto_1")
    assert await lies(shop) == {"central": 7_000, "sto_1": 5_000}
    with pytest.raises(Conflict, match="only 7000 thousandths are left at 'central'"):
        await move(shop, "moved", "central", 7_001, to="sto_1")


async def test_a_count_finds_or_loses_the_difference(shop: Shop) -> None:
    await move(shop, "received", "sto_1", 5_000)
    assert (await move(shop, "counted", "sto_1", 4_000)).lines[0].change == -1_000
    assert (await move(shop, "counted", "sto_1", 6_000)).lines[0].change == 2_000
    assert (await move(shop, "counted", "sto_1", 6_000)).lines[0].change == 0
    assert (await shop.balance("goods:lost"), await shop.balance("goods:found")) == (1_000, -2_000)


async def test_lost_and_found_goods(shop: Shop) -> None:
    await move(shop, "found", "sto_1", 3_000)
    await move(shop, "lost", "sto_1", 1_000)
    assert await lies(shop) == {"central": 0, "sto_1": 2_000}
    with pytest.raises(Conflict) as refused:
        await move(shop, "lost", "sto_1", 2_001)
    assert refused.value.code == "not-in-stock"


async def test_one_key_moves_once(shop: Shop) -> None:
    first = await move(shop, "received", "sto_1", 5_000, key="delivery-1")
    assert await move(shop, "received", "sto_1", 5_000, key="delivery-1") == first
    assert await lies(shop) == {"central": 0, "sto_1": 5_000}
    with pytest.raises(Conflict, match="used for another request"):
        await move(shop, "received", "sto_1", 6_000, key="delivery-1")


async def test_a_products_stock_is_told_line_by_line(shop: Shop) -> None:
    await move(shop, "received", "sto_1", 5_000)
    shop.clock.forward(1)
    session = await shop.engine.stations.open(M, "sta_1")
    await shop.engine.stations.set_basket(M, session.session_id, [BasketEntry(code="eclair", quantity=2000)])
    paid = await shop.pay(await shop.accept(await shop.engine.stations.get(M, session.session_id)), "cash")
    shop.clock.forward(1)
    await shop.engine.checkout.refund(M, paid.sale_id or "", None, "broken", key="back", by=SELLER)
    await move(shop, "counted", "sto_1", 4_500)
    told = await shop.engine.stock.entries(M, "eclair", "sto_1")
    assert [(one.kind, one.change) for one in told] == [
        ("counted", -500),
        ("returned", 2000),
        ("sold", -2000),
        ("received", 5000),
    ]
    assert (told[2].subject_id, told[0].who, told[0].why) == (paid.sale_id, "seller:sel_1", "stock day")
    page = await shop.engine.stock.entries(M, "eclair", "sto_1", limit=2)
    assert await shop.engine.stock.entries(M, "eclair", "sto_1", before=page[-1].entry_id) == told[2:]


async def test_what_runs_out_is_listed_by_place(shop: Shop) -> None:
    product = await shop.engine.products.by_code(M, "eclair")
    await shop.engine.products.put(M, Product(**{**_fields(product), "low_stock": 3_000, "tracked": True}))
    await move(shop, "received", "sto_1", 3_001)
    assert await shop.engine.stock.low(M, "sto_1") == []
    await move(shop, "lost", "sto_1", 1)
    [low] = await shop.engine.stock.low(M, "sto_1")
    assert (low.code, low.available, low.low_stock) == ("eclair", 3_000, 3_000)
    assert await shop.engine.stock.low(M, "central") == []
    assert await shop.engine.stock.low(M, "sto_1", after="eclair") == []


@pytest.mark.parametrize(
    ("kind", "place", "to", "code", "quantity", "wrong"),
    [
        ("received", "sto_9", None, "eclair", 1, "not-found"),
        ("moved", "sto_1", "sto_9", "eclair", 1, "not-found"),
        ("moved", "sto_1", "sto_1", "eclair", 1, "place-to"),
        ("moved", "sto_1", None, "eclair", 1, "place-to"),
        ("received", "sto_1", "central", "eclair", 1, "place-to"),
        ("received", "sto_1", None, "nothing", 1, "unknown-product"),
        ("received", "sto_1", None, "eclair", 0, "bad-quantity"),
    ],
)
async def test_what_cannot_be_moved_is_refused(
    shop: Shop, kind: MovementKind, place: str, to: str | None, code: str, quantity: int, wrong: str
) -> None:
    with pytest.raises(RequestError) as refused:
        await move(shop, kind, place, quantity, to=to, code=code)
    assert refused.value.code == wrong
    assert await shop.rows("select * from transfer where unit = 'stock'") == []


async def test_a_product_stands_once_in_a_movement(shop: Shop) -> None:
    lines = (MovedLine(code="eclair", quantity=1), MovedLine(code="03012345678902", quantity=1))
    with pytest.raises(RequestError) as refused:
        await shop.engine.stock.move(M, NewMovement(kind="found", place="sto_1", lines=lines), key="k", by=SELLER)
    assert (refused.value.code, refused.value.path) == ("duplicate-line", "$.lines[1].code")


def _fields(product: Product) -> dict[str, object]:
    return {name: getattr(product, name) for name in Product.__struct_fields__}
