"""The station's screen as a till uses it: words on it; what it has not, it says."""

from __future__ import annotations

from poi_engine.pan import refuse_pan
from poi_server.nexo.categories.input import ask, update
from poi_server.nexo.categories.printing import print_, print_ended
from poi_server.nexo.conditions import SUCCESS, failure
from poi_server.nexo.messages import Echo
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.devices import (
    DisplayOutput,
    DisplayRequest,
    DisplayResponse,
    InputRequest,
    InputUpdate,
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
        refuse_pan(text, "$.DisplayRequest.DisplayOutput")
        if text:
            await turn.engine.stations.refuse(turn.merchant_id, turn.station_id, "till-says", text=text)
        response = SUCCESS if text else failure("UnavailableService", "This screen shows plain text.", "no-text")
        results.append(OutputResult(device=output.device, info_qualify=output.info_qualify, response=response))
    return DisplayResponse(output_result=tuple(results))


def _text(output: DisplayOutput) -> str:
    return "\n".join(line.text or "" for line in output.output_content.output_text or ()).strip()


CATEGORIES = {
    "Display": Category(DisplayRequest, display),
    "Input": Category(InputRequest, ask),
    "InputUpdate": Category(InputUpdate, update),
    "Print": Category(
        PrintRequest,
        print_,
        kept=True,
        echo=lambda asked: Echo(kind=asked.print_output.document_qualifier),
        ended=print_ended,
    ),
}
