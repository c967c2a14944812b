"""A customer's personal coupons, given by an earlier sale and good for one later visit."""

from datetime import datetime

from msgspec import Struct

from poi_engine.catalogue.offer_rows import offer_names
from poi_engine.clock import moment
from poi_engine.ports import Job, Query


class Coupon(Struct, frozen=True, kw_only=True):
    """A coupon that can still be used, and the offer it opens, by its newest name in each language."""

    code: str
    offer_id: str
    name: dict[str, str]
    expires_at: datetime


def read_coupons(merchant_id: str, customer_id: str, at: int) -> Job[tuple[Coupon, ...]]:
    """The coupons good at `at` (microseconds since 1970), the first to expire first."""
    rows = yield Query(
        "select code, offer_id, expires_at from coupon where merchant_id = ? and customer_id = ?"
        " and used_at is null and voided_at is null and expires_at > ? order by expires_at, code",
        (merchant_id, customer_id, at),
    )
    names = yield from offer_names(merchant_id, sorted({str(row["offer_id"]) for row in rows}))
    return tuple(
        Coupon(
            code=row["code"],
            offer_id=row["offer_id"],
            name=names.get(row["offer_id"], {}),
            expires_at=moment(row["expires_at"]),
        )
        for row in rows
    )
