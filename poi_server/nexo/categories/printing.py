"""Print: a till's paper by the printer of the station's screen."""

from __future__ import annotations

import asyncio

from poi_engine.pan import refuse_pan
from poi_qr.present import qr_svg
from poi_server.nexo.categories.screen import asked, words_of
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.common import OutputContent
from poi_server.nexo.wire.devices import PrintRequest, PrintResponse
from poi_server.nexo.wire.names import Wire
from poi_server.questions import Question, Words

_PRINTED = frozenset({"CustomerReceipt", "CashierReceipt", "SaleReceipt", "Document", "Voucher"})
_AT_ONCE = frozenset({"Immediate", "NotRequired"})
_SECONDS = 120.0
"""How long a print may take: somebody may have to choose the printer."""


async def print_(turn: Turn, request: PrintRequest) -> Wire:
    """Have a screen of the station print it; `PrintEnd` waits until that is done."""
    output = request.print_output
    if output.document_qualifier not in _PRINTED:
        raise Failed("UnavailableDevice", f"Here is no printer for a {output.document_qualifier}.", "no-printer")
    if output.response_mode not in _AT_ONCE and output.response_mode != "PrintEnd":
        raise Failed("NotAllowed", "A print is answered at once or when it is printed.", "response-mode")
    lines, picture = await _content(output.output_content)
    waits = output.response_mode not in _AT_ONCE
    paper = Question(question_id="", kind="print", lines=lines, qr_svg=picture, waits=waits)
    answer = await asked(turn, paper, _SECONDS)
    if answer is None or not answer.given:
        raise _doubt()
    return PrintResponse(response=SUCCESS, document_qualifier=output.document_qualifier)


async def print_ended(turn: Turn) -> Wire | None:
    """Nobody waits for a print whose server stopped; it is not printed again by itself."""
    turn.must_be_nobodys()
    raise _doubt()


def _doubt() -> Failed:
    return Failed("DeviceOut", "Nobody knows whether it was printed: look at the printer.", "not-printed")


async def _content(content: OutputContent) -> tuple[tuple[Words, ...], str]:
    """The text and the QR code; what the page cannot print is refused before anything is."""
    if content.output_format == "Text" and (lines := words_of(content)):
        return lines, ""
    code = content.output_barcode
    if content.output_format != "BarCode" or code is None or not code.barcode_value:
        raise Failed("UnavailableService", "This printer prints Text and BarCode.", "output-format")
    if code.barcode_type not in (None, "QRCode", "QRCODE"):
        raise Failed("UnavailableService", "This printer prints QR codes, no others.", "barcode-type")
    refuse_pan(code.barcode_value, "$.OutputContent.OutputBarcode.BarcodeValue")
    try:
        picture = await asyncio.to_thread(qr_svg, code.barcode_value, error="m")
    except ValueError:
        raise Failed("MessageFormat", "This is more than a QR code holds.", "barcode-value") from None
    return words_of(content), picture
