"""What a return gives back and takes back, for a whole sale or a part of it. Pure.

Every share is a difference of cumulative floors: parts add up exactly to the whole, and no part is rounded up.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from msgspec import Struct

from poi_engine.errors import Conflict, RequestError
from poi_engine.loyalty import share
from poi_engine.records import LineRow, RedemptionRow, SaleDocument


class ReturnedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line to take back; quantity in thousandths."""

    line_id: str
    quantity: int


class Return(Struct, frozen=True, kw_only=True):
    """The figures of one return. `lines` and `uses` carry negative amounts; the others are what goes back, positive.

    `whole`: nothing of the sale is left after it.
    """

    lines: tuple[LineRow, ...]
    uses: tuple[RedemptionRow, ...]
    points: int
    value: int
    reward_points: int
    whole: bool

    @property
    def total(self) -> int:
        """Money that goes back, minor units."""
        return -sum(line.total for line in self.lines)


class _Parts(Struct, frozen=True, kw_only=True):
    """How much of the sale had come back before, and has after: paid totals and amounts before discounts."""

    total: int
    total_before: int
    total_after: int
    amount: int
    amount_before: int
    amount_after: int

    def paid_share(self, value: int) -> int:
        """The part of what was earned on the money paid; on amounts when nothing was paid."""
        if self.total == 0:
            return self.listed_share(value)
        return _between(value, self.total_before, self.total_after, self.total)

    def listed_share(self, value: int) -> int:
        """The part of what belongs to the goods, whatever was paid for them."""
        return _between(value, self.amount_before, self.amount_after, self.amount)


def plan_return(
    lines: Sequence[LineRow],
    document: SaleDocument,
    before: Mapping[str, int],
    asked: Sequence[ReturnedLine] | None,
) -> Return:
    """The return of the asked quantities (None: all that is left); `before` are quantities returned by line."""
    wanted = _wanted(lines, before, asked)
    after = {line.line_id: before.get(line.line_id, 0) + wanted.get(line.line_id, 0) for line in lines}
    whole = all(after[line.line_id] == line.quantity for line in lines)
    saved = _saved_by_line(document)
    back = [
        _line(line, saved[line.line_id], before.get(line.line_id, 0), after[line.line_id])
        for line in lines
        if wanted.get(line.line_id)
    ]
    parts = _parts(lines, before, after)
    given = document.given
    return Return(
        lines=tuple(back),
        uses=_uses(lines, document, before, after, parts),
        points=_rest(given.points_earned, parts.paid_share(given.points_earned), whole, parts),
        value=_rest(given.value_given, parts.paid_share(given.value_given), whole, parts),
        reward_points=_rest(given.points_spent, parts.listed_share(given.points_spent), whole, parts),
        whole=whole,
    )


def _wanted(
    lines: Sequence[LineRow], before: Mapping[str, int], asked: Sequence[ReturnedLine] | None
) -> dict[str, int]:
    left = {line.line_id: line.quantity - before.get(line.line_id, 0) for line in lines}
    if asked is None:
        wanted = {line_id: quantity for line_id, quantity in left.items() if quantity > 0}
    else:
        wanted = {}
        for index, line in enumerate(asked):
            _check_asked(line, left, wanted, f"$.lines[{index}]")
            wanted[line.line_id] = line.quantity
    if not wanted:
        raise Conflict("nothing-left", "Nothing is left of this sale to take back.")
    return wanted


def _check_asked(line: ReturnedLine, left: Mapping[str, int], wanted: Mapping[str, int], path: str) -> None:
    if line.line_id not in left or line.line_id in wanted:
        raise RequestError("unknown-line", "Name each line of the sale once.", path=f"{path}.line_id")
    if line.quantity < 1:
        raise RequestError("bad-quantity", "A quantity is 1 thousandth or more.", path=f"{path}.quantity")
    if line.quantity > left[line.line_id]:
        message = f"Only {left[line.line_id]} thousandths of this line are left to take back."
        raise RequestError("more-than-left", message, path=f"{path}.quantity", status=409)


def _between(value: int, before: int, after: int, whole: int) -> int:
    return share(value, after, whole, share(value, before, whole, 0))


def _rest(value: int, part: int, whole: bool, parts: _Parts) -> int:
    """Where neither money nor amount measures the part, all of it comes back with the last line."""
    return value if whole and parts.total == 0 and parts.amount == 0 else part


def _saved_by_line(document: SaleDocument) -> defaultdict[str, dict[str, int]]:
    saved: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for adjustment in document.decision.adjustments if document.decision else ():
        by_offer = saved[adjustment.line_id]
        by_offer[adjustment.offer_id] = by_offer.get(adjustment.offer_id, 0) + adjustment.amount
    return saved


def _line(line: LineRow, saved: Mapping[str, int], before: int, after: int) -> LineRow:
    total = _between(line.total, before, after, line.quantity)
    saving = sum(_between(amount, before, after, line.quantity) for amount in saved.values())
    return LineRow(
        line_id=line.line_id,
        code=line.code,
        label=line.label,
        category=line.category,
        brand=line.brand,
        quantity=before - after,
        unit=line.unit,
        unit_price=line.unit_price,
        vat_rate=line.vat_rate,
        amount=-(total + saving),
        saved=-saving,
        total=-total,
    )


def _parts(lines: Sequence[LineRow], before: Mapping[str, int], after: Mapping[str, int]) -> _Parts:
    def total(of: Mapping[str, int]) -> int:
        return sum(share(line.total, of.get(line.line_id, 0), line.quantity, 0) for line in lines)

    def amount(of: Mapping[str, int]) -> int:
        return sum(share(line.amount, of.get(line.line_id, 0), line.quantity, 0) for line in lines)

    return _Parts(
        total=sum(line.total for line in lines),
        total_before=total(before),
        total_after=total(after),
        amount=sum(line.amount for line in lines),
        amount_before=amount(before),
        amount_after=amount(after),
    )


def _uses(
    lines: Sequence[LineRow],
    document: SaleDocument,
    before: Mapping[str, int],
    after: Mapping[str, int],
    parts: _Parts,
) -> tuple[RedemptionRow, ...]:
    if document.decision is None:
        return ()
    quantity = {line.line_id: line.quantity for line in lines}
    saved: defaultdict[str, int] = defaultdict(int)
    for line_id, by_offer in _saved_by_line(document).items():
        for offer_id, amount in by_offer.items():
            saved[offer_id] += _between(amount, before.get(line_id, 0), after[line_id], quantity[line_id])
    rows = (
        RedemptionRow(
            offer_id=offer.offer_id,
            version=offer.version,
            saved=-saved[offer.offer_id],
            value=-parts.listed_share(offer.value),
        )
        for offer in document.decision.offers
    )
    return tuple(row for row in rows if row.saved or row.value)
