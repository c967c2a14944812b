"""What many messages hold: headers, identifications, results, loyalty accounts, output."""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from poi_server.nexo.wire.names import Wire

Short = Annotated[str, Meta(min_length=1, max_length=10)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
Text = Annotated[str, Meta(max_length=500)]
Money = Decimal
"""An amount; `money.minor_units` bounds it."""
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]
Many = Meta(max_length=200)

ErrorCondition = Literal[
    "Aborted",
    "Busy",
    "Cancel",
    "DeviceOut",
    "InProgress",
    "InsertedCard",
    "InvalidCard",
    "LoggedOut",
    "MessageFormat",
    "NotAllowed",
    "NotFound",
    "PaymentRestriction",
    "Refusal",
    "UnavailableDevice",
    "UnavailableService",
    "UnreachableHost",
    "WrongPIN",
]


class MessageHeader(Wire, frozen=True):
    """Who asks whom for what."""

    message_class: Literal["Service", "Device", "Event"]
    message_category: Name
    message_type: Literal["Request", "Response", "Notification"]
    poiid: Name
    sale_id: Name | None = None
    service_id: Short | None = None
    device_id: Short | None = None
    protocol_version: Name | None = None


class Response(Wire, frozen=True):
    """How it ended. `additional_response` says why, as `key=value&...`."""

    result: Literal["Success", "Failure", "Partial"]
    error_condition: ErrorCondition | None = None
    additional_response: str | None = None


class TransactionIdentification(Wire, frozen=True):
    """A transaction as one side names it; the time is kept as it was written."""

    transaction_id: Name
    time_stamp: Name


class SaleData(Wire, frozen=True):
    """The till's own words about the sale; what is not echoed is not kept."""

    sale_transaction_id: TransactionIdentification
    operator_id: Name | None = None
    operator_language: Name | None = None
    shift_number: Name | None = None
    sale_reference_id: Name | None = None

    @property
    def echo(self) -> "SaleData":
        """What an answer repeats of it."""
        return SaleData(sale_transaction_id=self.sale_transaction_id, sale_reference_id=self.sale_reference_id)


class POIData(Wire, frozen=True):
    """Our name for the transaction."""

    poi_transaction_id: TransactionIdentification
    poi_reconciliation_id: str | None = None


class OriginalPOITransaction(Wire, frozen=True):
    """The transaction that this one is about."""

    poi_transaction_id: TransactionIdentification | None = None
    sale_id: Name | None = None
    poiid: Name | None = None


class LoyaltyAccountID(Wire, frozen=True):
    """A loyalty account as it was read."""

    entry_mode: Annotated[tuple[str, ...], Many] = ()
    identification_type: str | None = None
    loyalty_id: Annotated[str, Meta(max_length=512)] | None = None
    identification_support: str | None = None


class LoyaltyAccount(Wire, frozen=True):
    """A loyalty account and whose it is."""

    loyalty_account_id: LoyaltyAccountID
    loyalty_brand: str | None = None


class LoyaltyAmount(Wire, frozen=True):
    """Points, or money of a loyalty account."""

    loyalty_unit: Literal["Point", "Monetary"] | None = None
    currency: Currency | None = None
    value: Money | None = None


class LoyaltyData(Wire, frozen=True):
    """Whose loyalty account a request is about: named, or acquired before."""

    card_acquisition_reference: TransactionIdentification | None = None
    loyalty_account_id: LoyaltyAccountID | None = None
    loyalty_amount: LoyaltyAmount | None = None


class SaleItem(Wire, frozen=True):
    """One line of the sale. Amounts VAT included, in the request's currency."""

    item_id: Annotated[int, Meta(ge=0, le=2**53)]
    product_code: Name
    item_amount: Money
    ean_upc: Name | None = None
    quantity: Decimal | None = None
    unit_price: Money | None = None
    unit_of_measure: Name | None = None
    tax_code: Name | None = None
    sale_channel: Name | None = None
    product_label: Annotated[str, Meta(max_length=200)] | None = None
    additional_product_info: Text | None = None


LoyaltyHandling = Literal["Allowed", "Forbidden", "Processed", "Proposed", "Required"]


class TransactionConditions(Wire, frozen=True):
    """What the till asks of the transaction."""

    loyalty_handling: LoyaltyHandling | None = None
    customer_language: str | None = None


class OutputText(Wire, frozen=True):
    """A line of text."""

    text: Annotated[str, Meta(max_length=2000)] | None = None
    alignment: str | None = None
    character_style: str | None = None
    end_of_line_flag: bool | None = None


class OutputBarcode(Wire, frozen=True):
    """A code to show or print."""

    barcode_value: Annotated[str, Meta(max_length=4000)] | None = None
    barcode_type: str | None = None


class PredefinedContent(Wire, frozen=True):
    """A text that the other side knows by name."""

    reference_id: Name
    language: str | None = None


class OutputContent(Wire, frozen=True):
    """What is shown or printed."""

    output_format: str
    output_text: Annotated[tuple[OutputText, ...], Many] | None = None
    output_xhtml: str | None = None
    output_barcode: OutputBarcode | None = None
    predefined_content: PredefinedContent | None = None


class PaymentReceipt(Wire, frozen=True):
    """A receipt for the till to print."""

    document_qualifier: str
    output_content: OutputContent
    integrated_print_flag: bool | None = None
    required_signature_flag: bool | None = None


DEVICE = frozenset(
    {
        *("Display", "Input", "InputUpdate", "Print", "Sound", "PIN", "Transmit"),
        *("CardReaderInit", "CardReaderAPDU", "CardReaderPowerOff"),
    }
)
"""Categories of the class Device."""


def class_of(category: str) -> str:
    """The class of a category's messages."""
    return "Event" if category == "Event" else "Device" if category in DEVICE else "Service"
