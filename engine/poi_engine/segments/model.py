"""A segment as merchants write it: an offer's conditions over the customer, and what the customer bought lately.

Nothing here is judged by rules of its own: a segment is translated into an offer's conditions, in which what was bought
stands as a word that the customer carries or not, and the offers' own rules check and judge it.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from poi_engine.errors import RequestError
from poi_offers import offer_conditions
from poi_offers.errors import OfferError
from poi_offers.offer_parts import Part, Words
from poi_offers.validate import check_texts
from poi_offers.validate_conditions import check_conditions

OWN = "seg_"
BUILT_IN = "rfm:"


class All(Part, frozen=True, kw_only=True, tag="all"):
    """True when every part is true."""

    of: tuple["Condition", ...]


class Any(Part, frozen=True, kw_only=True, tag="any"):
    """True when one part is true."""

    of: tuple["Condition", ...]


class Not(Part, frozen=True, kw_only=True, tag="not"):
    """True when the part is false; unknown stays unknown."""

    of: "Condition"


class Bought(Part, frozen=True, kw_only=True, tag="bought"):
    """Bought one of these products, brands or categories (with all below them) within the last `days`.

    What was brought back counts as bought.
    """

    products: Words = ()
    brands: Words = ()
    categories: Words = ()
    days: Annotated[int, Meta(ge=1, le=730)] = 90

    @property
    def kinds(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The values by their kind, as rows of `bought` keep them."""
        named = (("product", self.products), ("brand", self.brands), ("category", self.categories))
        return tuple((kind, values) for kind, values in named if values)


Leaf = (
    offer_conditions.TierIs
    | offer_conditions.InSegment
    | offer_conditions.Birthday
    | offer_conditions.NthVisit
    | offer_conditions.Recency
    | offer_conditions.Frequency
    | offer_conditions.Spend
    | offer_conditions.FirstPurchase
    | offer_conditions.PointsBalance
    | Bought
)
Condition = All | Any | Not | Leaf
Name = Annotated[dict[Literal["fr", "en"], Annotated[str, Meta(min_length=1, max_length=120)]], Meta(min_length=1)]


class SegmentDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An own segment as written: its name by language, and who is in it; without conditions everybody."""

    name: Name
    conditions: Condition = All(of=())


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many customers fit these conditions?"""

    conditions: Condition = All(of=())


class Rules(NamedTuple):
    """A segment in the offers' own terms: `bought[i]` is the word `bought:i` there."""

    condition: offer_conditions.Condition
    bought: tuple[Bought, ...]


def translate(condition: Condition) -> Rules:
    """The same conditions as an offer would have them."""
    bought: list[Bought] = []
    return Rules(_translated(condition, bought), tuple(bought))


def bought_word(index: int) -> str:
    """The word for the index-th `Bought` of a segment."""
    return f"bought:{index}"


def check_segment(draft: SegmentDraft | Question) -> None:
    """Refuse what no segment may say, with the path of the mistake."""
    try:
        check_texts(draft)
        check_conditions(translate(draft.conditions).condition)
    except OfferError as error:
        raise RequestError(error.code.replace("_", "-"), error.message, path=error.path) from error
    for path, leaf in _leaves(draft.conditions, "$.conditions"):
        if isinstance(leaf, Bought) and not leaf.kinds:
            message = "Name one product, brand or category at least."
            raise RequestError("empty-list", message, path=f"{path}.products")
        if isinstance(leaf, offer_conditions.InSegment):
            _check_words(leaf, path)


def _check_words(leaf: offer_conditions.InSegment, path: str) -> None:
    for name in ("any_of", "none_of"):
        for index, word in enumerate(getattr(leaf, name)):
            if word.startswith((OWN, "coupon:", "bought:")):
                message = f"{word!r} cannot be part of a segment: name a built-in one or a word you give by hand."
                raise RequestError("segment-of-segments", message, path=f"{path}.{name}[{index}]")


def _translated(condition: Condition, bought: list[Bought]) -> offer_conditions.Condition:
    if isinstance(condition, All):
        return offer_conditions.All(of=tuple(_translated(part, bought) for part in condition.of))
    if isinstance(condition, Any):
        return offer_conditions.Any(of=tuple(_translated(part, bought) for part in condition.of))
    if isinstance(condition, Not):
        return offer_conditions.Not(of=_translated(condition.of, bought))
    if isinstance(condition, Bought):
        bought.append(condition)
        return offer_conditions.InSegment(any_of=(bought_word(len(bought) - 1),))
    return condition


def _leaves(condition: Condition, path: str) -> Iterator[tuple[str, Leaf]]:
    if isinstance(condition, Not):
        yield from _leaves(condition.of, f"{path}.of")
    elif isinstance(condition, (All, Any)):
        for index, part in enumerate(condition.of):
            yield from _leaves(part, f"{path}.of[{index}]")
    else:
        yield path, condition
