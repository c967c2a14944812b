"""Small whole books: two stations, some days of sales and refunds, closings, events, an exercise or two."""

import asyncio
from typing import Any, Literal

import msgspec

from poi_engine.clock import micros
from poi_engine.fiscal import training
from poi_engine.fiscal.events import MERCHANT, record
from poi_engine.fiscal.journal import Receipt, ReceiptLine, ReceiptPayment, ReceiptVat
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.service import Fiscal
from poi_engine.ids import Ids
from poi_engine.places import Places
from poi_engine.ports import Job, Sql
from poi_engine.wiring import Wiring
from poi_offers.storetime import zone
from tests.engine.shop import OTHER_STATION, SELLER, STATION, FakeClock, M, Seen, merchant_rows
from tests.fiscal.appending import append

DAY = 86_400.0
DAYS = 4
BEGINS = 1_796_040_000.0  # Monday 30 November 2026, 13:00 in Paris: a month ends among the days


def receipt(kind: Literal["sale", "refund"], sale_id: str, station_id: str, amount: int) -> Receipt:
    """A receipt of one line, amounts in minor units."""
    line = ReceiptLine(
        line_id="1",
        label="Tarte",
        quantity=1000 if amount > 0 else -1000,
        unit="piece",
        unit_price=abs(amount),
        vat_rate=550,
        amount=amount,
        saved=0,
        total=amount,
    )
    return Receipt(
        kind=kind,
        sale_id=sale_id,
        store_id="sto_1",
        station_id=station_id,
        currency="EUR",
        local_minute="2026-11-30T13:00+01:00",
        lines=(line,),
        vat=(ReceiptVat(rate=550, net=amount, vat=0, gross=amount),),
        payments=(ReceiptPayment(means="cash", amount=amount),),
        subtotal=amount,
        saved=0,
        total=amount,
        customer_id="cus_1",
    )


def fiscal_of(sql: Sql, clock: FakeClock) -> Fiscal:
    """The shipped service, signing with a key of its own."""
    sessions: Any = None  # nothing here needs a session
    wiring = Wiring(sql, sessions, Seen(), {}, clock, Ids(clock.now), Places(sql, clock))
    return Fiscal(wiring, Signer(None))


async def written(sql: Sql, days: int = DAYS) -> Fiscal:
    """Books with closings of every kind but the year's."""
    clock = FakeClock(BEGINS)
    fiscal = fiscal_of(sql, clock)
    await asyncio.to_thread(zone, "Europe/Paris")  # as the server does before it listens
    await sql.write(merchant_rows)
    await fiscal.started()
    for number in range(days):
        await sql.write(lambda number=number: _day(number, micros(clock.now())))  # type: ignore[misc]
        await fiscal.close(M, STATION, "day", by=SELLER)
        clock.forward(DAY)
    await fiscal.round()
    await fiscal.stopped()
    return fiscal


def _day(number: int, at: int) -> Job[None]:
    for station_id in (STATION, OTHER_STATION):
        for index in range(3):
            sale_id = f"sal_{station_id}_{number}_{index}"
            kind: Literal["sale", "refund"] = "refund" if index == 2 else "sale"
            amount = -500 if kind == "refund" else 1000 + index
            made = receipt(kind, sale_id, station_id, amount)
            yield from append(M, station_id, kind, sale_id, made, at=at + index)
        yield from record(M, station_id, "reprint", f"sal_{station_id}_{number}_0", "seller:1", {"duplicate": 1}, at)
        values: dict[str, str | int] = {"amount": 100 + number, "currency": "EUR", "means": "cash"}
        yield from record(M, station_id, "paid-back", f"wlo_{station_id}_{number}", "seller:1", values, at)
        exercise = msgspec.structs.replace(made, sale_id=f"sal_t_{number}")
        yield from training.record(M, station_id, exercise, at)
    yield from record(M, MERCHANT, "verification", "", "", {"findings": 0}, at)
