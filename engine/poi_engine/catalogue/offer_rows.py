"""The offers' rows in SQL: what a live catalogue is loaded from and kept new with."""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct, json

from poi_engine.ports import Job, Query, Row
from poi_engine.settings import Merchant, read_merchant
from poi_offers.model import Offer


class _Named(Struct):
    name: dict[str, str] = {}


_OFFER = json.Decoder(Offer)
_NAME = json.Decoder(_Named)
_NAMED_AT_ONCE = 500
HEADS = (
    "select o.offer_id, o.version, o.state, o.changed_at, v.document from offer o join offer_version v "
    "on v.merchant_id = o.merchant_id and v.offer_id = o.offer_id and v.version = o.version "
)


class Totals(NamedTuple):
    """The catalogue's version, how many offers are live, and the sum of their versions."""

    version: int
    offers: int
    versions: int


def offer_of_document(document: str) -> Offer:
    """The offer a row keeps."""
    return _OFFER.decode(document)


def offer_names(merchant_id: str, offer_ids: Sequence[str]) -> Job[dict[str, dict[str, str]]]:
    """What the merchant calls these offers, by language, also when they are no longer live."""
    names: dict[str, dict[str, str]] = {}
    for start in range(0, len(offer_ids), _NAMED_AT_ONCE):
        some = tuple(offer_ids[start : start + _NAMED_AT_ONCE])
        rows = yield Query(
            f"{HEADS} where o.merchant_id = ? and o.offer_id in ({', '.join('?' * len(some))})", (merchant_id, *some)
        )
        names |= {row["offer_id"]: _NAME.decode(row["document"]).name for row in rows}
    return names


def next_version(merchant_id: str) -> Job[int]:
    """Before any offer or product is written: of two changes at once, the second waits for its number here."""
    rows = yield Query(
        "insert into catalogue (merchant_id, version) values (?, 1) on conflict (merchant_id) "
        "do update set version = catalogue.version + 1 returning version",
        (merchant_id,),
    )
    return int(rows[0]["version"])


def lock_catalogue(merchant_id: str) -> Job[None]:
    """Until this transaction ends no offer and no product is changed by others."""
    yield Query(
        "insert into catalogue (merchant_id, version) values (?, 0) on conflict (merchant_id) "
        "do update set version = catalogue.version",
        (merchant_id,),
    )


def catalogue_version(merchant_id: str) -> Job[int]:
    """How often the merchant's offers and products were changed."""
    rows = yield Query("select version from catalogue where merchant_id = ?", (merchant_id,))
    return int(rows[0]["version"]) if rows else 0


def newest(merchant_id: str) -> "Job[tuple[Merchant, int]]":
    """The merchant and the catalogue's version."""
    merchant = yield from read_merchant(merchant_id)
    version = yield from catalogue_version(merchant_id)
    return merchant, version


def document_page(merchant_id: str, after: str, limit: int) -> "Job[list[Row]]":
    """Live offers by id, from the one after `after`."""
    return (
        yield Query(
            f"{HEADS} where o.merchant_id = ? and o.state = 'live' and o.offer_id > ? order by o.offer_id limit ?",
            (merchant_id, after, limit),
        )
    )


def heads_since(merchant_id: str, version: int) -> "Job[tuple[Merchant, int, list[Row]]]":
    """The merchant, the catalogue's version, and what was changed since another version."""
    merchant, newer = yield from newest(merchant_id)
    rows: list[Row] = []
    if newer != version:
        rows = yield Query(
            "select offer_id, version, state from offer where merchant_id = ? and changed_in > ?",
            (merchant_id, version),
        )
    return merchant, newer, rows


def documents(merchant_id: str, offer_ids: Sequence[str]) -> "Job[list[Row]]":
    """The newest versions of these offers."""
    marks = ", ".join("?" * len(offer_ids))
    return (yield Query(f"{HEADS} where o.merchant_id = ? and o.offer_id in ({marks})", (merchant_id, *offer_ids)))


def totals(merchant_id: str) -> Job[Totals]:
    """What is live now, in short."""
    version = yield from catalogue_version(merchant_id)
    rows = yield Query(
        "select count(*) as offers, cast(coalesce(sum(version), 0) as bigint) as versions from offer "
        "where merchant_id = ? and state = 'live'",
        (merchant_id,),
    )
    return Totals(version, rows[0]["offers"], rows[0]["versions"])
