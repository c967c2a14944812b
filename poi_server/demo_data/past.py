"""Sales of a time when there was no server, committed by the engine's own jobs."""

from dataclasses import dataclass

from poi_engine.checkout.commit import commit_sale
from poi_engine.checkout.entries import Tender
from poi_engine.checkout.frozen import Frozen
from poi_engine.checkout.payment import Payment, PaymentDocument, insert_payment
from poi_engine.checkout.reservation import fund, reserve
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query
from poi_engine.wiring import untraced

SOURCE = "demo-data"
_CONNECTOR = "simulator"


@dataclass(frozen=True, slots=True)
class Past:
    """A sale to be written: its checkout, its tender, its moment (microseconds since 1970)."""

    checkout_id: str
    frozen: Frozen
    tender: Tender
    at: int


class PastIds(Ids):
    """Ids at a moment in the past that remember the events they named."""

    def __init__(self) -> None:
        self.at = 0
        self.events: list[str] = []
        super().__init__(lambda: self.at / 1_000_000)

    def new(self, prefix: str) -> str:
        """A new id."""
        made = super().new(prefix)
        if prefix == "evt":
            self.events.append(made)
        return made


def commit_past(merchant_id: str, past: Past, ids: PastIds) -> Job[None]:
    """Reserve, pay and commit the sale as it would have been then."""
    ids.at = past.at
    claims = past.frozen.claims
    yield from fund(merchant_id, claims, ids=ids, at=past.at)
    ready = [claim.key for claim in claims]
    yield from reserve(merchant_id, past.checkout_id, past.frozen, ready=ready, ids=ids, at=past.at, trace=untraced)
    yield insert_payment(merchant_id, _payment(past))
    yield from commit_sale(merchant_id, past.checkout_id, (past.tender,), ids=ids, at=past.at, trace=untraced)


def tell_nobody(merchant_id: str, ids: PastIds) -> Job[None]:
    """Nobody is told of what is long past."""
    if ids.events:
        marks = ", ".join("?" * len(ids.events))
        yield Query(
            f"update outbox set delivered_at = created_at where merchant_id = ? and event_id in ({marks})",
            (merchant_id, *ids.events),
        )


def _payment(past: Past) -> Payment:
    tender = past.tender
    return Payment(
        payment_id=tender.payment_id or "",
        checkout_id=past.checkout_id,
        means=tender.means,
        connector=_CONNECTOR if tender.means == "card" else "",
        state="captured",
        amount=tender.amount,
        card_scheme=tender.card_scheme,
        card_type=tender.card_type,
        entry_mode=tender.entry_mode,
        authorisation="",
        guaranteed=True,
        document=PaymentDocument(principal=SOURCE, key=past.checkout_id),
        created_at=past.at,
    )
