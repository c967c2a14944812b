"""A till's items and the basket they make: to the minor unit, whatever the quantities and discounts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_engine.errors import RequestError
from poi_engine.goods.products import Product
from poi_server.nexo.basket import lines_of, must_add_up
from poi_server.nexo.wire.common import SaleItem

VAT = {"A": 2000, "B": 550}
TEA = Product(code="TEA", label="Tea", unit_price=500, category="drinks", brand="Leaf", vat_rate=550)


def item(number: int, amount: str, quantity: str | None = None, **other: str) -> SaleItem:
    told = {"product_code": "X", **other}
    return SaleItem(
        item_id=number,
        item_amount=Decimal(amount),
        quantity=None if quantity is None else Decimal(quantity),
        **told,  # type: ignore[arg-type]
    )


def test_pieces_that_have_no_one_price_are_two_lines() -> None:
    lines = lines_of([item(1, "10.00", "3")], {}, "EUR", VAT, 2000)
    assert [(one.line_id, one.unit_price, one.quantity) for one in lines] == [("1", 333, 2000), ("1/2", 334, 1000)]


@pytest.mark.parametrize(
    ("amount", "quantity", "price", "thousandths"),
    [("9.00", "3", 300, 3000), ("4.50", "1.5", 300, 1500), ("0.99", "0.3333", 99, 1000), ("0", "2", 0, 2000)],
)
def test_a_price_of_one_is_found_where_there_is_one(amount: str, quantity: str, price: int, thousandths: int) -> None:
    (line,) = lines_of([item(1, amount, quantity)], {}, "EUR", VAT, 2000)
    assert (line.unit_price, line.quantity) == (price, thousandths)


def test_products_on_file_say_what_they_are_and_tax_codes_rule() -> None:
    products = {"TEA": TEA}
    known, coded, unknown = lines_of(
        [item(1, "4", product_code="TEA"), item(2, "4", product_code="TEA", tax_code="A"), item(3, "4")],
        products,
        "EUR",
        VAT,
        1000,
    )
    assert (known.label, known.category, known.brand, known.vat_rate) == ("Tea", "drinks", "Leaf", 550)
    assert (coded.vat_rate, unknown.vat_rate, unknown.label) == (2000, 1000, "X")
    with pytest.raises(RequestError) as refused:
        lines_of([item(1, "4", tax_code="Z")], {}, "EUR", VAT, 1000)
    assert (refused.value.code, refused.value.path) == (
        "unknown-tax-code",
        "$.PaymentRequest.PaymentTransaction.SaleItem[0].TaxCode",
    )


def test_the_tills_own_discounts_come_off_the_goods() -> None:
    lines = lines_of([item(1, "30"), item(2, "10"), item(3, "-4.00")], {}, "EUR", VAT, 2000)
    assert [one.amount for one in lines] == [2700, 900]
    with pytest.raises(RequestError, match="more than the goods"):
        lines_of([item(1, "3"), item(2, "-4")], {}, "EUR", VAT, 2000)


cents = st.integers(0, 5_000_000)
pieces = st.one_of(st.none(), st.integers(1, 9999).map(Decimal), st.decimals("0.001", "99", places=3))


@given(st.lists(st.tuples(cents, pieces), min_size=1, max_size=8), st.integers(0, 100))
def test_every_basket_adds_up_to_what_the_till_asks_for(goods: list[tuple[int, Decimal | None]], off: int) -> None:
    items = [
        SaleItem(item_id=at, product_code="X", item_amount=Decimal(amount).scaleb(-2), quantity=quantity)
        for at, (amount, quantity) in enumerate(goods)
    ]
    discount = sum(amount for amount, _ in goods) * off // 100
    items.append(SaleItem(item_id=99, product_code="D", item_amount=Decimal(-discount).scaleb(-2)))
    lines = lines_of(items, {}, "EUR", VAT, 2000)
    must_add_up(lines, sum(amount for amount, _ in goods) - discount, "EUR")
    assert len({line.line_id for line in lines}) == len(lines)
