"""Stock on the ledger: what lies where, what a checkout holds of it, what a refund gives back.

A place is a store's id or `central`. Quantities are thousandths of the product's unit. Each product that is tracked has
an account at each place, `stock:{place}:{code}`, which never goes below zero: SQL decides, for any number of tills.
Goods leave it to `goods:sold` (held at the acceptance, posted or voided with the checkout), `goods:lost` or another
place, and come from `goods:received`, `goods:found` or another place.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.records import LineRow, insert_audit
from poi_engine.errors import Conflict, NotFound
from poi_engine.ids import Ids
from poi_engine.ledger import Insufficient, Move, Step, Transfer
from poi_engine.ports import Job, Query

CENTRAL = "central"
"""The place that is no store: the merchant's central stock."""
STOCK = "stock"
RECEIVED, SOLD, FOUND, LOST = "goods:received", "goods:sold", "goods:found", "goods:lost"
_MANY = 500  # accounts a statement


class Wanted(Struct, frozen=True, kw_only=True):
    """What a checkout takes: `quantity` thousandths of a product from a place.

    `in_hand`: the thing lies on the counter, so it is there whatever the figures say; otherwise it must be on file.
    """

    code: str
    place: str
    quantity: int
    in_hand: bool = True


class Place(Struct, frozen=True, kw_only=True):
    """Where goods lie: a store, or `central` without a name."""

    place: str
    name: str = ""


class OutOfStock(Conflict):
    """A place has less of a product than an order asks for: `left` thousandths."""

    def __init__(self, code: str, place: str, left: int) -> None:
        super().__init__("not-in-stock", f"Of product {code[:64]!r} only {left} thousandths are left at {place!r}.")
        self.product, self.place, self.left = code, place, left


def gone_meanwhile(error: Insufficient) -> OutOfStock:
    """Other tills kept taking the goods that were there when this one looked."""
    place, code = of_account(error.account)
    return OutOfStock(code, place, 0)


def stock_account(place: str, code: str) -> str:
    """The account of a product at a place."""
    return f"{STOCK}:{place}:{code}"


def of_account(account: str) -> tuple[str, str]:
    """The place and the product's code of a stock account."""
    _, place, code = account.split(":", 2)
    return place, code


# --- what lies where -----------------------------------------------------------------------------------------------


def places(merchant_id: str) -> Job[list[Place]]:
    """Every place: central first, then the stores by name."""
    rows = yield Query("select store_id, name from store where merchant_id = ? order by name, store_id", (merchant_id,))
    return [Place(place=CENTRAL), *(Place(place=row["store_id"], name=row["name"]) for row in rows)]


def check_place(merchant_id: str, place: str) -> Job[None]:
    """Refuse a place that the merchant does not have."""
    if place == CENTRAL:
        return
    if not (yield Query("select 1 as one from store where merchant_id = ? and store_id = ?", (merchant_id, place))):
        raise NotFound("place", place)


def levels(merchant_id: str, codes: Iterable[str], at: Collection[str] | None = None) -> Job[dict[str, dict[str, int]]]:
    """{code: {place: available thousandths}} of the tracked ones among the products, at every place or at these."""
    tracked = yield from tracked_of(merchant_id, codes)
    if at is None and tracked:
        at = [place.place for place in (yield from places(merchant_id))]
    found: dict[str, dict[str, int]] = {code: dict.fromkeys(at or (), 0) for code in tracked}
    accounts = [stock_account(place, code) for code in tracked for place in at or ()]
    for some in _some(accounts):
        for account, left in (yield from _available(merchant_id, some)).items():
            place, code = of_account(account)
            found[code][place] = left
    return found


def tracked_of(merchant_id: str, codes: Iterable[str]) -> Job[list[str]]:
    """Those of the products whose stock is counted, by code."""
    tracked = []
    for some in _some(dict.fromkeys(codes)):
        rows = yield Query(
            f"select code from product where merchant_id = ? and code in ({_marks(some)}) and tracked = 1",
            (merchant_id, *some),
        )
        tracked += [row["code"] for row in rows]
    return sorted(tracked)


def _available(merchant_id: str, accounts: Sequence[str]) -> Job[dict[str, int]]:
    rows = yield Query(
        "select account, credits - debits - debits_pending as available from account where merchant_id = ?"
        f" and account in ({_marks(accounts)})",
        (merchant_id, *accounts),
    )
    return {row["account"]: row["available"] for row in rows}


