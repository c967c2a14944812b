"""What a till shows, asks and prints at the counter."""

from typing import Annotated, Literal

from msgspec import Meta

from poi_server.nexo.wire.common import Many, OutputContent, OutputText, Response
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import MessageReference

Length = Annotated[int, Meta(ge=0, le=500)]
Device = Literal["CashierDisplay", "CashierInput", "CustomerDisplay", "CustomerInput"]
InfoQualify = Literal[
    "Display",
    "CustomerAssistance",
    "Document",
    "Error",
    "Input",
    "POIReplication",
    "Receipt",
    "Sound",
    "Status",
    "Voucher",
]
InputCommand = Literal[
    "DecimalString",
    "DigitString",
    "GetAnyKey",
    "GetConfirmation",
    "GetFunctionKey",
    "GetMenuEntry",
    "Password",
    "SiteManager",
    "TextString",
]
DocumentQualifier = Literal["Document", "CashierReceipt", "CustomerReceipt", "Journal", "SaleReceipt", "Voucher"]


class MenuEntry(Wire, frozen=True):
    """One line of a menu."""

    output_format: str = "Text"
    output_text: Annotated[tuple[OutputText, ...], Many] | None = None
    menu_entry_tag: str | None = None


class DisplayOutput(Wire, frozen=True):
    """Something to show."""

    device: Device
    info_qualify: InfoQualify
    output_content: OutputContent
    menu_entry: Annotated[tuple[MenuEntry, ...], Many] = ()


class DisplayRequest(Wire, frozen=True):
    """Show this."""

    display_output: Annotated[tuple[DisplayOutput, ...], Many]


class OutputResult(Wire, frozen=True):
    """How showing it went."""

    device: str
    info_qualify: str
    response: Response


class DisplayResponse(Wire, frozen=True):
    """How showing it went, device by device."""

    output_result: tuple[OutputResult, ...]


class InputData(Wire, frozen=True):
    """Something to ask."""

    device: Device
    info_qualify: InfoQualify
    input_command: InputCommand
    max_input_time: Annotated[int, Meta(ge=1, le=86_400)] | None = None
    immediate_response_flag: bool = False
    min_length: Length | None = None
    max_length: Length | None = None
    max_decimal_length: Length | None = None
    default_input_string: Annotated[str, Meta(max_length=500)] | None = None
    mask_characters_flag: bool = False
    disable_cancel_flag: bool = False


class InputRequest(Wire, frozen=True):
    """Ask this."""

    input_data: InputData
    display_output: DisplayOutput | None = None


class Input(Wire, frozen=True):
    """The answer, in the field of its command."""

    input_command: str
    confirmed_flag: bool | None = None
    menu_entry_number: int | None = None
    text_input: str | None = None
    digit_input: str | None = None


class InputResult(Wire, frozen=True):
    """How asking went."""

    device: str
    info_qualify: str
    response: Response
    input: Input | None = None


class InputResponse(Wire, frozen=True):
    """The answer to a question."""

    input_result: InputResult
    output_result: OutputResult | None = None


class InputUpdate(Wire, frozen=True):
    """Ask the same otherwise."""

    message_reference: MessageReference
    output_content: OutputContent
    menu_entry: Annotated[tuple[MenuEntry, ...], Many] = ()
    min_length: Length | None = None
    max_length: Length | None = None
    max_decimal_length: Length | None = None


class PrintOutput(Wire, frozen=True):
    """Something to print."""

    document_qualifier: DocumentQualifier
    output_content: OutputContent
    response_mode: Literal["Immediate", "NotRequired", "PrintEnd", "SoundEnd"] = "PrintEnd"


class PrintRequest(Wire, frozen=True):
    """Print this."""

    print_output: PrintOutput


class PrintResponse(Wire, frozen=True):
    """How printing went."""

    response: Response
    document_qualifier: str
