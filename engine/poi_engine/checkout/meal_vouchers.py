"""Meal vouchers pay for what may be eaten, and only so much of it a day."""

from datetime import datetime, time

from msgspec import Struct

from poi_engine.checkout.frozen import Frozen
from poi_engine.clientele.rows import living, lock_living, marks
from poi_engine.clock import micros_of, moment
from poi_engine.errors import Conflict
from poi_engine.ports import Job, Query
from poi_engine.receipts import sale_lines
from poi_engine.settings import MealVoucher, read_merchant
from poi_offers.storetime import zone


class Payable(Struct, frozen=True, kw_only=True):
    """What meal vouchers may pay of a basket now, minor units: `amount`, the least of what is eligible, what the
    customer's day has left (`left_today`; None: there is no cap), and what is due."""

    amount: int
    eligible: int
    left_today: int | None


def payable(merchant_id: str, frozen: Frozen, paid: int, due: int, at: int) -> Job[Payable]:
    """What may be paid, looked up beforehand: the payment itself asks again, in its turn.

    `paid`: by meal vouchers in this sale before; `due`: what is left to pay. Minor units.
    """
    rule = (yield from read_merchant(merchant_id)).programme.meal_voucher
    eligible = max(0, eligible_of(frozen, rule) - paid)
    if rule.daily_cap is None:
        return Payable(amount=min(eligible, due), eligible=eligible, left_today=None)
    family = (yield from living(merchant_id, frozen.customer_id)).family if frozen.customer_id else ()
    spent = yield from _paid_today(merchant_id, family, frozen.place.zone, paid, at)
    left = max(0, rule.daily_cap - spent)
    return Payable(amount=min(eligible, left, due), eligible=eligible, left_today=left)


def must_be_eligible(merchant_id: str, frozen: Frozen, paid: int, amount: int, at: int) -> Job[None]:
    """Refuse more than the eligible lines cost after discounts, and more than the customer's day has left.

    `paid`: by meal vouchers in this sale before. A customer nobody knows has this sale alone. Minor units.
    """
    rule = (yield from read_merchant(merchant_id)).programme.meal_voucher
    eligible = eligible_of(frozen, rule) - paid
    if amount > eligible:
        message = f"Meal vouchers may pay {max(0, eligible)} more of this basket, not {amount}."
        raise Conflict("voucher-not-eligible", message, path="$.amount")
    if rule.daily_cap is None:
        return
    family = (yield from lock_living(merchant_id, frozen.customer_id)).family if frozen.customer_id else ()
    left = rule.daily_cap - (yield from _paid_today(merchant_id, family, frozen.place.zone, paid, at))
    if amount > left:
        message = f"Meal vouchers may pay {max(0, left)} more for this customer today, not {amount}."
        raise Conflict("voucher-cap", message, path="$.amount")


def eligible_of(frozen: Frozen, rule: MealVoucher) -> int:
    """What the lines that meal vouchers may pay cost after discounts, minor units."""
    return sum(line.total for line in sale_lines(frozen) if _is_eligible(line.category, rule))


def _is_eligible(category: str, rule: MealVoucher) -> bool:
    return any(category == path or category.startswith(f"{path}/") for path in rule.categories)


def _paid_today(merchant_id: str, family: tuple[str, ...], zone_name: str, paid: int, at: int) -> Job[int]:
    """In sales of the store's day less what came back of them, and in sales that are being paid; two tills take turns
    where the customer's row is locked before. Of nobody known: what this sale was `paid`."""
    if not family:
        return paid
    since = _midnight(at, zone_name)
    sold = yield Query(
        "select cast(coalesce(sum(p.amount), 0) as bigint) as paid from sale s join payment p "
        "on p.merchant_id = s.merchant_id and p.checkout_id = s.checkout_id and p.means = 'meal_voucher' "
        "and p.state = 'captured' left join sale o on o.merchant_id = s.merchant_id and o.sale_id = s.refund_of "
        f"where s.merchant_id = ? and s.customer_id in ({marks(family)}) and s.created_at >= ? "
        "and coalesce(o.created_at, s.created_at) >= ?",
        (merchant_id, *family, since, since),
    )
    held = yield Query(
        "select cast(coalesce(sum(p.amount), 0) as bigint) as paid from checkout c join payment p "
        "on p.merchant_id = c.merchant_id and p.checkout_id = c.checkout_id and p.means = 'meal_voucher' "
        "and p.state = 'captured' where c.merchant_id = ? and c.state in ('paying', 'unknown', 'part_paid') "
        f"and c.customer_id in ({marks(family)}) and p.amount > 0",
        (merchant_id, *family),
    )
    return int(sold[0]["paid"]) + int(held[0]["paid"])


def _midnight(at: int, zone_name: str) -> int:
    """When the store's day began, microseconds."""
    here = zone(zone_name)
    day = moment(at).astimezone(here).date()
    return micros_of(datetime.combine(day, time(), here))
