"""What needs a segment, and that an offer names only segments there are; both under the catalogue's lock."""

from collections.abc import Iterator

from poi_engine.catalogue.offer_rows import HEADS, catalogue_version, offer_of_document
from poi_engine.clientele.rows import marks
from poi_engine.errors import RequestError
from poi_engine.ports import Job, Query
from poi_engine.segments.model import BUILT_IN, OWN
from poi_engine.segments.rfm import GROUPS
from poi_offers import model, offer_conditions


def named_segments(condition: offer_conditions.Condition, path: str = "$.conditions") -> Iterator[tuple[str, str]]:
    """Every segment that conditions name, with its path."""
    if isinstance(condition, offer_conditions.Not):
        yield from named_segments(condition.of, f"{path}.of")
    elif isinstance(condition, (offer_conditions.All, offer_conditions.Any)):
        for index, part in enumerate(condition.of):
            yield from named_segments(part, f"{path}.of[{index}]")
    elif isinstance(condition, offer_conditions.InSegment):
        for name in ("any_of", "none_of"):
            for index, word in enumerate(getattr(condition, name)):
                yield f"{path}.{name}[{index}]", word


def must_exist(merchant_id: str, offer: model.Offer) -> Job[None]:
    """Refuse an offer that names a segment there is not; words given by hand are not looked up."""
    named = {word: path for path, word in named_segments(offer.conditions) if word.startswith((OWN, BUILT_IN))}
    own = tuple(word for word in named if word.startswith(OWN))
    known = {f"{BUILT_IN}{group}" for group in GROUPS}
    if own:
        rows = yield Query(
            "select segment_id from segment where merchant_id = ? and state <> 'removed' "
            f"and segment_id in ({marks(own)})",
            (merchant_id, *own),
        )
        known |= {row["segment_id"] for row in rows}
    for word, path in named.items():
        if word not in known:
            raise RequestError("segment-unknown", f"There is no segment {word!r}.", path=path)


def who_needs(merchant_id: str, segment_id: str, *, since: int = -1) -> Job[tuple[int, list[str]]]:
    """The catalogue's version, and by name what needs a segment: offers changed after it was `since`, and campaigns."""
    version = yield from catalogue_version(merchant_id)
    rows = yield Query(
        f"{HEADS} where o.merchant_id = ? and o.changed_in > ? and o.state <> 'removed' and v.document like ?",
        (merchant_id, since, f'%"{segment_id}"%'),
    )
    found = []
    for row in rows:
        offer = offer_of_document(row["document"])
        if any(word == segment_id for _, word in named_segments(offer.conditions)):
            found.append(f"{next(iter(offer.name.values()))} ({offer.offer_id})")
    return version, sorted(found) + (yield from _campaigns_naming(merchant_id, segment_id))


def _campaigns_naming(merchant_id: str, segment_id: str) -> Job[list[str]]:
    """Campaigns for this audience that have begun or are ready to."""
    rows = yield Query(
        "select name, campaign_id from campaign where merchant_id = ? and state in ('scheduled', 'live') "
        "and document like ?",
        (merchant_id, f'%"{segment_id}"%'),
    )
    return sorted(f"{row['name']} ({row['campaign_id']})" for row in rows)
