"""A terminal that answers at once, in the server's process: what is left is the server's own work.

It is loaded as any connector is, by an entry point (`bench.sales.stacks` writes it beside the run). It keeps no book,
so of a reference from before a crash it says that it never saw it, and bars it.
"""

from poi_engine.ports import Capabilities, CardSeen, ConnectorSetup, PaymentResult
from poi_offers.situation import PaymentFacts

NAME = "bench"
_CARD = PaymentFacts(scheme="cb", card_type="debit", entry_mode="contactless")


class BenchTerminal:
    """Approves everything."""

    name = NAME
    capabilities = Capabilities()

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """The same card always."""
        return CardSeen(facts=_CARD, acquisition_ref=acquisition_ref)

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Approved."""
        return _approved(payment_ref, amount)

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Approved."""
        return _approved(payment_ref, amount)

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Barred."""
        return _approved(payment_ref, 0)

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Approved."""
        return _approved(refund_ref, amount)

    async def status(self, payment_ref: str) -> PaymentResult:
        """Nothing is remembered."""
        return PaymentResult(outcome="not_found", payment_ref=payment_ref)

    async def close(self) -> None:
        """Nothing to close."""


def _approved(reference: str, amount: int) -> PaymentResult:
    return PaymentResult(outcome="approved", payment_ref=reference, amount=amount, facts=_CARD, authorisation="000001")


def opened(_setup: ConnectorSetup) -> BenchTerminal:
    """The connector as the server loads it."""
    return BenchTerminal()
