"""A till's question or paper on the station's screen, whatever it is: asked, waited for, and how that fails."""

from __future__ import annotations

from poi_engine.pan import refuse_pan
from poi_server.nexo.conditions import Failed
from poi_server.nexo.messages import asker_of, device_key
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.common import OutputContent, OutputText
from poi_server.questions import Answer, Question, Stopped, Words

_SHOWN = 2000
"""Letters of a line that a screen shows or a printer prints."""
_LINES = 200


async def asked(turn: Turn, question: Question, seconds: float) -> Answer | None:
    """The answer, or None when none came in time. What asks can be given up, and ends with the server."""
    waiting, key = turn.waiting, device_key(turn.merchant_id, turn.header)
    stop = waiting.began(key)
    try:
        return await turn.services.questions.ask(
            (turn.merchant_id, turn.station_id),
            asker_of(turn.header),
            question,
            seconds=seconds,
            screen_seconds=turn.config.screen_seconds,
            stop=stop,
        )
    except Stopped:
        raise Failed("Aborted", "The till gave it up.", "aborted") from None
    finally:
        waiting.over(key)


def words_of(content: OutputContent | None) -> tuple[Words, ...]:
    """The lines of a text as they are shown or printed; a card's number is neither."""
    lines: list[list[OutputText]] = [[]]
    for part in (content.output_text or ()) if content is not None else ():
        lines[-1].append(part)
        if part.end_of_line_flag is not False:
            lines.append([])
    made = (words for parts in lines if parts for words in _line(parts))
    return tuple(made)[:_LINES]


def _line(parts: list[OutputText]) -> list[Words]:
    first, text = parts[0], "".join(part.text or "" for part in parts)[:_SHOWN]
    refuse_pan(text, "$.OutputContent.OutputText")
    align = {"Centred": "center", "Right": "right"}.get(first.alignment or "", "left")
    bold = first.character_style == "Bold"
    return [Words(text=line, align=align, bold=bold) for line in text.split("\n")]  # type: ignore[arg-type]
