"""Jobs on payment rows: written before anything is sent, changed only with what the terminal or a person said."""

from msgspec import Struct, json

from poi_engine.checkout.entries import Tender
from poi_engine.errors import NotFound
from poi_engine.ports import Job, PaymentResult, Query, Row

PENDING = ("sending", "unknown")


class PaymentDocument(Struct, frozen=True, kw_only=True):
    """What resolving a payment needs. `refunds` is the payment reference that a refund gives back on."""

    principal: str
    key: str
    acquisition_ref: str | None = None
    refunds: str | None = None


class Payment(Struct, frozen=True, kw_only=True):
    """A row of `payment`; amount in minor units, negative on a refund."""

    payment_id: str
    checkout_id: str
    means: str
    connector: str
    state: str
    amount: int
    card_scheme: str | None
    card_type: str | None
    entry_mode: str | None
    authorisation: str
    guaranteed: bool
    document: PaymentDocument
    created_at: int

    def tender(self) -> Tender:
        """The payment as a sale's tender."""
        return Tender(
            means=self.means,
            amount=self.amount,
            payment_id=self.payment_id,
            card_scheme=self.card_scheme,
            card_type=self.card_type,
            entry_mode=self.entry_mode,
            authorisation=self.authorisation,
            guaranteed=self.guaranteed,
        )


def insert_payment(merchant_id: str, payment: Payment, reason: str = "") -> Query:
    """A payment's row."""
    return Query(
        "insert into payment (merchant_id, payment_id, checkout_id, means, connector, state, amount, guaranteed, "
        "card_scheme, card_type, entry_mode, authorisation, reason, document, created_at, changed_at) "
        "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(merchant_id, payment.payment_id, payment.checkout_id, payment.means, payment.connector, payment.state),
            *(payment.amount, int(payment.guaranteed), payment.card_scheme, payment.card_type, payment.entry_mode),
            *(payment.authorisation, reason, json.encode(payment.document).decode()),
            *(payment.created_at, payment.created_at),
        ),
    )


def told(merchant_id: str, payment_id: str, state: str, result: PaymentResult, at: int) -> Query:
    """Write what the terminal said."""
    return _told(merchant_id, "payment_id", payment_id, state, result, at)


def tell(merchant_id: str, checkout_id: str, state: str, result: PaymentResult, at: int) -> Job[Payment]:
    """Write what the terminal said of the checkout's payment, and return it as it is then."""
    query = _told(merchant_id, "checkout_id", checkout_id, state, result, at)
    rows = yield Query(f"{query.text} returning *", query.values)
    if not rows:
        raise NotFound("payment", checkout_id)
    return payment_row(rows[0])


def _told(merchant_id: str, column: str, value: str, state: str, result: PaymentResult, at: int) -> Query:
    facts = result.facts
    return Query(
        "update payment set state = ?, guaranteed = ?, card_scheme = coalesce(?, card_scheme), "
        "card_type = coalesce(?, card_type), entry_mode = coalesce(?, entry_mode), authorisation = ?, reason = ?, "
        f"changed_at = ? where merchant_id = ? and {column} = ?",
        (
            *(state, int(result.guaranteed), facts.scheme, facts.card_type, facts.entry_mode, result.authorisation),
            *(result.reason[:200], at, merchant_id, value),
        ),
    )


def payment_of(merchant_id: str, checkout_id: str) -> Job[Payment | None]:
    """The checkout's payment, if there is one; a checkout has at most one."""
    rows = yield Query("select * from payment where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id))
    return payment_row(rows[0]) if rows else None


def read_payment(merchant_id: str, checkout_id: str) -> Job[Payment]:
    """The checkout's payment."""
    found = yield from payment_of(merchant_id, checkout_id)
    if found is None:
        raise NotFound("payment", checkout_id)
    return found


def payment_row(row: Row) -> Payment:
    """A row as a `Payment`."""
    return Payment(
        payment_id=row["payment_id"],
        checkout_id=row["checkout_id"],
        means=row["means"],
        connector=row["connector"],
        state=row["state"],
        amount=row["amount"],
        card_scheme=row["card_scheme"],
        card_type=row["card_type"],
        entry_mode=row["entry_mode"],
        authorisation=row["authorisation"],
        guaranteed=bool(row["guaranteed"]),
        document=json.decode(row["document"], type=PaymentDocument),
        created_at=row["created_at"],
    )
