"""What a till shows, asks and prints at the counter."""

from typing import Annotated

from poi_server.nexo.wire.common import Many, Name, OutputContent, Response
from poi_server.nexo.wire.names import Wire


class DisplayOutput(Wire, frozen=True):
    """Something to show."""

    device: Name
    info_qualify: Name
    output_content: OutputContent


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

    device: Name
    info_qualify: Name
    input_command: Name


class InputRequest(Wire, frozen=True):
    """Ask this."""

    input_data: InputData
    display_output: DisplayOutput | None = None


class PrintOutput(Wire, frozen=True):
    """Something to print."""

    document_qualifier: Name
    output_content: OutputContent


class PrintRequest(Wire, frozen=True):
    """Print this."""

    print_output: PrintOutput
