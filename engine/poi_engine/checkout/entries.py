"""The ledger's entries of a sale, and what it gives the customer. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from poi_engine.checkout.frozen import Frozen
from poi_engine.ledger import POINTS, Move
from poi_engine.loyalty import Settled, points_earned, points_spent, settle, value_earned
from poi_engine.means import SPLIT


class Tender(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A means of payment and what it paid (minor units; negative: paid back). `none` pays nothing.

    `given`: the cash handed over. `gift_card`, `tab`: its id. `held`: the ledger held its value before the sale.
    """

    means: str
    amount: int
    payment_id: str | None = None
    card_scheme: str | None = None
    card_type: str | None = None
    entry_mode: str | None = None
    authorisation: str = ""
    guaranteed: bool = True
    given: int | None = None
    gift_card: str | None = None
    tab: str | None = None
    held: bool = False


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


def sale_moves(frozen: Frozen, tenders: Sequence[Tender], given: Given, customer: str | None) -> list[Move]:
    """What the commit enters: the revenue against each tender, what the wallet and gift cards pay unless it was held
    before, and points and stored value to the living `customer`."""
    decision = frozen.decision
    moves = [_revenue(tender, frozen.session.store_id, decision.currency) for tender in tenders]
    moves += [
        move for tender in tenders if not tender.held for move in value_moves(tender, customer, decision.currency)
    ]
    if customer is not None:
        points = Settled(settled=given.points_settled, kept=given.points_earned - given.points_settled)
        value = Settled(settled=given.value_settled, kept=given.value_given - given.value_settled)
        moves += earning(points, POINTS, f"points:{customer}", f"points_owed:{customer}", POINTS, "points")
        moves += earning(
            value, "stored_value", f"wallet:{customer}", f"value_owed:{customer}", decision.currency, "cashback"
        )
    return [move for move in moves if move.amount > 0]


def _revenue(tender: Tender, store_id: str, currency: str) -> Move:
    debit, credit = f"tender:{tender.means}", f"sales:{store_id}"
    return Move(kind="sale", debit=debit, credit=credit, amount=tender.amount, unit=currency)


def value_account(tender: Tender, customer: str | None) -> str | None:
    """The ledger's account that a tender is taken from and goes back to, if it is one of the customer's."""
    if tender.means == "wallet" and customer is not None:
        return f"wallet:{customer}"
    if tender.means == "gift_card" and tender.gift_card is not None:
        return f"gift_card:{tender.gift_card}"
    if tender.means == "tab" and tender.tab is not None:
        return f"tab:{tender.tab}"
    return None


def value_moves(tender: Tender, customer: str | None, currency: str) -> list[Move]:
    """What a tender of stored value takes from its account."""
    account = value_account(tender, customer)
    if account is None:
        return []
    credit = f"tender:{tender.means}"
    return [Move(kind="tender", debit=account, credit=credit, amount=tender.amount, unit=currency)]


def earning(earned: Settled, issuer: str, account: str, debt: str, unit: str, kind: str) -> list[Move]:
    """The debt is paid first, the rest reaches the customer."""
    return [
        Move(kind="settle", debit=debt, credit=issuer, amount=earned.settled, unit=unit),
        Move(kind=kind, debit=issuer, credit=account, amount=earned.kept, unit=unit),
    ]


def summed(tenders: Sequence[Tender]) -> Tender:
    """The tenders as one, for what has room for one: the only one, or `split` with nothing told of any card."""
    if len(tenders) == 1:
        return tenders[0]
    amount = sum(tender.amount for tender in tenders)
    return Tender(means=SPLIT, amount=amount, guaranteed=all(tender.guaranteed for tender in tenders))
