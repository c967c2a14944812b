"""From a till's sale items to basket lines and back to rebates. Amounts in minor units, exact. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec.structs import replace

from poi_engine.errors import RequestError
from poi_engine.goods.products import Product
from poi_engine.sales import SaleView
from poi_engine.value.lines import TIP
from poi_offers.money import allocate
from poi_offers.situation import SaleItem as BasketLine
from poi_server.nexo.messages import Line
from poi_server.nexo.money import decimal_of, minor_units
from poi_server.nexo.wire.common import SaleItem
from poi_server.nexo.wire.payment import PaymentTransaction, Rebates, SaleItemRebate

PAYMENT = "$.PaymentRequest.PaymentTransaction"
LOYALTY = "$.LoyaltyRequest.LoyaltyTransaction"
REST = "/2"
"""What the id of an item's second line ends in, where its pieces have no one price."""
_UNITS = {"Kilogram": "kg", "Litre": "l", "Meter": "m", "Metre": "m"}


def requested(transaction: PaymentTransaction, currency: str) -> int:
    """The amount that the till asks for, in minor units of the merchant's currency."""
    asked = transaction.amounts_req
    path = f"{PAYMENT}.AmountsReq"
    if asked.currency != currency:
        raise RequestError("currency-differs", f"This POI takes {currency}.", path=f"{path}.Currency", status=409)
    if asked.cash_back_amount:
        raise RequestError("no-cash-back", "This POI pays no cash back.", path=f"{path}.CashBackAmount", status=409)
    if asked.requested_amount is None:
        raise RequestError("amount-missing", "Say how much is to be paid.", path=f"{path}.RequestedAmount")
    amount = minor_units(asked.requested_amount, currency, f"{path}.RequestedAmount")
    if amount < 0 or (amount == 0 and not transaction.sale_item):
        message = "What is to be paid is more than nothing, unless SaleItem says what is free."
        raise RequestError("bad-amount", message, path=f"{path}.RequestedAmount")
    return amount


def tipped(transaction: PaymentTransaction, amount: int, currency: str) -> int:
    """What of the amount is a tip, in minor units."""
    tip, path = transaction.amounts_req.tip_amount, f"{PAYMENT}.AmountsReq.TipAmount"
    given = minor_units(tip, currency, path) if tip else 0
    if not 0 <= given <= amount:
        raise RequestError("bad-amount", "A tip is a part of RequestedAmount, and not negative.", path=path)
    return given


def echoed(items: Sequence[SaleItem], path: str = PAYMENT) -> tuple[Line, ...]:
    """The lines as the answer names them, by the ids they have in our basket. `path`: where the items stand."""
    found = tuple(Line(str(one.item_id), one.item_id, one.product_code, one.ean_upc) for one in items)
    if len({line.line_id for line in found}) < len(found):
        raise RequestError("duplicate-item", "Each ItemID is used once.", path=f"{path}.SaleItem")
    return found


def lines_of(
    items: Sequence[SaleItem],
    products: Mapping[str, Product],
    currency: str,
    vat: Mapping[str, int],
    default_vat: int,
    path: str = PAYMENT,
) -> tuple[BasketLine, ...]:
    """The basket's lines: the till's prices and VAT, our categories and brands where the product is on file.

    Items of negative amounts are the till's own discounts: they come off all others, by their amounts.
    """
    amounts = [minor_units(one.item_amount, currency, f"{path}.SaleItem[{at}].ItemAmount") for at, one in _each(items)]
    goods, discount = [max(amount, 0) for amount in amounts], -sum(min(amount, 0) for amount in amounts)
    if discount > sum(goods):
        raise RequestError("bad-amount", "The discounts are more than the goods.", path=f"{path}.SaleItem")
    shares = allocate(discount, goods)
    lines: list[BasketLine] = []
    for at, item in _each(items):
        if amounts[at] >= 0:
            product = products.get(item.ean_upc or "") or products.get(item.product_code)
            lines += _lines(item, product, goods[at] - shares[at], vat, default_vat, f"{path}.SaleItem[{at}]")
    return tuple(lines)


def _each(items: Sequence[SaleItem]) -> list[tuple[int, SaleItem]]:
    return list(enumerate(items))


def plain_line(amount: int, vat_rate: int, line_id: str = "1") -> tuple[BasketLine, ...]:
    """An amount without goods."""
    return (BasketLine(line_id=line_id, label="Amount", unit_price=amount, vat_rate=vat_rate),) if amount else ()


