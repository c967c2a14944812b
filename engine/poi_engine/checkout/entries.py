"""The ledger's entries of a sale, and what it gives the customer. Pure."""

from msgspec import Struct

from poi_engine.checkout.frozen import Frozen
from poi_engine.ledger import POINTS, Move
from poi_engine.loyalty import Settled, points_earned, points_spent, settle, value_earned


class Tender(Struct, frozen=True, kw_only=True):
    """A means of payment and what it paid (minor units; negative: paid back). `none` pays nothing."""

    means: str
    amount: int
    payment_id: str | None = None
    card_scheme: str | None = None
    card_type: str | None = None
    entry_mode: str | None = None
    authorisation: str = ""
    guaranteed: bool = True


class Given(Struct, frozen=True, kw_only=True):
    """What a sale moved besides money: points, and stored value in minor units. `settled` paid a debt first."""

    points_earned: int = 0
    points_settled: int = 0
    points_spent: int = 0
    value_given: int = 0
    value_settled: int = 0


class Owed(Struct, frozen=True, kw_only=True):
    """The customer's debts before: points, and minor units."""

    points: int = 0
    value: int = 0


def given_of(frozen: Frozen, owed: Owed) -> Given:
    """Points and value of the accepted decision; nobody known, nothing given."""
    if frozen.customer_id is None:
        return Given()
    points, value = points_earned(frozen.decision), value_earned(frozen.decision)
    return Given(
        points_earned=points,
        points_settled=settle(points, owed.points).settled,
        points_spent=points_spent(frozen.decision),
        value_given=value,
        value_settled=settle(value, owed.value).settled,
    )


def sale_moves(frozen: Frozen, tender: Tender, given: Given, customer: str | None) -> list[Move]:
    """What the commit enters: the revenue against the tender, and points and stored value to the living `customer`."""
    decision = frozen.decision
    moves = [
        Move(
            kind="sale",
            debit=f"tender:{tender.means}",
            credit=f"sales:{frozen.session.store_id}",
            amount=decision.total,
            unit=decision.currency,
        )
    ]
    if customer is not None and tender.means == "wallet":
        moves.append(_from_wallet(customer, decision.total, decision.currency))
    if customer is not None:
        points = Settled(settled=given.points_settled, kept=given.points_earned - given.points_settled)
        value = Settled(settled=given.value_settled, kept=given.value_given - given.value_settled)
        moves += earning(points, POINTS, f"points:{customer}", f"points_owed:{customer}", POINTS, "points")
        moves += earning(
            value, "stored_value", f"wallet:{customer}", f"value_owed:{customer}", decision.currency, "cashback"
        )
    return [move for move in moves if move.amount > 0]


def _from_wallet(customer: str, total: int, currency: str) -> Move:
    return Move(kind="tender", debit=f"wallet:{customer}", credit="tender:wallet", amount=total, unit=currency)


def earning(earned: Settled, issuer: str, account: str, debt: str, unit: str, kind: str) -> list[Move]:
    """The debt is paid first, the rest reaches the customer."""
    return [
        Move(kind="settle", debit=debt, credit=issuer, amount=earned.settled, unit=unit),
        Move(kind=kind, debit=issuer, credit=account, amount=earned.kept, unit=unit),
    ]
