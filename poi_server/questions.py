"""Questions on a station's screens: one at a time, asked in one process, answered in any, and what is printed there."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from poi_engine.errors import Conflict, DeviceError, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.pan import refuse_pan
from poi_engine.storage.redis import Asked, Questions
from poi_server.live import Live, Watcher, question_topic

LONGEST = 600.0
"""Seconds that a question waits at most."""
_SPARE = 10.0

Kind = Literal["confirm", "key", "menu", "text", "digits", "decimal", "print"]


class Words(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of text on the screen or on paper."""

    text: str
    align: Literal["left", "center", "right"] = "left"
    bold: bool = False


class Entry(Struct, frozen=True, kw_only=True):
    """A line of a menu; `number` counts from 1."""

    number: int
    label: str
    selectable: bool = True


class Question(Struct, frozen=True, kw_only=True):
    """What is asked, and of whom. `least`, `most`: letters or digits, `decimals` after the point; 0: no bound.

    `waits` False: nobody waits for the answer. `kind` `print`: `lines` and `qr_svg` go to the printer.
    """

    question_id: str
    kind: Kind
    side: Literal["seller", "customer"] = "seller"
    lines: tuple[Words, ...] = ()
    qr_svg: str = ""
    entries: tuple[Entry, ...] = ()
    least: int = 0
    most: int = 0
    decimals: int = 0
    default: str = ""
    hidden: bool = False
    may_cancel: bool = True
    waits: bool = True


