"""What the usual stack decides, and the rows that its two transactions write."""

import hashlib
import json
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg

_LINE_COLUMNS = ("code", "label", "quantity", "unit_price", "amount", "saved", "total")


class Sale(NamedTuple):
    """A paid session."""

    sale_id: str
    session: dict[str, Any]
    authorisation: str
    means: str


def choose(lines: list[dict[str, Any]], offers: list[dict[str, Any]], person: dict[str, Any]) -> dict[str, Any]:
    """The best offer for each line: percent off its category, from a subtotal on, for a tier."""
    subtotal = sum(line["unit_price"] * line["quantity"] // 1000 for line in lines)
    held = [offer for offer in offers if offer["least"] <= subtotal and offer["tier"] in (None, person["tier"])]
    saved: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        line["amount"] = line["unit_price"] * line["quantity"] // 1000
        fitting = [offer for offer in held if line["category"].startswith(offer["category"])]
        best = max(fitting, key=lambda offer: offer["percent"], default=None)
        line["saved"] = line["amount"] * best["percent"] // 100 if best else 0
        line["total"] = line["amount"] - line["saved"]
        if best and line["saved"]:
            saved[best["offer_id"]] += line["saved"]
    total = subtotal - sum(saved.values())
    return {"decision": {"subtotal": subtotal, "total": total, "saved": sum(saved.values()), "offers": saved}}


async def reserve(sql: asyncpg.Connection, session: dict[str, Any]) -> None:
    """The checkout, the payment to be sent, and a use held of each offer."""
    decision, checkout_id = session["decision"], session["checkout_id"]
    await sql.execute(
        "insert into checkout (checkout_id, session_id, station_id, customer_id, state, total, document) "
        "values ($1, $2, $3, $4, 'reserved', $5, $6)",
        *(checkout_id, session["session_id"], session["station_id"], session["customer"]["customer_id"]),
        *(decision["total"], json.dumps(session)),
    )
    await sql.execute(
        "insert into payment (payment_id, checkout_id, state, amount) values ($1, $2, 'sending', $3)",
        *(session["payment_id"], checkout_id, decision["total"]),
    )
    held = [("limit", f"limit:{offer_id}", "limits_used", 1) for offer_id in decision["offers"]]
    await _enter(sql, checkout_id, held)


async def commit(sql: asyncpg.Connection, sale: Sale) -> None:
    """The sale and all that belongs to it."""
    session = sale.session
    decision, checkout_id, person = session["decision"], session["checkout_id"], session["customer"]
    await sql.execute("update checkout set state = 'paid' where checkout_id = $1", checkout_id)
    await sql.execute(
        "update payment set state = 'captured', authorisation = $2 where payment_id = $1",
        *(session["payment_id"], sale.authorisation),
    )
    number = await _journal(sql, sale)
    await sql.execute(
        "insert into sale (sale_id, checkout_id, station_id, customer_id, subtotal, saved, total, receipt_number, "
        "document) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(sale.sale_id, checkout_id, session["station_id"], person["customer_id"], decision["subtotal"]),
        *(decision["saved"], decision["total"], number, json.dumps(session)),
    )
    await sql.executemany(
        "insert into sale_line values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            (sale.sale_id, str(place), *(line[name] for name in _LINE_COLUMNS))
            for place, line in enumerate(session["lines"])
        ],
    )
    if decision["offers"]:
        uses = [(sale.sale_id, offer_id, saved) for offer_id, saved in decision["offers"].items()]
        await sql.executemany("insert into redemption values ($1, $2, $3)", uses)
    points = decision["total"] // 100
    sold = ("sale", f"tender:{sale.means}", f"sales:{session['station_id']}", decision["total"])
    await _enter(sql, checkout_id, [sold, ("points", "points", f"points:{person['customer_id']}", points)])
    await sql.execute(
        "insert into outbox (kind, document) values ('sale.committed', $1)",
        json.dumps({"sale_id": sale.sale_id, "total": decision["total"]}),
    )
    await sql.execute(
        "update customer set visits = visits + 1, spend = spend + $2, points = points + $3, last_visit_at = now() "
        "where customer_id = $1",
        *(person["customer_id"], decision["total"], points),
    )


async def _enter(sql: asyncpg.Connection, checkout_id: str, moves: list[tuple[str, str, str, int]]) -> None:
    """Double entry; accounts are changed in the order of their names, so that two sales never wait for each other."""
    await sql.executemany(
        "insert into transfer (checkout_id, kind, debit, credit, amount) values ($1, $2, $3, $4, $5)",
        [(checkout_id, *move) for move in moves],
    )
    changes: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for _, debit, credit, amount in moves:
        changes[debit][0] += amount
        changes[credit][1] += amount
    await sql.executemany(
        "insert into account (account, debits, credits) values ($1, $2, $3) on conflict (account) do update set "
        "debits = account.debits + excluded.debits, credits = account.credits + excluded.credits",
        [(account, *changes[account]) for account in sorted(changes)],
    )


async def _journal(sql: asyncpg.Connection, sale: Sale) -> int:
    station_id = sale.session["station_id"]
    head = await sql.fetchrow("select number, hash from journal_head where station_id = $1 for update", station_id)
    number, previous = (head["number"] + 1, head["hash"]) if head else (1, bytes(32))
    receipt = {"sale_id": sale.sale_id, "number": number, "lines": sale.session["lines"], "at": str(datetime.now(UTC))}
    document = json.dumps(receipt | sale.session["decision"], sort_keys=True).encode()
    digest = hashlib.sha256(previous + number.to_bytes(8, "big") + document).digest()
    await sql.execute(
        "insert into journal values ($1, $2, $3, $4, $5, $6)",
        *(station_id, number, sale.sale_id, document, previous, digest),
    )
    await sql.execute(
        "insert into journal_head values ($1, $2, $3) on conflict (station_id) do update set number = $2, hash = $3",
        *(station_id, number, digest),
    )
    return number
