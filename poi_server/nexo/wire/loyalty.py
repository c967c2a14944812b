"""Card acquisition, loyalty, stored value, balances and totals."""

from typing import Annotated, Literal

from poi_server.nexo.wire.common import (
    Currency,
    LoyaltyAccount,
    LoyaltyAccountID,
    LoyaltyData,
    LoyaltyHandling,
    Many,
    Money,
    Name,
    OriginalPOITransaction,
    PaymentReceipt,
    POIData,
    Response,
    SaleData,
    SaleItem,
    TransactionConditions,
    TransactionIdentification,
)
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import (
    InstrumentAsked,
    LoyaltyResult,
    PaymentInstrumentData,
    StoredValueAccount,
)

ReconciliationType = Literal[
    "SaleReconciliation", "PreviousReconciliation", "AcquirerReconciliation", "AcquirerSynchronisation"
]


class CardAcquisitionTransaction(Wire, frozen=True):
    """Whom to wait for."""

    total_amount: Money | None = None
    loyalty_handling: LoyaltyHandling | None = None


class CardAcquisitionRequest(Wire, frozen=True):
    """See the customer's card, or who they are, before the amount."""

    sale_data: SaleData
    card_acquisition_transaction: CardAcquisitionTransaction = CardAcquisitionTransaction()


class CardAcquisitionResponse(Wire, frozen=True):
    """Who is there, and which card."""

    response: Response
    sale_data: SaleData
    poi_data: POIData
    loyalty_account: tuple[LoyaltyAccount, ...] | None = None
    payment_brand: tuple[str, ...] | None = None
    payment_instrument_data: PaymentInstrumentData | None = None


class EnableServiceRequest(Wire, frozen=True):
    """Begin before the till is ready, or give it up."""

    transaction_action: Literal["StartTransaction", "AbortTransaction"]
    services_enabled: Annotated[tuple[str, ...], Many] = ()


class LoyaltyTransaction(Wire, frozen=True):
    """What is booked on the customer's account; the till itself takes the money."""

    loyalty_transaction_type: Literal[
        "Award", "AwardRefund", "Rebate", "RebateRefund", "Redemption", "RedemptionRefund"
    ]
    currency: Currency | None = None
    total_amount: Money | None = None
    original_poi_transaction: OriginalPOITransaction | None = None
    sale_item: Annotated[tuple[SaleItem, ...], Many] = ()
    transaction_conditions: TransactionConditions = TransactionConditions()


class LoyaltyRequest(Wire, frozen=True):
    """Points and rebates of a sale that the till is paid for."""

    sale_data: SaleData
    loyalty_transaction: LoyaltyTransaction
    loyalty_data: Annotated[tuple[LoyaltyData, ...], Many] = ()


class LoyaltyResponse(Wire, frozen=True):
    """What was booked."""

    response: Response
    sale_data: SaleData
    poi_data: POIData
    loyalty_result: tuple[LoyaltyResult, ...] | None = None
    payment_receipt: tuple[PaymentReceipt, ...] | None = None


class StoredValueData(Wire, frozen=True):
    """One thing to do with a gift card."""

    stored_value_transaction_type: Literal["Activate", "Duplicate", "Load", "Reserve", "Reverse", "Unload"]
    item_amount: Money | None = None
    currency: Currency | None = None
    stored_value_account_id: StoredValueAccount | None = None
    original_poi_transaction: OriginalPOITransaction | None = None
    product_code: Name | None = None
    ean_upc: Name | None = None


class StoredValueRequest(Wire, frozen=True):
    """Load a gift card, take off it, or undo that."""

    sale_data: SaleData
    stored_value_data: Annotated[tuple[StoredValueData, ...], Many] = ()


class AccountTold(Wire, frozen=True):
    """A gift card by our own name for it: its code is nobody's to repeat."""

    stored_value_account_type: str
    identification_type: str
    entry_mode: tuple[str, ...]
    value: str


class StoredValueAccountStatus(Wire, frozen=True):
    """What is on the card."""

    stored_value_account_id: AccountTold
    current_balance: Money


class StoredValueResult(Wire, frozen=True):
    """What was done."""

    stored_value_transaction_type: str
    product_code: str
    item_amount: Money
    currency: str
    stored_value_account_status: StoredValueAccountStatus
    host_transaction_id: TransactionIdentification | None = None


class StoredValueResponse(Wire, frozen=True):
    """What was done with the gift card."""

    response: Response
    sale_data: SaleData
    poi_data: POIData
    stored_value_result: tuple[StoredValueResult, ...] | None = None


class PaymentAccountReq(Wire, frozen=True):
    """A gift card to look at."""

    payment_instrument_data: InstrumentAsked | None = None


class LoyaltyAccountReq(Wire, frozen=True):
    """A customer's account to look at."""

    loyalty_account_id: LoyaltyAccountID | None = None
    card_acquisition_reference: TransactionIdentification | None = None


class BalanceInquiryRequest(Wire, frozen=True):
    """What is on an account?"""

    payment_account_req: PaymentAccountReq | None = None
    loyalty_account_req: LoyaltyAccountReq | None = None


class PaymentAccountStatus(Wire, frozen=True):
    """What is on a gift card."""

    currency: str
    current_balance: Money


class LoyaltyAccountStatus(Wire, frozen=True):
    """What is on a customer's account."""

    loyalty_account: LoyaltyAccount
    current_balance: Money
    loyalty_unit: str


class BalanceInquiryResponse(Wire, frozen=True):
    """What is on the account."""

    response: Response
    payment_account_status: PaymentAccountStatus | None = None
    loyalty_account_status: LoyaltyAccountStatus | None = None


class TotalFilter(Wire, frozen=True):
    """Which totals; a station keeps them as a whole."""

    poiid: Name | None = None
    sale_id: Name | None = None
    operator_id: Name | None = None
    shift_number: Name | None = None
    totals_group_id: Name | None = None


class GetTotalsRequest(Wire, frozen=True):
    """What was sold since the last closing?"""

    total_details: Annotated[tuple[str, ...], Many] = ()
    total_filter: TotalFilter | None = None


class PaymentTotal(Wire, frozen=True):
    """Payments of one kind."""

    transaction_type: str
    transaction_count: int
    transaction_amount: Money


class TransactionTotals(Wire, frozen=True):
    """Totals of one means of payment."""

    payment_instrument_type: str
    payment_currency: str
    payment_totals: tuple[PaymentTotal, ...]
    card_brand: str | None = None
    poiid: str | None = None


class GetTotalsResponse(Wire, frozen=True):
    """What was sold since the last closing."""

    response: Response
    poi_reconciliation_id: str
    transaction_totals: tuple[TransactionTotals, ...] | None = None


class ReconciliationRequest(Wire, frozen=True):
    """Close the day, or read the closing before."""

    reconciliation_type: ReconciliationType
    poi_reconciliation_id: Name | None = None


class ReconciliationResponse(Wire, frozen=True):
    """The closing's totals."""

    response: Response
    reconciliation_type: str
    poi_reconciliation_id: str | None = None
    transaction_totals: tuple[TransactionTotals, ...] | None = None