def _some(values: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """The values, as many at a time as a statement takes."""
    rest = iter(values)
    while some := tuple(islice(rest, _MANY)):
        yield some


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


# --- a checkout's goods --------------------------------------------------------------------------------------------


def hold_steps(
    merchant_id: str,
    checkout_id: str,
    wanted: Sequence[Wanted],
    who: str,
    *,
    tracked: Collection[str],
    freed: Mapping[str, int] = MappingProxyType({}),
    ids: Ids,
    at: int,
) -> Job[list[Step]]:
    """The steps that hold the goods of the `tracked` products, to be made with everything else of the checkout.

    What lies on the counter but not on file is entered as found, with a line in the audit. Raises `OutOfStock` when an
    order asks for more than a place has; `freed` is what the same change lets go, by account. `at` in microseconds.
    """
    hand, ordered = _by_account(wanted, tracked, True), _by_account(wanted, tracked, False)
    accounts = sorted({*hand, *ordered})
    left = yield from _left(merchant_id, accounts, freed)
    found = {account: hand[account] - left[account] for account in hand if hand[account] > left[account]}
    for account in ordered:
        _must_be_there(account, ordered[account], left[account] - hand[account] + found.get(account, 0))
    held = tuple(
        Move(kind=STOCK, debit=account, credit=SOLD, amount=hand[account] + ordered[account], unit=STOCK)
        for account in accounts
    )
    entered = yield from _entered(merchant_id, found, who, ids, at)
    parts = (
        Step(checkout_id=checkout_id, phase="single", moves=entered),
        Step(checkout_id=checkout_id, phase="pending", moves=held),
    )
    return [step for step in parts if step.moves]


def there_of(
    merchant_id: str, wanted: Sequence[Wanted], tracked: Collection[str], freed: Mapping[str, int]
) -> Job[list[Wanted]]:
    """As much of it as the places have, line by line; what is not `tracked` is there."""
    accounts = sorted({stock_account(one.place, one.code) for one in wanted if one.code in tracked})
    left = yield from _left(merchant_id, accounts, freed)
    there = []
    for one in wanted:
        account = stock_account(one.place, one.code)
        quantity = min(one.quantity, max(0, left[account])) if one.code in tracked else one.quantity
        left[account] -= quantity
        there.append(replace(one, quantity=quantity))
    return there


def stock_held(transfers: Iterable[Transfer]) -> Counter[str]:
    """The goods that these pending transfers hold, by account."""
    held: Counter[str] = Counter()
    for transfer in transfers:
        if transfer.kind == STOCK:
            held[transfer.debit] += transfer.amount
    return held


def _left(merchant_id: str, accounts: Sequence[str], freed: Mapping[str, int]) -> Job[Counter[str]]:
    found = (yield from _available(merchant_id, accounts)) if accounts else {}
    return Counter({account: found.get(account, 0) + freed.get(account, 0) for account in accounts})


def _by_account(wanted: Sequence[Wanted], tracked: Collection[str], in_hand: bool) -> Counter[str]:
    amounts: Counter[str] = Counter()
    for one in wanted:
        if one.code in tracked and one.in_hand is in_hand and one.quantity > 0:
            amounts[stock_account(one.place, one.code)] += one.quantity
    return amounts


def _must_be_there(account: str, quantity: int, left: int) -> None:
    if quantity > left:
        place, code = of_account(account)
        raise OutOfStock(code, place, max(0, left))


def _entered(merchant_id: str, found: Mapping[str, int], who: str, ids: Ids, at: int) -> Job[tuple[Move, ...]]:
    """What lay on the counter and not on file, with a line in the audit for each."""
    for account, amount in sorted(found.items()):
        place, code = of_account(account)
        why = f"{amount} thousandths more than on file lay on the counter of {place}"
        yield insert_audit(merchant_id, ids.new("aud"), who, "stock-found", code, why, at)
    return tuple(
        Move(kind="found", debit=FOUND, credit=account, amount=amount, unit=STOCK)
        for account, amount in sorted(found.items())
    )


# --- a refund's goods ----------------------------------------------------------------------------------------------


def return_moves(
    merchant_id: str, sale_id: str, checkout_id: str, lines: Sequence[LineRow], place: str | None = None
) -> Job[list[Move]]:
    """The moves that put returned goods back where the sale took them, or at `place`; `lines` are negative.

    What the sale did not take from a stock does not come back to one.
    """
    left = yield from _still_out(merchant_id, sale_id, checkout_id)
    moves = []
    for code, quantity in sorted(_returned(lines).items()):
        rest = quantity
        for account in sorted(left[code]):
            back = min(rest, left[code][account])
            if back > 0:
                rest -= back
                at = account if place is None else stock_account(place, code)
                moves.append(Move(kind="stock_return", debit=SOLD, credit=at, amount=back, unit=STOCK))
    return moves


def _returned(lines: Sequence[LineRow]) -> Counter[str]:
    back: Counter[str] = Counter()
    for line in lines:
        if line.code:
            back[line.code] -= line.quantity
    return back


def _still_out(merchant_id: str, sale_id: str, checkout_id: str) -> Job[defaultdict[str, Counter[str]]]:
    """What the sale took from each account and earlier refunds have not put back, by code."""
    taken = yield Query(
        "select debit as account, amount from transfer where merchant_id = ? and checkout_id = ? and kind = 'stock'"
        " and phase = 'post'",
        (merchant_id, checkout_id),
    )
    out: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in taken:
        out[of_account(row["account"])[1]][row["account"]] += row["amount"]
    if not out:
        return out
    refunds = yield Query(
        "select checkout_id from checkout where merchant_id = ? and session_id = ? and state = 'paid'",
        (merchant_id, sale_id),
    )
    for refund in sorted(row["checkout_id"] for row in refunds):
        back = yield Query(
            "select credit as account, amount from transfer where merchant_id = ? and checkout_id = ?"
            " and kind = 'stock_return'",
            (merchant_id, refund),
        )
        for row in back:
            _take_off(out[of_account(row["account"])[1]], row["account"], row["amount"])
    return out


def _take_off(out: Counter[str], account: str, amount: int) -> None:
    """What came back counts for the account it came to first; elsewhere, for the others by name."""
    for name in sorted(out, key=lambda name: (name != account, name)):
        part = min(amount, out[name])
        out[name] -= part
        amount -= part
