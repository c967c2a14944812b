"""The ledger's entries of a refund: money back to where it came from, points and value back from the customer. Pure."""

from collections.abc import Sequence

from poi_engine.checkout.entries import Tender, value_account
from poi_engine.checkout.frozen import Claim
from poi_engine.checkout.returns import Return
from poi_engine.ledger import POINTS, Move
from poi_engine.limits import limit_return
from poi_engine.loyalty import TakenBack
from poi_engine.ports import Row


def refund_moves(
    sale: Row,
    tenders: Sequence[Tender],
    plan: Return,
    points: TakenBack,
    value: TakenBack,
    claims: Sequence[Claim],
    goods: Sequence[Move],
) -> list[Move]:
    """What the commit of a refund enters, with the limits' `claims` that a full return gives back, and the goods."""
    currency, customer = sale["currency"], sale["customer_id"]
    moves = [move for tender in tenders for move in _money_back(sale, tender)]
    if customer is not None:
        moves += [
            Move(kind="reward", debit=POINTS, credit=f"points:{customer}", amount=plan.reward_points, unit=POINTS),
            *taking(points, f"points:{customer}", f"points_owed:{customer}", POINTS, POINTS),
            *taking(value, f"wallet:{customer}", f"value_owed:{customer}", "stored_value", currency),
        ]
    moves += [limit_return(claim.key, claim.amount, claim.unit) for claim in claims]
    moves += goods
    return [move for move in moves if move.amount > 0]


def _money_back(sale: Row, tender: Tender) -> list[Move]:
    """From the revenue to the tender, and on to whose stored value it is."""
    name, amount, currency = f"tender:{tender.means}", -tender.amount, sale["currency"]
    back = Move(kind="refund", debit=f"sales:{sale['store_id']}", credit=name, amount=amount, unit=currency)
    account = value_account(tender, sale["customer_id"])
    if account is None:
        return [back]
    return [back, Move(kind="refund", debit=name, credit=account, amount=amount, unit=currency)]


def taking(taken: TakenBack, account: str, debt: str, issuer: str, unit: str) -> list[Move]:
    """What is there goes back to the issuer now; the rest becomes a debt."""
    return [
        Move(kind="refund", debit=account, credit=issuer, amount=taken.now, unit=unit),
        Move(kind="owed", debit=issuer, credit=debt, amount=taken.later, unit=unit),
    ]
