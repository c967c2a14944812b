"""A draft catalogue from a file: one offer a line, a JSON array of offers, or a page that `GET /v1/offers` answered."""

import io
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from msgspec import Raw, Struct

from poi_engine.errors import PoiError, RequestError
from poi_offers.model import Offer
from poi_offers.validate import OfferError, check_offer
from poi_server.replay.lines import BYTE_ORDER_MARK, NO_JSON, Mistakes, decoded, lines

_BYTE = re.compile(r"\(byte (\d+)\)")


class Draft(NamedTuple):
    """The offers to decide with, and the ids of those left out because they are not live."""

    offers: list[Offer]
    paused: list[str]


class _Written(NamedTuple):
    """One offer as the file has it: its line, the JSON path to it, its own JSON, and whether it is live."""

    line: int
    path: str
    content: bytes
    live: bool = True


class _Page(Struct):
    """What `GET /v1/offers` answers."""

    items: list[Raw]


class _View(Struct):
    """One item of it; of a bare offer neither is there."""

    offer: Raw = Raw()
    state: str = "live"


_OFFER = msgspec.json.Decoder(Offer)
_VIEW = msgspec.json.Decoder(_View)


def read_offers(content: bytes, name: str) -> Draft:
    """The offers in a file; all mistakes are raised together."""
    mistakes, draft, seen = Mistakes(name), Draft([], []), dict[str, int]()
    for found in _written(content.removeprefix(BYTE_ORDER_MARK), name):
        written = found
        try:
            written = _unwrapped(found)
            offer = _offer(written.content)
            _check_new(offer, seen)
        except PoiError as error:
            mistakes.add(written.line, error, within=written.path)
            continue
        seen[offer.offer_id] = written.line
        if written.live:
            draft.offers.append(offer)
        else:
            draft.paused.append(offer.offer_id)
    mistakes.refuse()
    return draft


def _written(content: bytes, name: str) -> Iterator[_Written]:
    """The offers as they are written, whatever is around them."""
    is_array = content.lstrip().startswith(b"[")
    try:
        msgspec.json.decode(content, type=Raw)
        items = (
            msgspec.json.decode(content, type=list[Raw]) if is_array else msgspec.json.decode(content, type=_Page).items
        )
    except msgspec.ValidationError:  # one JSON value, and no page: an offer over one or more lines
        return iter([_Written(1, "$", content)])
    except NO_JSON as error:
        if is_array:
            _refuse_array(content, name, error)
        return (_Written(number, "$", line) for number, line in lines(io.BytesIO(content)))
    return _among(content, items, "$" if is_array else "$.items")


def _among(content: bytes, items: list[Raw], path: str) -> Iterator[_Written]:
    line, last, end = 1, 0, 0
    for number, item in enumerate(map(bytes, items)):
        at = content.index(item, end)
        line += content.count(b"\n", last, at)
        last, end = at, at + len(item)
        yield _Written(line, f"{path}[{number}]", item)


def _refuse_array(content: bytes, name: str, error: Exception) -> None:
    found = _BYTE.search(str(error))
    line = 1 + content.count(b"\n", 0, int(found[1]) if found else len(content))
    mistakes = Mistakes(name)
    mistakes.add(line, RequestError("no-json", f"The array is no JSON ({error})."))
    mistakes.refuse()


def _unwrapped(written: _Written) -> _Written:
    """The offer itself, out of what the API shows around it."""
    view = decoded(_VIEW, written.content)
    inner = bytes(view.offer)
    if not inner:
        return written
    return _Written(written.line, f"{written.path}.offer", inner, view.state == "live")


def _offer(content: bytes) -> Offer:
    offer = decoded(_OFFER, content)
    try:
        check_offer(offer)
    except OfferError as error:
        raise RequestError(error.code, f"{error.message}.", path=error.path) from None
    return offer


def _check_new(offer: Offer, seen: dict[str, int]) -> None:
    if offer.offer_id in seen:
        message = f"The offer {offer.offer_id!r} is there already, on line {seen[offer.offer_id]}: keep one of them."
        raise RequestError("offer-twice", message, path="$.offer_id")
