"""A small consistent history, written with plain statements: one shop, a few sales, a refund, a checkout under way."""

from collections.abc import Sequence
from typing import Any

import msgspec

from poi_engine import ledger, limits
from poi_engine.fiscal.journal import Receipt, ReceiptLine, ReceiptPayment, ReceiptVat
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query
from poi_engine.storage.migrations.rollups_0003 import rollups_of_sales
from tests.fiscal.appending import append

M = "mer_1"
STATION = "sta_1"
AT = 1_790_000_000_000_000
LIMIT = limits.limit_account("off_1:0:total:ever")


def put(table: str, **values: Any) -> Query:
    """A row of a table."""
    names = ("merchant_id", *values)
    marks = ", ".join("?" * len(names))
    return Query(f"insert into {table} ({', '.join(names)}) values ({marks})", (M, *values.values()))


def history(ids: Ids) -> Job[None]:
    """Everything in one transaction."""
    offer = msgspec.json.encode({"offer_id": "off_1", "limits": [{"of": "uses", "cap": 100}]}).decode()
    yield put("offer_version", offer_id="off_1", version=1, document=offer, created_at=AT)
    yield from limits.fund_limit(M, LIMIT, "uses", 100, ids=ids, at=AT)
    for number in range(1, 4):
        yield from sale(number, ids)
    yield from refund(4, 2, ids)
    yield from under_way(ids)
    for statement in rollups_of_sales():
        yield Query(statement)


def sale(number: int, ids: Ids) -> Job[None]:
    """A paid sale of 9.00: two lines, one of them with 1.00 off."""
    checkout_id, sale_id = f"chk_{number}", f"sal_{number}"
    yield from ledger.hold(M, checkout_id, [limits.limit_use("off_1:0:total:ever", 1, "uses")], ids=ids, at=AT)
    yield from ledger.post(M, checkout_id, ids=ids, at=AT)
    moves = [
        ledger.Move(kind="sale", debit="tender:card", credit="sales:sto_1", amount=900, unit="EUR"),
        ledger.Move(kind="points", debit="points", credit="points:cus_1", amount=9, unit="points"),
    ]
    yield from ledger.enter(M, checkout_id, moves, ids=ids, at=AT)
    yield checkout(checkout_id, "paid", sale_id)
    yield payment(checkout_id, "captured", 900)
    lines = [line("1", 700, 100), line("2", 300, 0)]
    yield from books(number, sale_id, checkout_id, None, lines)
    yield put(
        "redemption",
        sale_id=sale_id,
        offer_id="off_1",
        version=1,
        customer_id="cus_1",
        saved=100,
        value=100,
        created_at=AT,
    )
    answer = msgspec.msgpack.encode({"state": "paid", "checkout_id": checkout_id, "sale_id": sale_id})
    promise = {"principal": "acc_1", "key": f"key-{number}", "body_hash": b"h", "subject": checkout_id}
    yield put("idempotency", **promise, status=200, answer=answer, created_at=AT)


def refund(number: int, of: int, ids: Ids) -> Job[None]:
    """The first line of a sale given back."""
    refund_id, sale_id = f"ref_{number}", f"sal_{number}"
    moves = [ledger.Move(kind="refund", debit="sales:sto_1", credit="tender:card", amount=600, unit="EUR")]
    yield from ledger.enter(M, refund_id, moves, ids=ids, at=AT)
    yield payment(refund_id, "captured", -600)
    yield from books(number, sale_id, refund_id, f"sal_{of}", [line("1", -700, -100, -1000)])


def under_way(ids: Ids) -> Job[None]:
    """A checkout that holds its limit while the terminal works."""
    yield checkout("chk_9", "paying", None)
    yield payment("chk_9", "sending", 900)
    yield from ledger.hold(M, "chk_9", [limits.limit_use("off_1:0:total:ever", 1, "uses")], ids=ids, at=AT)


def checkout(checkout_id: str, state: str, sale_id: str | None) -> Query:
    """A checkout of 9.00."""
    who = {"session_id": "ses_1", "store_id": "sto_1", "station_id": STATION, "customer_id": "cus_1"}
    what = {"state": state, "total": 900, "currency": "EUR", "document": "{}", "sale_id": sale_id}
    return put("checkout", checkout_id=checkout_id, **who, **what, created_at=AT, changed_at=AT)


def payment(checkout_id: str, state: str, amount: int) -> Query:
    """A card payment."""
    what = {"means": "card", "connector": "simulator", "state": state, "amount": amount, "authorisation": "A1"}
    more = {"reason": "", "document": "{}", "created_at": AT, "changed_at": AT}
    return put("payment", payment_id=f"pay_{checkout_id}", checkout_id=checkout_id, **what, **more)


def line(line_id: str, amount: int, saved: int, quantity: int = 1000) -> ReceiptLine:
    """A line of the sale."""
    money = {"unit_price": abs(amount), "amount": amount, "saved": saved, "total": amount - saved}
    return ReceiptLine(
        line_id=line_id, label="Tarte", quantity=quantity, unit="piece", vat_rate=550, code="2900000000018", **money
    )


def books(
    number: int, sale_id: str, checkout_id: str, refund_of: str | None, lines: Sequence[ReceiptLine]
) -> Job[None]:
    """The journal, the sale, its lines and its event."""
    kind = "refund" if refund_of else "sale"
    sums = {name: sum(getattr(line, name) for line in lines) for name in ("amount", "saved", "total")}
    receipt = Receipt(
        kind="refund" if refund_of else "sale",
        sale_id=sale_id,
        store_id="sto_1",
        station_id=STATION,
        currency="EUR",
        local_minute="2026-11-22T14:05+01:00",
        lines=tuple(lines),
        vat=(ReceiptVat(rate=550, net=sums["total"], vat=0, gross=sums["total"]),),
        payments=(ReceiptPayment(means="card", amount=sums["total"]),),
        subtotal=sums["amount"],
        saved=sums["saved"],
        total=sums["total"],
        refund_of=refund_of,
        customer_id="cus_1",
    )
    receipt_number = yield from append(M, STATION, receipt.kind, sale_id, receipt, at=AT)
    assert receipt_number == number
    place = {"store_id": "sto_1", "station_id": STATION, "customer_id": "cus_1", "channel": "counter"}
    money = {"currency": "EUR", "subtotal": sums["amount"], "saved": sums["saved"], "total": sums["total"]}
    when = {"local_day": "2026-11-22", "local_hour": 14, "local_weekday": 7, "created_at": AT}
    more = {
        "points": 0 if refund_of else 9,
        "means": "card",
        "receipt_number": number,
        "first_visit": 0,
        "document": "{}",
    }
    ids = {"sale_id": sale_id, "checkout_id": checkout_id, "refund_of": refund_of}
    yield put("sale", **ids, **place, **money, **when, **more)
    for row in lines:
        yield put("sale_line", sale_id=sale_id, **msgspec.structs.asdict(row), category="", brand="")
    event = msgspec.json.encode({"sale_id": sale_id}).decode()
    yield put("outbox", event_id=f"evt_{number}", kind=f"{kind}.committed", document=event, created_at=AT)


def unprotected(table: str) -> Job[None]:
    """Take away a table's triggers, keys and checks, as somebody with the database's password can."""
    yield Query(f"create table bare as select * from {table}")
    yield Query(f"drop table {table}")
    yield Query(f"alter table bare rename to {table}")
