"""Everything that is kept of one person, in one document that a person can read and a machine too."""

from datetime import UTC
from typing import Any

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.consents import ConsentState, read_consents
from poi_engine.clientele.customers import CustomerView, read_customer
from poi_engine.clientele.personal import export_rows
from poi_engine.clientele.rows import Living, marks, must_live
from poi_engine.clock import Clock, micros, moment
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.settings import Merchant, read_merchant

FORMAT = 1
_ABOUT = {
    "en": "Everything this shop keeps of you. Amounts are in the currency's units, times in UTC, quantities as sold.",
    "fr": "Tout ce que ce commerce conserve à votre sujet. Les montants sont dans l'unité de la devise, les heures en "
    "temps universel (UTC), les quantités telles que vendues.",
}
_LINES = 200  # sales whose lines are read at once

Export = dict[str, Any]


class Exports:
    """The service that answers a person's request for their data."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def of(self, merchant_id: str, customer_id: str, *, by: Principal) -> Export:
        """The whole document; that it was asked for is audited."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())
        made = await self._sql.read(lambda: read_export(merchant_id, customer_id, at))

        def job() -> Job[None]:
            yield insert_audit(
                merchant_id, audit_id, by.who, "export-customer", made["identity"]["customer_id"], "", at
            )

        await self._sql.write(job)
        return made


def read_export(merchant_id: str, customer_id: str, at: int) -> Job[Export]:
    """The document at `at` (microseconds since 1970)."""
    person = yield from must_live(merchant_id, customer_id)
    customer = yield from read_customer(merchant_id, person.customer_id)
    merchant = yield from read_merchant(merchant_id)
    consents = yield from read_consents(merchant_id, person.customer_id)
    return {
        "about": _about(merchant, customer, at),
        "identity": (yield from _identity(merchant_id, person, customer)),
        "balances": _balances(customer, merchant.currency),
        "consents": [_consent(state) for state in consents],
        **(yield from export_rows(merchant_id, person.family)),
        "purchases": (yield from _purchases(merchant_id, person)),
        "acts_of_the_staff_about_you": (yield from _acts(merchant_id, person)),
    }


def _about(merchant: Merchant, customer: CustomerView, at: int) -> Export:
    return {
        "shop": merchant.name,
        "what": _ABOUT.get(customer.language, _ABOUT["en"]),
        "made_at": moment(at).astimezone(UTC).isoformat(timespec="seconds"),
        "format": FORMAT,
    }


def _identity(merchant_id: str, person: Living, customer: CustomerView) -> Job[Export]:
    rows = yield Query(
        "select created_at from customer where merchant_id = ? and customer_id = ?", (merchant_id, person.customer_id)
    )
    return {
        "customer_id": customer.customer_id,
        "earlier_ids": list(person.absorbed),
        "name": customer.display_name,
        "birthday": customer.birthday.isoformat() if customer.birthday else None,
        "language": customer.language,
        "tier": customer.tier,
        "segments": list(customer.segments),
        "visits": customer.visits,
        "since": _time(rows[0]["created_at"]),
        "last_visit": _time(customer.last_visit_at),
    }


def _balances(customer: CustomerView, currency: str) -> Export:
    return {
        "points": customer.points,
        "points_owed": customer.points_owed,
        "stored_value": amount_text(customer.wallet, currency),
        "stored_value_owed": amount_text(customer.value_owed, currency),
        "spent_in_all": amount_text(customer.spend, currency),
    }


def _consent(state: ConsentState) -> Export:
    return {
        "purpose": state.purpose,
        "given": state.given,
        "text_now": state.text,
        "text_version_now": state.version,
        "history": [
            {
                "given": word.given,
                "text_version": word.version,
                "at": word.at.isoformat(),
                "taken_by": word.who,
                "where": word.place,
                "how": word.how,
            }
            for word in state.history
        ],
    }


def _purchases(merchant_id: str, person: Living) -> Job[list[Export]]:
    sales: list[Row] = []
    for known_as in person.family:
        sales += yield Query(
            "select sale_id, refund_of, store_id, receipt_number, station_id, currency, saved, total, points, means, "
            "created_at from sale where merchant_id = ? and customer_id = ?",
            (merchant_id, known_as),
        )
    sales.sort(key=lambda row: (row["created_at"], row["sale_id"]))
    stores = yield Query("select store_id, name from store where merchant_id = ?", (merchant_id,))
    names = {row["store_id"]: row["name"] for row in stores}
    found: list[Export] = []
    for start in range(0, len(sales), _LINES):
        page = sales[start : start + _LINES]
        lines = yield from _lines(merchant_id, tuple(row["sale_id"] for row in page))
        found += [_purchase(row, names, [line for line in lines if line["sale_id"] == row["sale_id"]]) for row in page]
    return found


def _lines(merchant_id: str, sale_ids: tuple[str, ...]) -> Job[list[Row]]:
    return (
        yield Query(
            "select sale_id, line_id, label, quantity, unit, total from sale_line where merchant_id = ? "
            f"and sale_id in ({marks(sale_ids)})",
            (merchant_id, *sale_ids),
        )
    )


def _purchase(row: Row, stores: dict[str, str], lines: list[Row]) -> Export:
    currency = row["currency"]
    return {
        "sale_id": row["sale_id"],
        "refund_of": row["refund_of"],
        "at": _time(row["created_at"]),
        "store": stores.get(row["store_id"], row["store_id"]),
        "receipt": f"{row['station_id']} {row['receipt_number']}",
        "paid_by": row["means"],
        "total": amount_text(row["total"], currency),
        "saved": amount_text(row["saved"], currency),
        "points": row["points"],
        "lines": [
            {
                "label": line["label"],
                "quantity": f"{line['quantity'] / 1000:g} {line['unit']}",
                "total": amount_text(line["total"], currency),
            }
            for line in sorted(lines, key=lambda line: line["line_id"])
        ],
    }


def _acts(merchant_id: str, person: Living) -> Job[list[Export]]:
    rows: list[Row] = []
    for known_as in person.family:
        rows += yield Query(
            "select audit_id, who, act, created_at from audit where merchant_id = ? and subject_id = ?",
            (merchant_id, known_as),
        )
    ordered = sorted(rows, key=lambda row: (row["created_at"], row["audit_id"]))
    return [{"at": _time(row["created_at"]), "act": row["act"], "by": row["who"]} for row in ordered]


def _time(us: int | None) -> str | None:
    return None if us is None else moment(us).isoformat(timespec="seconds")


def amount_text(minor: int, currency: str) -> str:
    """`-12.40 EUR`: an amount as people and machines read it."""
    digits = 0 if currency in _WHOLE else 3 if currency in _THOUSANDTHS else 2
    sign, value = "-" if minor < 0 else "", abs(minor)
    whole, part = divmod(value, 10**digits)
    return f"{sign}{whole}{f'.{part:0{digits}}' if digits else ''} {currency}"


_WHOLE = frozenset({"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF"})
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
