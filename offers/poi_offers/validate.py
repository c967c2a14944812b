"""What types cannot say about an offer: each mistake with its JSON path and how to mend it."""

import re
from collections.abc import Iterator

import msgspec

from poi_offers import model
from poi_offers.errors import OfferError
from poi_offers.model import Offer
from poi_offers.validate_conditions import check_conditions
from poi_offers.validate_effects import check_effects, check_limits

__all__ = ["OfferError", "check_offer", "check_texts"]

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters and lone surrogates


def check_offer(offer: Offer) -> None:
    """Raise an `OfferError` for the first mistake found."""
    check_texts(offer)
    if not offer.name:
        raise OfferError("name_missing", "$.name", "give the name in one language at least: fr or en")
    check_conditions(offer.conditions)
    check_effects(offer)
    check_limits(offer.limits, offer.effects, offer.campaign_id)
    _check_stacking(offer.stacking)


def check_texts(part: msgspec.Struct) -> None:
    """Refuse control characters and lone surrogates in every name, code and word of an offer or a part of one."""
    for path, text in _texts(msgspec.to_builtins(part), "$"):
        if _UNPRINTABLE.search(text):
            raise OfferError("control_character", path, "remove the control character: only printable text is accepted")
        if not text.strip():
            raise OfferError("blank_text", path, "write some text: blanks alone are not accepted")


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            yield from _texts(part, f"{path}[{i}]")


def _check_stacking(stacking: model.Stacking) -> None:
    if stacking.group is None and stacking.group_max != 1:
        raise OfferError(
            "group_missing", "$.stacking.group", "group_max needs a group: name it, or leave group_max out"
        )
    if stacking.exclusive and stacking.group is not None:
        message = "an exclusive offer stands alone: leave out the group, or set exclusive to false"
        raise OfferError("exclusive_group", "$.stacking.exclusive", message)
