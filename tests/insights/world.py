"""Sales and refunds of any kind at three stores in three zones, written as the engine writes them."""

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

from poi_engine.checkout.entries import Given, Tender
from poi_engine.checkout.records import (
    LineRow,
    RedemptionRow,
    SaleDocument,
    SaleRow,
    insert_lines,
    insert_redemptions,
    insert_sale,
)
from poi_engine.clock import micros_of
from poi_engine.insights.rollup import count_some, make_due
from poi_engine.ports import Job, Queries, Query
from poi_offers.storetime import zone

ZONES = {"sto_paris": "Europe/Paris", "sto_york": "America/New_York", "sto_apia": "Pacific/Apia"}
STARTS = (
    datetime(2026, 3, 28, 20, tzinfo=UTC),  # Paris loses an hour
    datetime(2026, 10, 24, 20, tzinfo=UTC),  # Paris has an hour twice
    datetime(2026, 10, 31, 20, tzinfo=UTC),  # New York has an hour twice, and a month begins
    datetime(2026, 12, 31, 8, tzinfo=UTC),  # a year begins, in Apia first
)
PRODUCTS = (("eclair", "Éclair"), ("tarte", "Tarte"), ("", "Divers"), ("", "Sac\tcabas"), ("cafe", "Café"))
CARDS = (
    ("card", "cb", "debit", "contactless"),
    ("card", "visa", "credit", "chip"),
    ("card", "a\tb", None, None),
    ("cash", None, None, "cash"),
    ("wallet", None, None, "wallet"),
)
OFFERS = ("off_1", "off_2")


class Sold(Struct, frozen=True, kw_only=True):
    """A sale or refund as it is written."""

    sale: SaleRow
    lines: tuple[LineRow, ...]
    uses: tuple[RedemptionRow, ...]


def load_zones() -> None:
    """Read the zones' files, which nobody may do on the loop."""
    for name in ZONES.values():
        zone(name)


def history(dice: random.Random, count: int) -> list[Sold]:
    """So many sales and refunds, in the order they are written: not always that of their moments."""
    start = dice.choice(STARTS)
    made: list[Sold] = []
    known: set[str] = set()
    for number in range(count):
        first = [sold for sold in made if sold.sale.refund_of is None and sold.lines]
        if first and dice.random() < 0.25:
            made.append(_refund(dice, number, dice.choice(first)))
        else:
            made.append(_sale(dice, number, start, known))
    return made


def _sale(dice: random.Random, number: int, start: datetime, known: set[str]) -> Sold:
    customer = dice.choice((None, None, "cus_1", "cus_2", "cus_3"))
    lines = tuple(_line(dice, str(place)) for place in range(1, dice.choice((2, 2, 3, 5))))
    saved = sum(line.saved for line in lines)
    uses = [RedemptionRow(offer_id=offer, version=1, saved=0, value=dice.randrange(90)) for offer in OFFERS]
    wanted = dice.sample(uses, dice.randrange(3))
    if saved and wanted:
        wanted[0] = RedemptionRow(offer_id=wanted[0].offer_id, version=1, saved=saved, value=saved)
    means, scheme, card_type, entry_mode = dice.choice(CARDS)
    total = sum(line.total for line in lines)
    first = customer is not None and customer not in known
    known |= {customer} if customer else set()
    hours = dice.choice((dice.randrange(20), dice.randrange(400), dice.randrange(3000)))
    at = start + timedelta(hours=hours, minutes=dice.randrange(60))
    store_id = dice.choice(list(ZONES))
    sale = SaleRow(
        sale_id=f"sal_{number:04d}",
        checkout_id=f"chk_{number}",
        store_id=store_id,
        station_id=f"sta_{store_id}",
        zone=ZONES[store_id],
        currency="EUR",
        subtotal=total + saved,
        saved=saved,
        total=total,
        points=total // 100 if customer else 0,
        receipt_number=number,
        at=micros_of(at),
        document=SaleDocument(
            tender=Tender(means=means, amount=total, card_scheme=scheme, card_type=card_type, entry_mode=entry_mode),
            given=Given(),
        ),
        channel=dice.choice(("counter", "counter", "phone", "partner")),
        seller_id=dice.choice((None, None, "sel_1", "sel_2")),
        customer_id=customer,
        first_visit=first,
    )
    return Sold(sale=sale, lines=lines, uses=tuple(wanted))


def _line(dice: random.Random, line_id: str) -> LineRow:
    code, label = dice.choice(PRODUCTS)
    quantity = dice.choice((1000, 2000, 1250))
    price = dice.choice((0, 250, 500, 999, 1000, 9999, 20_000))
    amount = price * quantity // 1000
    saved = dice.choice((0, 0, amount // 10, amount))
    return LineRow(
        line_id=line_id,
        code=code,
        label=label,
        category="",
        brand="",
        quantity=quantity,
        unit="piece",
        unit_price=price,
        vat_rate=550,
        amount=amount,
        saved=saved,
        total=amount - saved,
    )


def _refund(dice: random.Random, number: int, of: Sold) -> Sold:
    """Some lines of a sale given back, hours or months later."""
    back = [
        LineRow(
            **{**_fields(line), **{name: -getattr(line, name) for name in ("quantity", "amount", "saved", "total")}}
        )
        for line in dice.sample(of.lines, dice.randint(1, len(of.lines)))
    ]
    total, saved = sum(line.total for line in back), sum(line.saved for line in back)
    uses = [RedemptionRow(offer_id=use.offer_id, version=1, saved=saved, value=-7) for use in of.uses[:1]]
    sale = SaleRow(
        **{
            **_fields(of.sale),
            "sale_id": f"sal_{number:04d}",
            "checkout_id": f"chk_{number}",
            "refund_of": of.sale.sale_id,
            "subtotal": total + saved,
            "saved": saved,
            "total": total,
            "points": -of.sale.points,
            "at": of.sale.at + dice.choice((1, 40, 2000)) * 3_600_000_000,
            "first_visit": False,
        }
    )
    return Sold(sale=sale, lines=tuple(back), uses=tuple(uses))


_NEGATED = ("quantity", "amount", "saved", "total")


def _fields(struct: Struct) -> dict[str, object]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def write(merchant_id: str, sold: Iterable[Sold]) -> Job[None]:
    """Write sales and refunds with their cells."""
    for one in sold:
        yield insert_sale(merchant_id, one.sale)
        uses = insert_redemptions(merchant_id, one.sale.sale_id, one.sale.customer_id, one.uses, one.sale.at)
        yield Queries((insert_lines(merchant_id, one.sale.sale_id, one.lines), *uses))
        yield make_due(merchant_id, one.sale.sale_id)
        yield from count_some(merchant_id)


def people(merchant_id: str) -> Job[None]:
    """The merchant and the customers, by name."""
    yield Query(
        "insert into merchant (merchant_id, name, currency, language, settings, created_at) values (?,?,?,?,?,?)",
        (merchant_id, "Boulangerie", "EUR", "fr", "{}", 0),
    )
    for number in (1, 2, 3):
        yield Query(
            "insert into customer (merchant_id, customer_id, display_name, pseudonym, language, tier, segments,"
            " created_at) values (?, ?, ?, 0, 'fr', '', '[]', 0)",
            (merchant_id, f"cus_{number}", f"Customer {number}"),
        )


def wall(sold: Sold) -> datetime:
    """The store's clock at the sale."""
    return datetime.fromtimestamp(sold.sale.at / 1_000_000, ZoneInfo(sold.sale.zone))
