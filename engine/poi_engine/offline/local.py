"""The offers that a station may give while it cannot reach the server, ready to be applied: one a line at most."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.clock import moment
from poi_engine.goods.products import all_on_sale, line_of
from poi_engine.settings import Counter
from poi_engine.wiring import Wiring
from poi_offers.catalogue import Catalogue
from poi_offers.local import Window, local_effect, windows
from poi_offers.model import Offer
from poi_offers.offer_effects import FixedPrice, PercentOff
from poi_offers.selection import fits
from poi_offers.situation import Basket, Place, SaleItem, Situation

AHEAD = timedelta(hours=48)
"""How long a station may go by a list: after that it sells at full prices."""
MOST = 200
"""Offers looked at, by priority."""
MOST_PRODUCTS = 5000
"""Products that a station keeps."""
_PLAIN = SaleItem(line_id="0", label="-", unit_price=0)


class LocalOffer(Struct, frozen=True, kw_only=True):
    """An offer for lines of these products: `percent` off in basis points, or `price` a whole unit in minor units.

    `plain`: for amounts without a product too. `windows`: from and until (excluded), milliseconds since 1970.
    """

    offer_id: str
    version: int
    name: dict[str, str]
    codes: tuple[str, ...]
    plain: bool
    windows: tuple[tuple[int, int], ...]
    percent: int | None = None
    price: int | None = None


class LocalOffers(Struct, frozen=True, kw_only=True):
    """The list; good until its windows end. No two of it are for the same line at the same time."""

    items: tuple[LocalOffer, ...]


class LocalList:
    """The service."""

    def __init__(self, wiring: Wiring, offers: OfferBook) -> None:
        self._w = wiring
        self._offers = offers

    async def at(self, merchant_id: str, station_id: str) -> LocalOffers:
        """What the station may give by itself from now on."""
        counter = await self._w.places.counter(merchant_id, station_id)
        now = moment(self._w.at())
        found = in_reach(await self._offers.catalogue(merchant_id), counter, now)
        if not found:
            return LocalOffers(items=())
        products = await self._w.sql.read(lambda: all_on_sale(merchant_id, MOST_PRODUCTS))
        lines = [line_of(product, "0", 1000) for product in products]
        items = await asyncio.to_thread(chosen, found, lines, counter.place, now)
        return LocalOffers(items=tuple(items))


def in_reach(catalogue: Catalogue, counter: Counter, now: datetime) -> list[Offer]:
    """Live offers of these two days that a counter may give by itself, by priority, then id."""
    found: dict[str, Offer] = {}
    for at in (now, now + AHEAD / 2):
        situation = Situation(at=at, place=counter.place, basket=Basket(currency="XXX"))
        found |= {offer.offer_id: offer for offer in catalogue.in_reach(situation, MOST) if local_effect(offer)}
    return sorted(found.values(), key=lambda offer: (-offer.stacking.priority, offer.offer_id))


def chosen(offers: Iterable[Offer], lines: Sequence[SaleItem], place: Place, now: datetime) -> list[LocalOffer]:
    """Those that are open, in their order; one that meets another on a line stands back."""
    taken: list[tuple[frozenset[str], list[Window]]] = []
    found = []
    for offer in offers:
        effect = local_effect(offer)
        assert effect is not None
        codes = tuple(line.code for line in lines if fits(effect.items, line))
        plain, open_in = fits(effect.items, _PLAIN), windows(offer, place, now, now + AHEAD)
        named = frozenset((*codes, "") if plain else codes)
        if not named or not open_in or any(named & other and _meet(open_in, spans) for other, spans in taken):
            continue
        taken.append((named, open_in))
        found.append(
            LocalOffer(
                offer_id=offer.offer_id,
                version=offer.version,
                name=dict(offer.name.items()),
                codes=codes,
                plain=plain,
                windows=tuple((_ms(start), _ms(end)) for start, end in open_in),
                percent=effect.percent if isinstance(effect, PercentOff) else None,
                price=effect.price if isinstance(effect, FixedPrice) else None,
            )
        )
    return found


def _meet(some: Sequence[Window], others: Sequence[Window]) -> bool:
    return any(start < until and since < end for start, end in some for since, until in others)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
