"""How many customers an audience has today."""

from collections.abc import Sequence

from msgspec import Struct

from poi_engine.clientele.rows import marks
from poi_engine.ports import Job, Query

LAPSING = "auto:lapsing"
"""The word of a customer who has stayed away for longer than they use to."""


class AudienceSize(Struct, frozen=True, kw_only=True):
    """How many of how many customers. Words given by hand are not counted: `counted` is False then."""

    size: int
    of: int
    counted: bool = True


def audience_size(merchant_id: str, words: Sequence[str]) -> Job[AudienceSize]:
    """Of an audience of nobody named, everybody."""
    rows = yield Query(
        "select count(*) as size from customer where merchant_id = ? and erased_at is null and merged_into is null",
        (merchant_id,),
    )
    everybody = int(rows[0]["size"])
    if not words:
        return AudienceSize(size=everybody, of=everybody)
    segments = tuple(sorted(set(words)))
    away = LAPSING in words
    rows = yield Query(
        "select count(*) as size from (select customer_id from segment_member where merchant_id = ? "
        f"and segment_id in ({marks(segments)}) union "
        "select customer_id from lapsing where merchant_id = ? and ? = 1) m",
        (merchant_id, *segments, merchant_id, int(away)),
    )
    kept = all(word.startswith(("seg_", "rfm:")) or word == LAPSING for word in words)
    return AudienceSize(size=int(rows[0]["size"]), of=everybody, counted=kept)
