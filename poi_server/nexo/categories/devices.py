"""The station's screen as a till uses it; what it has not, it says."""

from __future__ import annotations

from poi_server.nexo.conditions import SUCCESS, Failed, failure
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.devices import (
    DisplayOutput,
    DisplayRequest,
    DisplayResponse,
    InputRequest,
    OutputResult,
    PrintRequest,
)
from poi_server.nexo.wire.names import Wire

_SHOWN = 300
"""Letters of a till's message that a screen shows."""


async def display(turn: Turn, request: DisplayRequest) -> Wire:
    """Show a till's words on the station's screen, until the next thing happens there."""
    results = []
    for output in request.display_output:
        text = _text(output)[:_SHOWN]
        if text:
            await turn.engine.stations.refuse(turn.merchant_id, turn.station_id, "till-says", text=text)
        response = SUCCESS if text else failure("UnavailableService", "This screen shows plain text.", "no-text")
        results.append(OutputResult(device=output.device, info_qualify=output.info_qualify, response=response))
    return DisplayResponse(output_result=tuple(results))


async def ask(_: Turn, request: InputRequest) -> Wire:
    """Nobody is asked: the station's screen belongs to its person."""
    command = request.input_data.input_command
    raise Failed("UnavailableDevice", f"This POI has no keypad of its own for {command}: ask on the till.", "no-input")


async def print_(_: Turn, request: PrintRequest) -> Wire:
    """Nothing is printed: receipts go to the till, in the answers, for its own printer."""
    qualifier = request.print_output.document_qualifier
    raise Failed("UnavailableDevice", f"This POI has no printer: print the {qualifier} on the till's.", "no-printer")


def _text(output: DisplayOutput) -> str:
    return "\n".join(line.text for line in output.output_content.output_text or ()).strip()


CATEGORIES = {
    "Display": Category(DisplayRequest, display),
    "Input": Category(InputRequest, ask),
    "Print": Category(PrintRequest, print_),
}
