"""From what a till enters to basket lines. Pure but for the products it is given."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.errors import RequestError
from poi_engine.goods.products import Product, line_of
from poi_engine.overrides import Overridden, Override
from poi_engine.pan import refuse_pan
from poi_engine.value.lines import is_value, value_line
from poi_offers.situation import Basket, SaleItem

MAX_LINES = 500
MAX_QUANTITY = 100_000_000
MAX_AMOUNT = 100_000_000
MAX_SUBTOTAL = 10_000_000_000
PLAIN_LABEL = "Amount"


class BasketEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry: a product by `code` with a `quantity` in thousandths, or a plain `amount` in minor units.

    At a counter, the code `value:wallet` or `value:gift_card:{card_id}` with an `amount` sells stored value, and
    `override` gives a product another price.
    """

    line_id: str | None = None
    code: str | None = None
    quantity: int = 1000
    label: str | None = None
    amount: int | None = None
    override: Override | None = None


def check_entries(entries: Sequence[BasketEntry], *, value: bool = False) -> None:
    """Refuse what no basket can hold, with the path of the mistake.

    `value`: at a counter, where stored value is sold and prices are changed by hand.
    """
    if len(entries) > MAX_LINES:
        raise RequestError("too-many-lines", f"A basket has at most {MAX_LINES} lines.", path="$.entries")
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        path = f"$.entries[{index}]"
        _check_entry(entry, path, value and is_value(entry.code))
        if entry.override is not None:
            _check_override(entry, path, value)
        if entry.line_id is not None and entry.line_id in seen:
            raise RequestError("duplicate-line", "Two lines have the same line_id.", path=f"{path}.line_id")
        seen.add(entry.line_id or "")


def _check_entry(entry: BasketEntry, path: str, value: bool) -> None:
    if value:
        _check_value(entry, path)
    elif (entry.code is None) == (entry.amount is None):
        raise RequestError("code-or-amount", "A line has either a product code or an amount.", path=path)
    if not 1 <= entry.quantity <= MAX_QUANTITY:
        message = f"A quantity is 1 to {MAX_QUANTITY} thousandths."
        raise RequestError("bad-quantity", message, path=f"{path}.quantity")
    if entry.amount is not None and not 0 <= entry.amount <= MAX_AMOUNT:
        raise RequestError("bad-amount", f"An amount is 0 to {MAX_AMOUNT} minor units.", path=f"{path}.amount")
    if entry.label is not None and not 1 <= len(entry.label) <= 200:
        raise RequestError("bad-label", "A label has 1 to 200 characters.", path=f"{path}.label")
    refuse_pan(entry.label, f"{path}.label")
    if entry.line_id is not None and not 1 <= len(entry.line_id) <= 32:
        raise RequestError("bad-line-id", "A line_id has 1 to 32 characters.", path=f"{path}.line_id")


def _check_override(entry: BasketEntry, path: str, at_counter: bool) -> None:
    if not at_counter:
        raise RequestError("override-elsewhere", "Prices are changed at a counter only.", path=f"{path}.override")
    if entry.code is None or entry.line_id is None or is_value(entry.code):
        message = "Another price is for a product's line with its line_id."
        raise RequestError("override-line", message, path=f"{path}.override")
    refuse_pan(entry.override.reason if entry.override else None, f"{path}.override.reason")


def _check_value(entry: BasketEntry, path: str) -> None:
    if not entry.amount:
        raise RequestError("bad-amount", "Say how much stored value is sold.", path=f"{path}.amount")
    if entry.quantity != 1000:
        raise RequestError("bad-quantity", "Stored value is sold by its amount, once.", path=f"{path}.quantity")


def lines_of(
    entries: Sequence[BasketEntry],
    products: Mapping[str, Product],
    vat_rate: int,
    promised: Mapping[str, SaleItem] = MappingProxyType({}),
) -> tuple[SaleItem, ...]:
    """The basket's lines; `vat_rate` (basis points) is that of plain amounts.

    `promised` are the lines of an order placed before, by id: one that stays, with its product, is as it was promised.
    More of it than that is a line of its own, at today's price.
    """
    taken = {entry.line_id for entry in entries if entry.line_id}
    lines = []
    for index, entry in enumerate(entries):
        line_id, quantity = entry.line_id or _free_id(taken), entry.quantity
        if entry.code is None:
            lines.append(_plain(entry, line_id, vat_rate))
            continue
        if entry.amount and is_value(entry.code):
            lines.append(value_line(line_id, entry.code, entry.label, entry.amount))
            continue
        kept = promised.get(line_id)
        if kept is not None and kept.code == entry.code:
            lines.append(replace(kept, quantity=min(quantity, kept.quantity)))
            if quantity <= kept.quantity:
                continue
            line_id, quantity = _free_id(taken), quantity - kept.quantity
        product = products.get(entry.code)
        if product is None:
            message = f"There is no product {entry.code[:64]!r} on sale."
            raise RequestError("unknown-product", message, path=f"$.entries[{index}].code")
        lines.append(line_of(product, line_id, quantity))
    if sum(line.amount for line in lines) > MAX_SUBTOTAL:
        raise RequestError(
            "basket-too-large", f"A basket is worth at most {MAX_SUBTOTAL} minor units.", path="$.entries"
        )
    return tuple(lines)


def overridden_of(
    entries: Sequence[BasketEntry], products: Mapping[str, Product], promised: Mapping[str, SaleItem], who: str
) -> tuple[Overridden, ...]:
    """The prices that are given by hand and differ from the products'; what was ordered keeps what was promised."""
    found = []
    for index, entry in enumerate(entries):
        product = products.get(entry.code or "")
        if entry.override is None or entry.line_id is None or product is None:
            continue
        if entry.line_id in promised:
            message = "What was ordered keeps its price; take the line off and enter the product anew."
            raise RequestError("override-ordered", message, path=f"$.entries[{index}].override")
        if entry.override.unit_price != product.unit_price:
            found.append(
                Overridden(
                    line_id=entry.line_id,
                    code=product.code,
                    quantity=entry.quantity,
                    list_price=product.unit_price,
                    unit_price=entry.override.unit_price,
                    reason=entry.override.reason,
                    by=who,
                )
            )
    return tuple(found)


def _plain(entry: BasketEntry, line_id: str, vat_rate: int) -> SaleItem:
    return SaleItem(
        line_id=line_id,
        label=entry.label or PLAIN_LABEL,
        unit_price=entry.amount or 0,
        quantity=entry.quantity,
        vat_rate=vat_rate,
    )


def one_more(basket: Basket, product: Product, ordered: Collection[str] = ()) -> Basket:
    """The basket with one more of a product: on its line if there is one, else on a new line.

    `ordered` lines stay as they are: what is scanned lies on the counter.
    """
    for index, item in enumerate(basket.items):
        same = item.code == product.code and item.unit_price == product.unit_price
        if same and item.unit == "piece" and item.line_id not in ordered:
            longer = replace(item, quantity=item.quantity + 1000)
            return replace(basket, items=(*basket.items[:index], longer, *basket.items[index + 1 :]))
    line_id = _free_id({item.line_id for item in basket.items})
    return replace(basket, items=(*basket.items, line_of(product, line_id, 1000)))


def _free_id(taken: set[str]) -> str:
    number = len(taken) + 1
    while str(number) in taken:
        number += 1
    taken.add(str(number))
    return str(number)