def must_add_up(items: Sequence[BasketLine], amount: int, currency: str, path: str = PAYMENT) -> None:
    """Refuse items that do not make up what is asked for."""
    total = sum(item.amount for item in items)
    if total != amount:
        shown, asked = decimal_of(total, currency), decimal_of(amount, currency)
        message = f"The items make {shown}; asked for is {asked}."
        raise RequestError("items-differ", message, path=f"{path}.SaleItem")


def rebates_of(sale: SaleView, lines: Sequence[Line], language: str) -> Rebates | None:
    """What the offers took off, in all and of each item; of a refund what it takes back of that."""
    if not sale.saved:
        return None
    saved: Counter[str] = Counter()
    for sold in sale.lines:
        saved[sold.line_id.removesuffix(REST)] += sold.saved
    names = [offer.name.get(language) or next(iter(offer.name.values())) for offer in sale.offers if offer.saved]
    items = tuple(
        SaleItemRebate(
            item_id=line.item_id,
            product_code=line.product_code,
            ean_upc=line.ean_upc,
            item_amount=decimal_of(abs(saved[line.line_id]), sale.currency),
            rebate_label=names[0] if len(names) == 1 else None,
        )
        for line in lines
        if saved[line.line_id]
    )
    return Rebates(
        total_rebate=decimal_of(abs(sale.saved), sale.currency),
        rebate_label=", ".join(names)[:200] or None,
        sale_item_rebate=items or None,
    )


def _lines(
    item: SaleItem, product: Product | None, amount: int, vat: Mapping[str, int], default_vat: int, path: str
) -> list[BasketLine]:
    if item.product_code.startswith(TIP):
        raise RequestError("reserved-code", "A tip is told as TipAmount, not as an item.", path=f"{path}.ProductCode")
    unit = _UNITS.get(item.unit_of_measure or "", "piece")
    line = BasketLine(
        line_id=str(item.item_id),
        label=item.product_label or (product.label if product else item.product_code),
        unit_price=amount,
        unit=unit,  # type: ignore[arg-type]
        code=product.code if product else item.product_code,
        category=product.category if product else "",
        brand=product.brand if product else "",
        vat_rate=_vat(item, product, vat, default_vat, f"{path}.TaxCode"),
        cost=product.cost if product else None,
    )
    return [
        replace(line, line_id=line.line_id + suffix, unit_price=price, quantity=thousandths)
        for suffix, (price, thousandths) in zip(("", REST), _priced(item, amount, path), strict=False)
    ]


def quantity_of(item: SaleItem, path: str) -> Decimal:
    """How much of it, one if the till does not say."""
    quantity = item.quantity if item.quantity is not None else Decimal(1)
    if not (quantity.is_finite() and 0 < quantity <= 100_000):
        raise RequestError("bad-quantity", "A quantity is more than 0, at most 100000.", path=f"{path}.Quantity")
    return quantity


def _priced(item: SaleItem, amount: int, path: str) -> list[tuple[int, int]]:
    """Prices of one and thousandths that make exactly the item's amount.

    Three for 10.00 are two at 3.33 and one at 3.34, and 2.5 kg for 10.01 are 1.5 kg at 4.00 and 1 kg at 4.01.
    What is finer than a thousandth is one at its amount.
    """
    quantity = quantity_of(item, path)
    thousandths = int(quantity * 1000)
    if thousandths < 1 or thousandths != quantity * 1000:
        return [(amount, 1000)]
    price = round(Decimal(amount) * 1000 / thousandths)
    if _amount(price, thousandths) == amount:
        return [(price, thousandths)]
    price, dearer = divmod(amount * 1000, thousandths)
    for some in (dearer, dearer - 1):  # where both lines end in half a unit they would round to one too many
        parts = [(price, thousandths - some), (price + 1, some)]
        if some and sum(_amount(*part) for part in parts) == amount:
            return parts
    return [(amount, 1000)]


def _amount(price: int, thousandths: int) -> int:
    return (2 * price * thousandths + 1000) // 2000


def _vat(item: SaleItem, product: Product | None, vat: Mapping[str, int], default: int, path: str) -> int:
    if item.tax_code is None:
        return product.vat_rate if product else default
    if item.tax_code not in vat:
        message = f"The configuration has no VAT rate for the TaxCode {item.tax_code!r}: add it to [nexo.tax_codes]."
        raise RequestError("unknown-tax-code", message, path=path)
    return vat[item.tax_code]
