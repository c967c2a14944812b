"""What a return gives back and takes back, for a whole sale or a part of it. Pure.

Each return brings what was given back up to the exact share of everything returned so far, rounded down: parts add up
exactly to the whole, and never to more, in whatever order they are made and whichever of them fail.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.records import LineRow, RedemptionRow, SaleDocument
from poi_engine.errors import Conflict, RequestError
from poi_engine.loyalty import share


class ReturnedLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line to take back; quantity in thousandths."""

    line_id: str
    quantity: int


class Return(Struct, frozen=True, kw_only=True):
    """The figures of one return. `lines` and `uses` carry negative amounts; the others are what goes back, positive."""

    lines: tuple[LineRow, ...] = ()
    uses: tuple[RedemptionRow, ...] = ()
    points: int = 0
    value: int = 0
    reward_points: int = 0

    @property
    def total(self) -> int:
        """Money that goes back, minor units."""
        return -sum(line.total for line in self.lines)


class Taken(Struct, kw_only=True):
    """What earlier returns took, those under way included."""

    quantity: Counter[str]
    total: Counter[str]
    saved: Counter[str]
    used: Counter[str]
    worth: Counter[str]
    points: int = 0
    value: int = 0
    reward_points: int = 0


def taken_by(returns: Iterable[Return]) -> Taken:
    """The sums of earlier returns: by line, by offer, and of the sale."""
    taken = Taken(quantity=Counter(), total=Counter(), saved=Counter(), used=Counter(), worth=Counter())
    for earlier in returns:
        for line in earlier.lines:
            taken.quantity[line.line_id] -= line.quantity
            taken.total[line.line_id] -= line.total
            taken.saved[line.line_id] -= line.saved
        for use in earlier.uses:
            taken.used[use.offer_id] -= use.saved
            taken.worth[use.offer_id] -= use.value
        taken.points += earlier.points
        taken.value += earlier.value
        taken.reward_points += earlier.reward_points
    return taken


def plan_return(
    lines: Sequence[LineRow], document: SaleDocument, taken: Taken, asked: Sequence[ReturnedLine] | None
) -> Return:
    """The return of the asked quantities, None for all that is left."""
    wanted = _wanted(lines, taken, asked)
    after = {line.line_id: taken.quantity[line.line_id] + wanted.get(line.line_id, 0) for line in lines}
    paid = _Part.of_lines(lines, after, "total")
    listed = _Part.of_lines(lines, after, "amount")
    earned_on = paid if paid.whole else listed
    given = document.given
    return Return(
        lines=tuple(_line(line, taken, after[line.line_id]) for line in lines if wanted.get(line.line_id)),
        uses=_uses(lines, document, taken, after, listed),
        points=earned_on.share(given.points_earned, taken.points),
        value=earned_on.share(given.value_given, taken.value),
        reward_points=listed.share(given.points_spent, taken.reward_points),
    )


def is_whole(lines: Sequence[LineRow], returns: Sequence[Return]) -> bool:
    """Whether these returns leave nothing of the sale."""
    quantity = taken_by(returns).quantity
    return all(quantity[line.line_id] == line.quantity for line in lines)


class _Part(Struct, frozen=True, kw_only=True):
    """How much of the sale has come back, this return included. `done`: every line of it."""

    part: int
    whole: int
    done: bool

    @classmethod
    def of_lines(cls, lines: Sequence[LineRow], after: Mapping[str, int], name: str) -> Self:
        """Measured by the lines' paid `total` or by their `amount` before discounts."""
        amounts = [(getattr(line, name), after[line.line_id], line.quantity) for line in lines]
        return cls(
            part=sum(share(amount, quantity, of, 0) for amount, quantity, of in amounts),
            whole=sum(amount for amount, _, _ in amounts),
            done=all(quantity == of for _, quantity, of in amounts),
        )

    def share(self, value: int, taken: int) -> int:
        """The part of a value; where no money measures it, all of it comes back with the last line."""
        if self.whole == 0:
            return value - taken if self.done else 0
        return share(value, self.part, self.whole, taken)


def _wanted(lines: Sequence[LineRow], taken: Taken, asked: Sequence[ReturnedLine] | None) -> dict[str, int]:
    left = {line.line_id: line.quantity - taken.quantity[line.line_id] for line in lines}
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


def _line(line: LineRow, taken: Taken, after: int) -> LineRow:
    total = share(line.total, after, line.quantity, taken.total[line.line_id])
    saved = share(line.saved, after, line.quantity, taken.saved[line.line_id])
    quantity = taken.quantity[line.line_id] - after
    return replace(line, quantity=quantity, amount=-(total + saved), saved=-saved, total=-total)


def _uses(
    lines: Sequence[LineRow], document: SaleDocument, taken: Taken, after: Mapping[str, int], listed: _Part
) -> tuple[RedemptionRow, ...]:
    """What comes back of each offer: the savings on the lines' quantities, its value by the goods' list amounts."""
    if document.decision is None:
        return ()
    quantity = {line.line_id: line.quantity for line in lines}
    saved: Counter[str] = Counter()
    for one in document.decision.adjustments:
        saved[one.offer_id] += share(one.amount, after[one.line_id], quantity[one.line_id], 0)
    rows = (
        RedemptionRow(
            offer_id=offer.offer_id,
            version=offer.version,
            saved=-max(0, saved[offer.offer_id] - taken.used[offer.offer_id]),
            value=-listed.share(offer.value, taken.worth[offer.offer_id]),
        )
        for offer in document.decision.offers
    )
    return tuple(row for row in rows if row.saved or row.value)
