"""The payments of a refund: to the means that paid, one terminal operation after the other, each written before it is
sent; money that goes back by hand or on the ledger goes with the commit.

A row waits until those before it have given back what they must. A refund has an end when all have.
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.entries import Tender
from poi_engine.checkout.payment import PENDING, Payment, PaymentDocument, captured, insert_payment, payments_of
from poi_engine.checkout.promise import Key
from poi_engine.ids import Ids
from poi_engine.means import BY_CONNECTOR
from poi_engine.ports import Job, Query, Row
from poi_offers.money import allocate


class RefundSending(Struct, frozen=True, kw_only=True):
    """A payment of a refund, written and ready to be sent, at a station."""

    payment: Payment
    station_id: str
    currency: str


def shares_of(total: int, tenders: Sequence[Tender], earlier: Iterable[Sequence[int]]) -> tuple[int, ...]:
    """What of `total` goes back on each tender: pro rata of what is left of it. Minor units."""
    left = [tender.amount for tender in tenders]
    for shares in earlier:
        left = [amount - share for amount, share in zip(left, shares, strict=True)]
    return tuple(allocate(total, left))


def insert_shares(
    merchant_id: str, checkout_id: str, tenders: Sequence[Tender], shares: Sequence[int], key: Key, ids: Ids, at: int
) -> Job[Payment]:
    """Write a row for each share, what a terminal gives back first; returns the one that is sent now."""
    parts = [(tender, share) for tender, share in zip(tenders, shares, strict=True) if share] or [(tenders[0], 0)]
    parts.sort(key=lambda part: part[0].means not in BY_CONNECTOR)
    first = None
    for number, (tender, share) in enumerate(parts):  # a microsecond apart: they have an order
        connector = yield from _connector_of(merchant_id, tender)
        made = _payment(ids.new("pay"), checkout_id, tender, connector, share, key, at + number)
        made = made if first is None else replace(made, state="waiting")
        first = first or made
        yield insert_payment(merchant_id, made)
    assert first is not None
    return first


def go_on(merchant_id: str, checkout: Row, at: int) -> Job[RefundSending | list[Payment] | None]:
    """What is next of an open refund: a payment to send, which is marked as sent; None while one is in doubt or was
    declined; all of them once nothing is left but what goes with the commit."""
    payments = yield from payments_of(merchant_id, checkout["checkout_id"])
    left = open_shares(payments)
    if any(payment.state in PENDING for payment in left):
        return None
    waiting = [payment for payment in left if payment.state == "waiting"]
    outside = [payment for payment in waiting if payment.means in BY_CONNECTOR]
    if outside:
        return (yield from _send(merchant_id, outside[0], checkout, at))
    return None if len(waiting) < len(left) else payments


def try_again(merchant_id: str, checkout: Row, ids: Ids, at: int) -> Job[RefundSending | None]:
    """A payment that was declined after others had given back is sent once more, under a reference of its own."""
    declined = declined_of((yield from payments_of(merchant_id, checkout["checkout_id"])))
    if not declined:
        return None
    again = replace(declined[0], payment_id=ids.new("pay"), state="waiting", created_at=at)
    yield insert_payment(merchant_id, again)
    return (yield from _send(merchant_id, again, checkout, at))


def declined_of(payments: Sequence[Payment]) -> list[Payment]:
    """What was declined of a refund and may be sent once more; nothing while the end of another share is unknown."""
    left = open_shares(payments)
    pending = any(payment.state in PENDING for payment in left)
    return [] if pending else [payment for payment in left if payment.state == "declined"]


def open_shares(payments: Sequence[Payment]) -> list[Payment]:
    """The newest row of each share that has not gone back."""
    done = {payment.document.refunds for payment in captured(payments)}
    newest = {payment.document.refunds: payment for payment in payments}
    return [payment for payment in newest.values() if payment.document.refunds not in done]


def given_with_the_commit(merchant_id: str, payments: Sequence[Payment], at: int) -> Job[list[Payment]]:
    """What goes back by hand and on the ledger has gone back; returns all that has."""
    waiting = [payment for payment in payments if payment.state == "waiting"]
    for payment in waiting:
        yield Query(
            "update payment set state = 'captured', changed_at = ? where merchant_id = ? and payment_id = ?",
            (at, merchant_id, payment.payment_id),
        )
    return [*captured(payments), *waiting]


def _send(merchant_id: str, payment: Payment, checkout: Row, at: int) -> Job[RefundSending]:
    yield Query(
        "update payment set state = 'sending', created_at = ?, changed_at = ? where merchant_id = ? and payment_id = ?",
        (at, at, merchant_id, payment.payment_id),
    )
    yield Query(
        "update checkout set state = 'paying' where merchant_id = ? and checkout_id = ?",
        (merchant_id, checkout["checkout_id"]),
    )
    sent = replace(payment, state="sending", created_at=at)
    return RefundSending(payment=sent, station_id=checkout["station_id"], currency=checkout["currency"])


def _connector_of(merchant_id: str, tender: Tender) -> Job[str]:
    if tender.means != "card":  # a bank's driver bears the name of its means
        return tender.means if tender.means in BY_CONNECTOR else ""
    rows = yield Query(
        "select connector from payment where merchant_id = ? and payment_id = ?", (merchant_id, tender.payment_id or "")
    )
    return str(rows[0]["connector"]) if rows else ""


def _payment(
    payment_id: str, checkout_id: str, tender: Tender, connector: str, share: int, key: Key, at: int
) -> Payment:
    return Payment(
        payment_id=payment_id,
        checkout_id=checkout_id,
        means=tender.means,
        connector=connector,
        state="sending",
        amount=-share,
        card_scheme=tender.card_scheme,
        card_type=tender.card_type,
        entry_mode=tender.entry_mode,
        authorisation="",
        guaranteed=True,
        document=PaymentDocument(
            principal=key.principal,
            key=key.key,
            refunds=tender.payment_id,
            gift_card=tender.gift_card,
            tab=tender.tab,
        ),
        created_at=at,
    )
