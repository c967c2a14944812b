"""Input: a question of the till's on the station's screen, answered by the seller or by the customer there."""

from __future__ import annotations

from typing import Any

from poi_engine.pan import refuse_pan
from poi_server.nexo.categories.screen import asked, words_of
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.messages import asker_of
from poi_server.nexo.turn import Turn
from poi_server.nexo.wire.devices import (
    Input,
    InputData,
    InputRequest,
    InputResponse,
    InputResult,
    InputUpdate,
    MenuEntry,
    OutputResult,
)
from poi_server.nexo.wire.names import Wire
from poi_server.questions import LONGEST, Answer, Entry, Kind, Question

_KINDS: dict[str, Kind] = {
    "GetConfirmation": "confirm",
    "GetAnyKey": "key",
    "GetMenuEntry": "menu",
    "TextString": "text",
    "DigitString": "digits",
    "DecimalString": "decimal",
}
_REFUSED = {
    "Password": "A screen of a shop is no place for a password.",
    "GetFunctionKey": "This screen has no function keys.",
    "SiteManager": "This POI is administered by its own pages.",
}


async def ask(turn: Turn, request: InputRequest) -> Wire:
    """Ask on the station's screen and wait for the answer, at most `MaxInputTime`."""
    data, output = request.input_data, request.display_output
    question = _question(request)
    answer = await asked(turn, question, min(LONGEST, data.max_input_time or turn.config.card_seconds))
    if answer is None:
        raise Failed("Cancel", "Nobody answered in time.", "nobody-answered")
    if not answer.given:
        raise Failed("Cancel", "Whoever was asked gave it up.", "given-up")
    shown = None
    if output is not None:
        shown = OutputResult(device=output.device, info_qualify=output.info_qualify, response=SUCCESS)
    result = InputResult(
        device=data.device, info_qualify=data.info_qualify, response=SUCCESS, input=_told(data, question, answer)
    )
    return InputResponse(input_result=result, output_result=shown)


async def update(turn: Turn, request: InputUpdate) -> None:
    """Other words, another menu or other lengths for a question that is open; there is no answer to it."""
    changed: dict[str, Any] = {"lines": words_of(request.output_content)}
    if request.menu_entry:
        changed["entries"] = _entries(request.menu_entry)
    lengths = {"least": request.min_length, "most": request.max_length, "decimals": request.max_decimal_length}
    changed |= {name: length for name, length in lengths.items() if length is not None}
    asker = asker_of(turn.header, request.message_reference)
    await turn.services.questions.change(turn.merchant_id, turn.station_id, asker, **changed)


def _question(request: InputRequest) -> Question:
    data, output = request.input_data, request.display_output
    refuse_pan(data.default_input_string, "$.InputRequest.InputData.DefaultInputString")
    kind = _KINDS.get(data.input_command)
    if kind is None:
        why = _REFUSED.get(data.input_command, f"This POI does not ask for {data.input_command}.")
        raise Failed("NotAllowed", why, "input-command")
    entries = _entries(output.menu_entry) if output is not None else ()
    if kind == "menu" and not any(one.selectable for one in entries):
        raise Failed("MessageFormat", "A menu has a MenuEntry that can be chosen.", "no-menu")
    return Question(
        question_id="",
        kind=kind,
        side="customer" if data.device.startswith("Customer") else "seller",
        lines=words_of(output.output_content if output is not None else None),
        entries=entries if kind == "menu" else (),
        least=data.min_length or 0,
        most=data.max_length or 0,
        decimals=data.max_decimal_length or 0,
        default=data.default_input_string or "",
        hidden=data.mask_characters_flag,
        may_cancel=not data.disable_cancel_flag,
        waits=not data.immediate_response_flag,
    )


def _entries(menu: tuple[MenuEntry, ...]) -> tuple[Entry, ...]:
    """The menu's lines, by their numbers from 1."""
    made = []
    for number, one in enumerate(menu, 1):
        label = " ".join(part.text or "" for part in one.output_text or ())[:200]
        refuse_pan(label, f"$.MenuEntry[{number - 1}].OutputText")
        selectable = one.menu_entry_tag not in ("NonSelectable", "NonSelectableSubMenu")
        made.append(Entry(number=number, label=label, selectable=selectable))
    return tuple(made)


def _told(data: InputData, question: Question, answer: Answer) -> Input:
    """The answer in the fields of its command; where nobody waited there is none."""
    kind = question.kind if question.waits else "key"
    return Input(
        input_command=data.input_command,
        confirmed_flag=answer.confirmed if kind == "confirm" else None,
        menu_entry_number=answer.entry if kind == "menu" else None,
        text_input=answer.text if kind in ("text", "decimal") else None,
        digit_input=answer.text if kind in ("digits", "decimal") else None,
    )
