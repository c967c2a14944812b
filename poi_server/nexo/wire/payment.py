"""Payment, reversal, and asking how a transaction ended."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from poi_server.nexo.wire.common import (
    Currency,
    LoyaltyAccount,
    LoyaltyAmount,
    LoyaltyData,
    Many,
    MessageHeader,
    Money,
    Name,
    OriginalPOITransaction,
    PaymentReceipt,
    POIData,
    Response,
    SaleData,
    SaleItem,
    Short,
    TransactionConditions,
    TransactionIdentification,
)
from poi_server.nexo.wire.names import Wire


class AmountsReq(Wire, frozen=True):
    """What is to be paid."""

    currency: Currency
    requested_amount: Money | None = None
    cash_back_amount: Money | None = None
    tip_amount: Money | None = None
    paid_amount: Money | None = None


class PaymentTransaction(Wire, frozen=True):
    """What is paid, or given back."""

    amounts_req: AmountsReq
    original_poi_transaction: OriginalPOITransaction | None = None
    sale_item: Annotated[tuple[SaleItem, ...], Many] = ()
    transaction_conditions: TransactionConditions = TransactionConditions()


class StoredValueAccount(Wire, frozen=True):
    """A gift card as a request names it."""

    stored_value_account_type: str = "GiftCard"
    identification_type: str = "BarCode"
    entry_mode: Annotated[tuple[str, ...], Many] = ()
    value: Annotated[str, Meta(max_length=64)] | None = None
    stored_value_id: Annotated[str, Meta(max_length=64)] | None = None

    @property
    def code(self) -> str | None:
        """The account's code, by either of the names that are in use."""
        return self.value or self.stored_value_id


class InstrumentAsked(Wire, frozen=True):
    """With what is to be paid; card numbers in it are never read."""

    payment_instrument_type: Literal["Card", "Cash", "Check", "Mobile", "StoredValue"] = "Card"
    stored_value_account_id: StoredValueAccount | None = None


class PaymentData(Wire, frozen=True):
    """How it is paid."""

    payment_type: str = "Normal"
    split_payment_flag: bool = False
    card_acquisition_reference: TransactionIdentification | None = None
    payment_instrument_data: InstrumentAsked | None = None


class PaymentRequest(Wire, frozen=True):
    """Pay, or give back."""

    sale_data: SaleData
    payment_transaction: PaymentTransaction
    payment_data: PaymentData = PaymentData()
    loyalty_data: Annotated[tuple[LoyaltyData, ...], Many] = ()


class AmountsResp(Wire, frozen=True):
    """What was paid, and what the rebates took off before."""

    currency: str
    authorized_amount: Money
    total_rebates_amount: Money | None = None
    tip_amount: Money | None = None


class CardData(Wire, frozen=True):
    """What may be told of a card: its brand, and how it was read."""

    payment_brand: str | None = None
    entry_mode: tuple[str, ...] | None = None


class PaymentInstrumentData(Wire, frozen=True):
    """With what was paid."""

    payment_instrument_type: str
    card_data: CardData | None = None


class PaymentAcquirerData(Wire, frozen=True):
    """Who authorised it."""

    acquirer_poiid: str
    merchant_id: str
    approval_code: str | None = None
    acquirer_transaction_id: TransactionIdentification | None = None


class PaymentResult(Wire, frozen=True):
    """What became of the payment."""

    payment_type: str
    amounts_resp: AmountsResp
    payment_instrument_data: PaymentInstrumentData | None = None
    payment_acquirer_data: PaymentAcquirerData | None = None
    online_flag: bool | None = None


class SaleItemRebate(Wire, frozen=True):
    """What the offers took off one line."""

    item_id: int
    product_code: str
    item_amount: Money
    ean_upc: str | None = None
    rebate_label: str | None = None


class Rebates(Wire, frozen=True):
    """What the offers took off."""

    total_rebate: Money
    rebate_label: str | None = None
    sale_item_rebate: tuple[SaleItemRebate, ...] | None = None


class LoyaltyAcquirerData(Wire, frozen=True):
    """Where the loyalty part is booked."""

    loyalty_acquirer_id: str | None = None
    loyalty_transaction_id: TransactionIdentification | None = None


class LoyaltyResult(Wire, frozen=True):
    """The customer's account and what it gave; without a customer, an account without a number."""

    loyalty_account: LoyaltyAccount
    current_balance: Money | None = None
    loyalty_amount: LoyaltyAmount | None = None
    loyalty_acquirer_data: LoyaltyAcquirerData | None = None
    rebates: Rebates | None = None


class PaymentResponse(Wire, frozen=True):
    """The answer to a payment."""

    response: Response
    sale_data: SaleData
    poi_data: POIData
    payment_result: PaymentResult | None = None
    loyalty_result: tuple[LoyaltyResult, ...] | None = None
    payment_receipt: tuple[PaymentReceipt, ...] | None = None


class ReversalRequest(Wire, frozen=True):
    """Undo a transaction."""

    original_poi_transaction: OriginalPOITransaction
    reversal_reason: Literal["CustCancel", "Malfunction", "MerchantCancel", "Unable2Compl"]
    sale_data: SaleData | None = None
    reversed_amount: Money | None = None


class ReversalResponse(Wire, frozen=True):
    """The answer to a reversal."""

    response: Response
    poi_data: POIData | None = None
    original_poi_transaction: OriginalPOITransaction | None = None
    reversed_amount: Money | None = None
    payment_receipt: tuple[PaymentReceipt, ...] | None = None


class MessageReference(Wire, frozen=True):
    """An earlier message; who asked it if it was not the one who asks now."""

    message_category: Name | None = None
    service_id: Short | None = None
    device_id: Short | None = None
    sale_id: Name | None = None
    poiid: Name | None = None


class TransactionStatusRequest(Wire, frozen=True):
    """How did it end?"""

    message_reference: MessageReference | None = None
    receipt_reprint_flag: bool = False


class RepeatedMessageResponse(Wire, frozen=True):
    """The answer that was lost, again; its body as it was."""

    message_header: MessageHeader
    repeated_response_message_body: dict[str, Any]


class TransactionStatusResponse(Wire, frozen=True):
    """How it ended, or that it has not."""

    response: Response
    message_reference: MessageReference | None = None
    repeated_message_response: RepeatedMessageResponse | None = None


class AbortRequest(Wire, frozen=True):
    """Stop what is under way; there is no answer to it but an empty one."""

    message_reference: MessageReference
    abort_reason: Annotated[str, Meta(max_length=200)] = ""
