"""A history as data, of a catalogue or of a bare matcher: what was added, removed and asked, step by step."""

from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from poi_offers.model import Offer
from poi_offers.situation import Situation


class Put(Struct, frozen=True, tag="put"):
    """Add an offer, or replace its former version; `shelved` ones are there from the beginning."""

    offer: Offer
    shelved: bool = False


class Remove(Struct, frozen=True, tag="remove"):
    """Take an offer out."""

    offer_id: str


class Merge(Struct, frozen=True, tag="merge"):
    """Merge the changes: at once, or from one step to another with changes meanwhile, or into a copy opened anew."""

    how: Literal["now", "begin early", "begin late", "end", "reopen"]


class Ask(Struct, frozen=True, tag="ask"):
    """Ask for all eligible offers, and for the best `top` alone."""

    situation: Situation
    top: int


OfferStep = Put | Remove | Merge | Ask


# --- of a bare matcher --------------------------------------------------------------------------------------------

Program = tuple[int, ...]


class Own(Struct, frozen=True, tag="own"):
    """An owner of the first index."""

    clauses: tuple[Program, ...]


class Add(Struct, frozen=True, tag="add"):
    """A new owner in the live view; `order` is in 2**32nds of an owner's place."""

    order: int
    clauses: tuple[Program, ...]


class Discard(Struct, frozen=True, tag="discard"):
    """An owner goes."""

    owner: int


class Renew(Struct, frozen=True, tag="renew"):
    """Merge into a new index; or write it out and open it again; or forget the plans."""

    how: Literal["merge", "reopen", "forget"]


class Look(Struct, frozen=True, tag="look"):
    """An event at a place (None: a free position)."""

    numbers: tuple[int, ...]
    sets: tuple[tuple[int, ...] | None, ...]
    lines: tuple[tuple[tuple[int, ...], int, int], ...]
    point: tuple[float, float, float] | None
    spot: tuple[float, float] | None
    place: int | None
    top: int


ProgramStep = Own | Add | Discard | Renew | Look
Step = OfferStep | ProgramStep


class Difference(AssertionError):
    """Two evaluators disagree."""


def as_json(steps: Sequence[Step]) -> str:
    """The history, one step a line."""
    return "[\n" + ",\n".join(msgspec.json.encode(step).decode() for step in steps) + "\n]\n"


def from_json(text: str | bytes) -> list[Step]:
    """The history back."""
    return msgspec.json.decode(text, type=list[Step])
