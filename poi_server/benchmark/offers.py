"""A workload's offers and events as the product's own: real `Offer` and `Situation` objects, for any of them."""

from collections.abc import Iterator
from datetime import date, timedelta

from poi_cext.ops import HIGH, LOW
from poi_offers import model, offer_conditions, offer_effects, offer_parts
from poi_offers.offer_conditions import Condition
from poi_offers.situation import Basket, CustomerFacts, PaymentFacts, Place, SaleItem, Situation
from poi_server.benchmark.clauses import CHANNELS, SCHEMES
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.peers.dicts import Clause, chunk_dicts
from poi_server.benchmark.workload import Workload
from poi_server.benchmark.world import ZONE

CHANNEL_NAMES = ("counter", "phone", "partner")
SCHEME_NAMES = ("cb", "visa", "mastercard", "amex", "maestro", "discover")
assert (len(CHANNEL_NAMES), len(SCHEME_NAMES)) == (CHANNELS, SCHEMES)


def offer_of(workload: Workload, number: int) -> model.Offer:
    """The offer of this number."""
    first, last = workload.rows_of(number)
    clauses = chunk_dicts(workload.clauses, workload.timetables, first, last)
    tables = workload.clauses.weekly[first:last].tolist()
    parts = [_clause(workload, clause, table) for clause, table in zip(clauses, tables, strict=True)]
    return model.Offer(
        offer_id=f"off_{number:08}",
        name={"en": f"Offer {number}"},
        currency="EUR",
        effects=(offer_effects.PercentOff(percent=1000),),
        conditions=parts[0] if len(parts) == 1 else offer_conditions.Any(of=tuple(parts)),
        stacking=model.Stacking(priority=int(workload.priority[number])),
    )


def situation_of(facts: Facts) -> Situation:
    """The event as the product is asked it."""
    regions = (f"trade-{facts.trade}", f"chain-{facts.chain}")
    store = None if facts.store is None else f"sto_{facts.store}"
    return Situation(
        at=facts.at,
        place=Place(zone=ZONE, lat=facts.lat, lon=facts.lon, store_id=store, regions=regions),
        basket=Basket(currency="EUR", items=tuple(_items(facts))),
        customer=None if facts.segments is None else _customer(facts),
        payment=None if facts.scheme is None else PaymentFacts(scheme=SCHEME_NAMES[facts.scheme]),
        channel=CHANNEL_NAMES[facts.channel],  # type: ignore[arg-type]
    )


def _items(facts: Facts) -> Iterator[SaleItem]:
    for number, (product, category, price, pieces) in enumerate(facts.lines, 1):
        yield SaleItem(
            line_id=str(number),
            label=f"Article {product}",
            unit_price=price,
            quantity=1000 * pieces,
            code=f"product-{product}",
            category=f"category-{category}",
        )


def _customer(facts: Facts) -> CustomerFacts:
    birthday = None
    if facts.birthday is not None:
        birthday = (date.fromordinal(facts.day) + timedelta(days=facts.birthday[0])).replace(year=1990)
    return CustomerFacts(
        customer_id="cus_1",
        tier=None if facts.tier is None else f"tier-{facts.tier}",
        segments=tuple(f"segment-{number}" for number in facts.segments or ()),
        birthday=birthday,
        visits_in={} if facts.visits is None else {0: facts.visits},
        last_visit=None if facts.recency is None else facts.at - timedelta(days=facts.recency),
        points=facts.points or 0,
    )


def _clause(workload: Workload, clause: Clause, table: int) -> Condition:
    leaves = [*_place(clause), *_customer_leaves(clause), *_basket(clause)]
    if "dates" in clause:
        first, last = clause["dates"]
        leaves.append(offer_conditions.Dates(first=date.fromordinal(first), last=date.fromordinal(last)))
    if table >= 0:
        leaves.append(workload.timetables[table].condition)
    return offer_conditions.All(of=tuple(leaves))


def _place(clause: Clause) -> Iterator[Condition]:
    if "stores" in clause:
        yield offer_conditions.Stores(any_of=tuple(f"sto_{number}" for number in sorted(clause["stores"])))
    if "circle" in clause:
        lat, lon, radius = clause["circle"]
        yield offer_conditions.Circle(lat=lat, lon=lon, radius=radius)
    if "polygon" in clause:
        ring = tuple((lon, lat) for lon, lat in clause["polygon"])
        yield offer_conditions.Polygon(rings=((*ring, ring[0]),))
    if "chain" in clause:
        yield offer_conditions.Region(any_of=(f"chain-{clause['chain']}",))
    elif "trades" in clause:
        yield offer_conditions.Region(any_of=tuple(f"trade-{number}" for number in sorted(clause["trades"])))


def _customer_leaves(clause: Clause) -> Iterator[Condition]:
    if "tier" in clause:
        yield offer_conditions.TierIs(any_of=tuple(f"tier-{number}" for number in sorted(clause["tier"])))
    wanted, refused = (
        tuple(f"segment-{number}" for number in sorted(clause.get(name, ())))
        for name in ("segment_any", "segment_none")
    )
    if wanted or refused:
        yield offer_conditions.InSegment(any_of=wanted, none_of=refused)
    if "birthday" in clause:
        before, after = clause["birthday"]
        yield offer_conditions.Birthday(before=before, after=after)
    if "points" in clause:
        low, high = _open(clause["points"])
        yield offer_conditions.PointsBalance(min=low, max=high)
    if "visits" in clause:
        low, high = _open(clause["visits"])
        yield offer_conditions.Frequency(min=low, max=high)
    if "recency" in clause:
        low, high = _open(clause["recency"])
        yield offer_conditions.Recency(min_days=low, max_days=high)


def _basket(clause: Clause) -> Iterator[Condition]:
    if "scheme" in clause:
        yield offer_conditions.CardScheme(any_of=tuple(SCHEME_NAMES[number] for number in sorted(clause["scheme"])))
    if "channel" in clause:
        names = tuple(CHANNEL_NAMES[number] for number in sorted(clause["channel"]))
        yield offer_conditions.Channel(any_of=names)  # type: ignore[arg-type]
    if "subtotal" in clause:
        low, high = _open(clause["subtotal"])
        yield offer_conditions.Subtotal(min=low, max=high)
    if "category_any" in clause:
        yield _some(categories=clause["category_any"])
    for category in sorted(clause.get("category_all", ())):
        yield _some(categories={category})
    if "product_any" in clause:
        yield _some(products=clause["product_any"])


def _some(categories: set[int] = frozenset(), products: set[int] = frozenset()) -> offer_conditions.Quantity:  # type: ignore[assignment]
    """At least one of the selected lines."""
    selector = offer_parts.Selector(
        products=tuple(f"product-{number}" for number in sorted(products)),
        categories=tuple(f"category-{number}" for number in sorted(categories)),
    )
    return offer_conditions.Quantity(min=1, items=selector)


def _open(limits: tuple[int, int]) -> tuple[int | None, int | None]:
    low, high = limits
    return None if low == LOW else low, None if high == HIGH else high
