"""Jobs on payment rows: written before anything is sent, changed only with what the terminal or a person said."""

from collections.abc import Iterable

from msgspec import Struct, json
from msgspec.structs import replace

from poi_engine.checkout.entries import Tender
from poi_engine.errors import NotFound
from poi_engine.means import TenderShown
from poi_engine.ports import Job, PaymentResult, Query, Row

PENDING = ("sending", "unknown")
"""States without an end: it may be on its way, and nobody knows."""


class PaymentDocument(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What resolving a payment needs. `refunds` is the payment reference that a refund gives back on.

    In minor units: `given` in cash; `taken` by other payments of the checkout before, and the `rest` that is due once
    this one is taken: 0 makes the sale. `gift_card`, `tab`, `hold`: its id. `held`: the ledger holds its value until
    then. `station`: where it was taken, if the session has gone on at another since. `earlier`: how many payments of
    its checkout were written before.
    """

    principal: str
    key: str
    acquisition_ref: str | None = None
    refunds: str | None = None
    given: int | None = None
    gift_card: str | None = None
    tab: str | None = None
    hold: str | None = None
    held: bool = False
    station: str | None = None
    taken: int = 0
    rest: int = 0
    earlier: int = 0


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
            given=self.document.given,
            gift_card=self.document.gift_card,
            tab=self.document.tab,
            held=self.document.held,
        )

    def shown(self) -> TenderShown:
        """The payment as the screens show it."""
        return TenderShown(
            payment_id=self.payment_id,
            means=self.means,
            amount=self.amount,
            state=self.state,
            given=self.document.given,
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
    """Write what the terminal said, whatever was known before."""
    facts = result.facts
    return Query(
        "update payment set state = ?, guaranteed = ?, card_scheme = coalesce(?, card_scheme), "
        "card_type = coalesce(?, card_type), entry_mode = coalesce(?, entry_mode), authorisation = ?, reason = ?, "
        "changed_at = ? where merchant_id = ? and payment_id = ?",
        (
            *(state, int(result.guaranteed), facts.scheme, facts.card_type, facts.entry_mode, result.authorisation),
            *(result.reason[:200], at, merchant_id, payment_id),
        ),
    )


def tell(
    merchant_id: str,
    payment_id: str,
    state: str,
    result: PaymentResult,
    at: int,
    from_states: tuple[str, ...] = PENDING,
) -> Job[Payment | None]:
    """Write how a payment without an end ended, and return it as it is then. None: it has an end."""
    query = told(merchant_id, payment_id, state, result, at)
    marks = ", ".join("?" * len(from_states))
    rows = yield Query(f"{query.text} and state in ({marks}) returning *", (*query.values, *from_states))
    return payment_row(rows[0]) if rows else None


def mark(merchant_id: str, payment_id: str, state: str, from_states: tuple[str, ...], at: int) -> Query:
    """Change a payment's state alone; its id, if it was in one of `from_states`."""
    return Query(
        "update payment set state = ?, changed_at = ? where merchant_id = ? and payment_id = ? "
        f"and state in ({', '.join('?' * len(from_states))}) returning payment_id",
        (state, at, merchant_id, payment_id, *from_states),
    )


def taken_at(merchant_id: str, payment: Payment, station_id: str) -> Job[None]:
    """Note at which station a payment was taken, once its session goes on at another: there it may have to go back."""
    if payment.document.station is None:
        noted = replace(payment.document, station=station_id)
        yield Query(
            "update payment set document = ? where merchant_id = ? and payment_id = ?",
            (json.encode(noted).decode(), merchant_id, payment.payment_id),
        )


def payments_of(merchant_id: str, checkout_id: str) -> Job[list[Payment]]:
    """The checkout's payments, in the order of their making, whatever the clock said meanwhile.

    Sorted here: asked to sort, SQLite walks the primary key through every payment of the merchant.
    """
    rows = yield Query("select * from payment where merchant_id = ? and checkout_id = ?", (merchant_id, checkout_id))
    return sorted((payment_row(row) for row in rows), key=_making)


def _making(payment: Payment) -> tuple[int, int, str]:
    return payment.document.earlier, payment.created_at, payment.payment_id


def captured(payments: Iterable[Payment]) -> list[Payment]:
    """Those that were taken."""
    return [payment for payment in payments if payment.state == "captured"]


def pending_of(merchant_id: str, checkout_id: str) -> Job[Payment | None]:
    """The checkout's payment without an end: there is at most one."""
    found = yield from payments_of(merchant_id, checkout_id)
    return next((payment for payment in found if payment.state in PENDING), None)


def read_payment(merchant_id: str, payment_id: str) -> Job[Payment]:
    """A payment by its id."""
    rows = yield Query("select * from payment where merchant_id = ? and payment_id = ?", (merchant_id, payment_id))
    if not rows:
        raise NotFound("payment", payment_id)
    return payment_row(rows[0])


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
