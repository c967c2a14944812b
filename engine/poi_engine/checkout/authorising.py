"""Ask the terminal for a payment that is written, from the card that is presented or of what is held on one.

Where its bank is away, a card may be taken at the merchant's risk; a hold cannot, it is the bank's.
"""

from typing import cast

from msgspec.structs import replace

from poi_engine.checkout.at_risk import keep
from poi_engine.checkout.payment import Payment
from poi_engine.checkout.tendering import Begun
from poi_engine.errors import DeviceError
from poi_engine.ports import BANK_AWAY, HoldingConnector, OfflineConnector, PaymentConnector, PaymentResult
from poi_engine.wiring import Wiring


async def authorise(wiring: Wiring, merchant_id: str, station_id: str, begun: Begun) -> PaymentResult:
    """The terminal's word on the payment: `declined` when nothing was sent, `unknown` when anything may have been."""
    payment, currency = begun.payment, begun.frozen.decision.currency
    wiring.trace("pay.before-terminal")
    try:
        connector = wiring.connector(payment.connector)
        return await _ask(connector, station_id, payment, currency)
    except DeviceError as error:  # nothing was sent
        offline = connector.capabilities.offline and payment.document.hold is None
        if error.code != BANK_AWAY or not offline:
            return _declined(payment, error.code)
    except Exception as error:  # anything else may have come after bytes were sent
        return _unknown(payment, error)
    if not await wiring.sql.write(lambda: keep(merchant_id, payment, station_id, currency, wiring.at())):
        return _declined(payment, BANK_AWAY)
    wiring.trace("risk.written")
    try:
        result = await cast(OfflineConnector, connector).authorise_offline(
            station_id, payment.payment_id, payment.amount, currency, payment.document.acquisition_ref
        )
    except DeviceError as error:
        return _declined(payment, error.code)
    except Exception as error:
        return _unknown(payment, error)
    wiring.trace("risk.taken")
    return replace(result, guaranteed=False)


async def _ask(connector: PaymentConnector, station_id: str, payment: Payment, currency: str) -> PaymentResult:
    document = payment.document
    if document.hold is not None:
        holding = cast(HoldingConnector, connector)
        return await holding.capture_hold(station_id, document.hold, payment.payment_id, payment.amount)
    return await connector.authorise(station_id, payment.payment_id, payment.amount, currency, document.acquisition_ref)


def _declined(payment: Payment, reason: str) -> PaymentResult:
    return PaymentResult(outcome="declined", payment_ref=payment.payment_id, reason=reason)


def _unknown(payment: Payment, error: Exception) -> PaymentResult:
    reason = f"{type(error).__name__} in the connector"
    return PaymentResult(outcome="unknown", payment_ref=payment.payment_id, reason=reason)
