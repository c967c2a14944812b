"""Have a terminal take a payment that was written: from the card that is presented, or of what is held on one."""

from typing import cast

from poi_engine.checkout.tendering import Begun
from poi_engine.errors import DeviceError
from poi_engine.ports import HoldingConnector, PaymentConnector, PaymentResult
from poi_engine.wiring import Wiring


async def taken(wiring: Wiring, station_id: str, begun: Begun) -> PaymentResult:
    """The terminal's word; `unknown` where none came after something may have been sent."""
    payment_id = begun.payment.payment_id
    try:
        return await _take(wiring.connector(begun.payment.connector), station_id, begun)
    except DeviceError as error:  # nothing was sent
        return PaymentResult(outcome="declined", payment_ref=payment_id, reason=error.code)
    except Exception as error:  # anything else may have come after bytes were sent
        reason = f"{type(error).__name__} in the connector"
        return PaymentResult(outcome="unknown", payment_ref=payment_id, reason=reason)


async def _take(connector: PaymentConnector, station_id: str, begun: Begun) -> PaymentResult:
    payment, document = begun.payment, begun.payment.document
    if document.hold is not None:
        holding = cast(HoldingConnector, connector)
        return await holding.capture_hold(station_id, document.hold, payment.payment_id, payment.amount)
    currency = begun.frozen.decision.currency
    return await connector.authorise(station_id, payment.payment_id, payment.amount, currency, document.acquisition_ref)
