"""Value lines: stored value that is sold in a basket, beside goods or alone, and paid like anything else.

Money comes in against a debt of the merchant's: no VAT, no offer, no points. Such a line is an ordinary line of the
sale with the code `value:wallet` or `value:gift_card:{card_id}`. The acceptance holds what is sold as a pending load:
sales at once stay within the most. The sale's own transaction posts it, once. A refund takes the value back only as far
as it is still there.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from poi_engine import ledger
from poi_engine.checkout.records import LineRow
from poi_engine.clientele.left import STORED_VALUE, settle_left
from poi_engine.clientele.rows import lock_living
from poi_engine.errors import Conflict, RequestError
from poi_engine.ids import Ids
from poi_engine.ledger import Insufficient, Move
from poi_engine.ports import Job
from poi_engine.settings import read_merchant
from poi_engine.value.gift_cards import activate, lock_card, must_be_usable
from poi_offers.decision import Decision
from poi_offers.situation import Basket, SaleItem

WALLET = "value:wallet"
GIFT_CARD = "value:gift_card:"
CATEGORY = "value"
LABEL = "Stored value"
TIP = "tip:"
"""The code of a line that is a tip: no offer, no points, no VAT either, but no debt of the merchant's."""
_ANY = ("value:", TIP)


# --- rules ---------------------------------------------------------------------------------------------------------


def is_value(code: str | None) -> bool:
    """Whether a line with this code sells stored value."""
    return code is not None and (code == WALLET or code.startswith(GIFT_CARD))


def value_line(line_id: str, code: str, label: str | None, amount: int) -> SaleItem:
    """A line that sells `amount` minor units of stored value."""
    return SaleItem(line_id=line_id, label=label or LABEL, unit_price=amount, code=code, category=CATEGORY, vat_rate=0)


def tip_line(amount: int) -> SaleItem:
    """A tip of `amount` minor units."""
    return SaleItem(line_id="tip", label="Tip", unit_price=amount, code=TIP, category="tip", vat_rate=0)


def goods_of(basket: Basket) -> Basket:
    """The basket as offers see it: without what is stored value or a tip."""
    if not [item for item in basket.items if item.code.startswith(_ANY)]:
        return basket
    return replace(basket, items=tuple(item for item in basket.items if not _is_apart(item)))


def sold(items: Iterable[SaleItem]) -> int:
    """What these lines sell of stored value, minor units: it is no spending until it is spent."""
    return sum([item.amount for item in items if item.code.startswith(_ANY) and is_value(item.code)])


def with_value(decision: Decision, basket: Basket) -> Decision:
    """The decision on the goods, with the stored value that is sold and the tip that is given beside them."""
    value = sum([item.amount for item in basket.items if item.code.startswith(_ANY) and _is_apart(item)])
    return replace(decision, subtotal=decision.subtotal + value, total=decision.total + value) if value else decision


def _is_apart(item: SaleItem) -> bool:
    return is_value(item.code) or item.code == TIP


def moves_of(items: Iterable[SaleItem], customer: str | None, currency: str) -> list[Move]:
    """What an acceptance holds for its value lines, to be loaded by the sale; `customer` is who lives on."""
    return [
        Move(kind="load", debit=STORED_VALUE, credit=_account(item.code, customer), amount=item.amount, unit=currency)
        for item in items
        if is_value(item.code) and item.amount > 0
    ]


def moves_back(lines: Iterable[LineRow], customer: str | None, currency: str) -> list[Move]:
    """What a refund takes back of the value lines among its lines, whose amounts are negative."""
    return [
        Move(kind="unload", debit=_account(line.code, customer), credit=STORED_VALUE, amount=-line.total, unit=currency)
        for line in lines
        if is_value(line.code) and line.total < 0
    ]


def _account(code: str, customer: str | None) -> str:
    if code.startswith(GIFT_CARD):
        return f"gift_card:{code.removeprefix(GIFT_CARD)}"
    if customer is None:
        raise Conflict("customer-needed", "Whose wallet is to be loaded? Identify the customer first.")
    return f"wallet:{customer}"


# --- jobs ----------------------------------------------------------------------------------------------------------


def must_be_loadable(
    merchant_id: str, items: Sequence[SaleItem], customer: str | None, currency: str, at: int
) -> Job[list[Move]]:
    """Before anything is paid: somebody whose wallet it is, cards that can be used, and no more than the most, loads of
    other sales under way included. Returns what is to be held."""
    moves = moves_of(items, customer, currency)
    if not moves:
        return []
    most = (yield from read_merchant(merchant_id)).programme.stored_value.most
    for card_id in _cards(items):
        card = yield from lock_card(merchant_id, card_id)
        if must_be_usable(card, at)["currency"] != currency:
            raise RequestError("currency-differs", f"The gift card ...{card['tail']} holds {card['currency']}.")
    loads: dict[str, int] = {}
    for move in moves:
        loads[move.credit] = loads.get(move.credit, 0) + move.amount
    held = yield from ledger.balances(merchant_id, tuple(loads))
    for account, amount in loads.items():
        if held[account].posted + held[account].coming + amount > most:
            raise Conflict("value-limit", f"A wallet or gift card holds at most {most} minor units.")
    return moves


def activate_cards(merchant_id: str, items: Sequence[SaleItem], at: int) -> Job[None]:
    """The first load of a gift card starts its time."""
    cards = _cards(items)
    if cards:
        months = (yield from read_merchant(merchant_id)).programme.stored_value.card_months
        for card_id in cards:
            yield activate(merchant_id, card_id, months, at)


def hold_back(
    merchant_id: str,
    checkout_id: str,
    lines: Sequence[LineRow],
    customer_id: str | None,
    currency: str,
    *,
    ids: Ids,
    at: int,
) -> Job[None]:
    """A refund sets aside the value that it takes back, before any money goes back. `Conflict` `value-spent`."""
    if not any(is_value(line.code) for line in lines):
        return
    person = (yield from lock_living(merchant_id, customer_id)) if customer_id else None
    moves = moves_back(lines, person.customer_id if person else None, currency)
    try:
        yield from ledger.hold(merchant_id, checkout_id, moves, ids=ids, at=at)
    except Insufficient as short:
        message = f"{short.missing} minor units of the value that was sold are spent: they cannot be taken back."
        raise Conflict("value-spent", message) from short


def let_back(merchant_id: str, checkout_id: str, customer_id: str | None, *, ids: Ids, at: int) -> Job[None]:
    """A refund that was not given: the value it had set aside can be spent again."""
    if not (yield from ledger.pending_of(merchant_id, checkout_id)):
        return
    person = (yield from lock_living(merchant_id, customer_id)) if customer_id else None
    yield from ledger.void(merchant_id, checkout_id, ids=ids, at=at)
    if person is not None and customer_id is not None:
        yield from settle_left(merchant_id, customer_id, person, ids=ids, at=at)


def _cards(items: Iterable[SaleItem]) -> list[str]:
    """The cards that the lines load, in the order in which they are locked."""
    return sorted({item.code.removeprefix(GIFT_CARD) for item in items if item.code.startswith(GIFT_CARD)})
