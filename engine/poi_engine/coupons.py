"""A customer's personal coupons, given by an earlier sale and good for one later visit."""

from datetime import datetime

from msgspec import Struct, json

from poi_engine.clock import moment
from poi_engine.ports import Job, Query, Row


class Coupon(Struct, frozen=True, kw_only=True):
    """A coupon that can still be used, and the offer it opens, by its newest name in each language."""

    code: str
    offer_id: str
    name: dict[str, str]
    expires_at: datetime


class _Named(Struct):
    name: dict[str, str]


_NAMED = json.Decoder(_Named)


def read_coupons(merchant_id: str, customer_id: str, at: int) -> Job[tuple[Coupon, ...]]:
    """The coupons good at `at` (microseconds since 1970), the first to expire first."""
    rows = yield Query(
        "select c.code, c.offer_id, c.expires_at, v.document from coupon c"
        " left join offer o on o.merchant_id = c.merchant_id and o.offer_id = c.offer_id"
        " left join offer_version v on v.merchant_id = o.merchant_id and v.offer_id = o.offer_id"
        " and v.version = o.version"
        " where c.merchant_id = ? and c.customer_id = ? and c.used_at is null and c.voided_at is null"
        " and c.expires_at > ? order by c.expires_at, c.code",
        (merchant_id, customer_id, at),
    )
    return tuple(_coupon(row) for row in rows)


def _coupon(row: Row) -> Coupon:
    name = _NAMED.decode(row["document"]).name if row["document"] else {}
    return Coupon(code=row["code"], offer_id=row["offer_id"], name=name, expires_at=moment(row["expires_at"]))