class Answer(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a screen answers. `given` False: whoever was asked gave it up. `entry`: the number of a menu's line."""

    question_id: Annotated[str, Meta(min_length=1, max_length=64)]
    given: bool = True
    confirmed: bool | None = None
    text: Annotated[str, Meta(max_length=500)] | None = None
    entry: Annotated[int, Meta(ge=1, le=200)] | None = None


class Stopped(Exception):
    """Whoever asked asks no longer."""


class _Wait(NamedTuple):
    """A question while somebody waits for its answer, at a merchant's station; `stop` is set when they give it up.

    `seconds` that they wait at most, `screen_seconds` that they wait for a screen to show it.
    """

    place: tuple[str, str]
    question: Question
    watcher: Watcher
    seconds: float
    screen_seconds: float
    stop: asyncio.Event


class StationQuestions:
    """Asks at stations."""

    def __init__(self, kept: Questions, live: Live, ids: Ids) -> None:
        self._kept = kept
        self._live = live
        self._ids = ids

    async def ask(
        self,
        place: tuple[str, str],
        asked_by: str,
        question: Question,
        *,
        seconds: float,
        screen_seconds: float,
        stop: asyncio.Event,
    ) -> Answer | None:
        """The answer, or None when none came in time. `place`: the merchant and the station.

        `Conflict` `question-open` while another question is asked there; `DeviceError` `no-screen` where none shows it;
        `Stopped` when it is taken back. Where nobody waits a screen's having it is answer enough.
        """
        question = msgspec.structs.replace(question, question_id=self._ids.new("ask"))
        watcher = Watcher()
        self._live.watch(watcher, question_topic(*place))
        try:
            body = msgspec.json.encode(question)
            if not await self._kept.ask(*place, question.question_id, asked_by, body, seconds + _SPARE):
                raise Conflict("question-open", "Something else is asked at this station; wait for its answer.")
            return await self._asked(_Wait(place, question, watcher, seconds, screen_seconds, stop))
        finally:
            self._live.forget(watcher)

    async def current(self, merchant_id: str, station_id: str) -> Question | None:
        """What is asked at the station and has no answer."""
        found = await self._kept.read(merchant_id, station_id)
        return None if found is None or found.answer is not None else _question(found)

    async def show(self, merchant_id: str, station_id: str) -> Question | None:
        """The question, for a screen that shows it; something to print goes to the first screen alone."""
        question = await self.current(merchant_id, station_id)
        if question is None:
            return None
        first = await self._kept.see(merchant_id, station_id, question.question_id)
        if first:
            await self._live.question_changed(merchant_id, station_id)
        return question if first or question.kind != "print" else None

    async def answer(self, merchant_id: str, station_id: str, answer: Answer) -> None:
        """Answer what is asked; the first answer counts."""
        question = await self.current(merchant_id, station_id)
        if question is None or question.question_id != answer.question_id:
            raise NotFound("question", answer.question_id)
        must_fit(question, answer)
        refuse_pan(answer.text, "$.text")
        if not await self._kept.answer(merchant_id, station_id, answer.question_id, msgspec.json.encode(answer)):
            raise NotFound("question", answer.question_id)
        if not question.waits:
            await self._kept.over(merchant_id, station_id, answer.question_id)
        await self._live.question_changed(merchant_id, station_id)

    async def change(self, merchant_id: str, station_id: str, asked_by: str, **parts: Any) -> bool:
        """Ask the same otherwise; False when theirs is not open."""
        found = await self._kept.read(merchant_id, station_id)
        if found is None or found.asked_by != asked_by or found.answer is not None:
            return False
        body = msgspec.json.encode(msgspec.structs.replace(_question(found), **parts))
        changed = await self._kept.change(merchant_id, station_id, asked_by, body)
        await self._live.question_changed(merchant_id, station_id)
        return changed

    async def take_back(self, merchant_id: str, station_id: str, asked_by: str) -> None:
        """Whoever asked asks no longer."""
        if await self._kept.stop(merchant_id, station_id, asked_by, b""):
            await self._live.question_changed(merchant_id, station_id)

    # --- inside ----------------------------------------------------------------------------------------------------

    async def _asked(self, wait: _Wait) -> Answer | None:
        left_open = False
        try:
            await self._live.question_changed(*wait.place)
            answer = await self._waited(wait)
            left_open = not wait.question.waits and wait.question.kind != "print"
            return answer
        finally:
            if not left_open:
                await asyncio.shield(self._gone(wait.place, wait.question.question_id))

    async def _gone(self, place: tuple[str, str], question_id: str) -> None:
        await self._kept.over(*place, question_id)
        await self._live.question_changed(*place)

    async def _waited(self, wait: _Wait) -> Answer | None:
        messages, begun = wait.watcher.messages(), asyncio.get_running_loop().time()
        told, stopped = asyncio.ensure_future(anext(messages)), asyncio.ensure_future(wait.stop.wait())
        try:
            while True:
                found = await self._kept.read(*wait.place)
                if found is None or found.question_id != wait.question.question_id:
                    return None
                if found.answer is not None:
                    return _answer(found.answer)
                if found.seen and not wait.question.waits:
                    return Answer(question_id=wait.question.question_id)
                passed = asyncio.get_running_loop().time() - begun
                left = (wait.seconds if found.seen else min(wait.seconds, wait.screen_seconds)) - passed
                if left <= 0 and not found.seen:
                    raise DeviceError("no-screen", "No screen of this station shows it.")
                if left <= 0:
                    return None
                either: set[asyncio.Future[Any]] = {told, stopped}
                await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if stopped.done():
                    raise Stopped
                if told.done():
                    told = asyncio.ensure_future(anext(messages))
        finally:
            told.cancel()
            stopped.cancel()


def must_fit(question: Question, answer: Answer) -> None:
    """Refuse an answer that is none to this question."""
    if not answer.given:
        if not question.may_cancel:
            raise RequestError("answer-needed", "This question wants an answer.", path="$.given")
        return
    match question.kind:
        case "confirm" if answer.confirmed is None:
            raise RequestError("answer-needed", "Say yes or no.", path="$.confirmed")
        case "menu" if answer.entry not in {one.number for one in question.entries if one.selectable}:
            raise RequestError("answer-needed", "Choose one of the menu.", path="$.entry")
        case "text" | "digits" | "decimal":
            _must_fit_text(question, answer.text or "")


def _must_fit_text(question: Question, text: str) -> None:
    whole, point, decimals = text.partition(".")
    digits = question.kind == "text" or (whole.isascii() and whole.isdigit())
    if question.kind == "decimal" and point:
        digits = digits and decimals.isascii() and decimals.isdigit()
        digits = digits and len(decimals) <= (question.decimals or len(decimals))
    length = len(text.replace(".", "")) if question.kind == "decimal" else len(text)
    if not digits or length < question.least or length > (question.most or length):
        raise RequestError("answer-needed", "This is not what is asked for: see how long it may be.", path="$.text")


def _question(found: Asked) -> Question:
    return msgspec.json.decode(found.body, type=Question)


def _answer(body: bytes) -> Answer:
    if not body:
        raise Stopped
    return msgspec.json.decode(body, type=Answer)
