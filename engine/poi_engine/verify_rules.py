"""The invariants that one SQL statement can show: each selects the rows that break it, on SQLite and PostgreSQL.

Every statement yields `merchant_id`, `subject` (the id of what is wrong) and `message`; one that shows several
invariants says in `rule` which.
"""

from poi_engine.insights.expected import FACETS, differences, newcomer_differences
from poi_engine.verify_cards_taken import RULES_OF_CARDS
from poi_engine.verify_finding import MOST, Rule

_OPEN = "('reserved', 'paying', 'unknown', 'part_paid')"
_UNRESOLVED = (
    "p.phase = 'pending' and not exists"
    " (select 1 from transfer r where r.merchant_id = p.merchant_id and r.resolves = p.transfer_id)"
)


def _side(account: str, debit: str, credit: str) -> str:
    """One side of every transfer: what it adds to its account's four counters."""
    final = "case when phase in ('single', 'post') then amount else 0 end"
    held = "case phase when 'pending' then amount when 'single' then 0 else -amount end"
    return (
        f"select merchant_id, {account} as account, unit, {debit} * {final} as d, {credit} * {final} as c,"
        f" {debit} * {held} as dp, {credit} * {held} as cp from transfer"
    )


def _place(account: str) -> str:
    """Joins the place of a stock account: a store or central."""
    return (
        "join (select merchant_id, store_id as place from store"
        " union all select merchant_id, 'central' from merchant) g"
        f" on g.merchant_id = t.merchant_id and substr({account}, 1, length(g.place) + 7) = 'stock:' || g.place || ':'"
    )


def _code(account: str) -> str:
    """The product of a stock account, its place joined."""
    return f"substr({account}, length(g.place) + 8)"


_BALANCES = f"""
select merchant_id, account as subject, 'differs from its transfers by debits ' || cast(sum(d) as text)
  || ', credits ' || cast(sum(c) as text) || ', pending debits ' || cast(sum(dp) as text)
  || ', pending credits ' || cast(sum(cp) as text) || ' ' || unit as message
from ({_side("debit", "1", "0")} union all {_side("credit", "0", "1")} union all
  select merchant_id, account, unit, -debits, -credits, -debits_pending, -credits_pending from account) moved
group by merchant_id, account, unit having sum(d) <> 0 or sum(c) <> 0 or sum(dp) <> 0 or sum(cp) <> 0
"""

_ZERO = """
select merchant_id, unit as subject, 'debits and credits differ by ' || cast(sum(debits - credits) as text)
  || ', pending by ' || cast(sum(debits_pending - credits_pending) as text) as message
from account group by merchant_id, unit
having sum(debits) <> sum(credits) or sum(debits_pending) <> sum(credits_pending)
"""

_UNIT = """
select merchant_id, account as subject, 'holds both ' || min(unit) || ' and ' || max(unit) as message
from account group by merchant_id, account having min(unit) <> max(unit)
"""

_FLOOR = """
select merchant_id, account as subject, 'is at ' || cast(credits - debits - debits_pending as text) as message
from account where credits - debits - debits_pending < 0 and (floor = 1 or account like 'limit:%'
  or account like 'points:%' or account like 'points!_owed:%' escape '!' or account like 'wallet:%'
  or account like 'value!_owed:%' escape '!' or account like 'stock:%'
  or account like 'gift!_card:%' escape '!' or account like 'tab:%')
"""

_RESOLUTION = """
select r.merchant_id, r.transfer_id as subject, 'is no clean end of a pending transfer' as message
from transfer r left join transfer p on p.merchant_id = r.merchant_id and p.transfer_id = r.resolves
where (r.phase in ('single', 'pending') and r.resolves is not null)
  or (r.phase in ('post', 'void') and (p.transfer_id is null or p.phase <> 'pending'
    or p.checkout_id <> r.checkout_id or p.debit <> r.debit or p.credit <> r.credit or p.amount <> r.amount
    or p.unit <> r.unit))
  or r.phase not in ('single', 'pending', 'post', 'void')
"""

_RESOLVED_TWICE = """
select merchant_id, resolves as subject, 'was resolved ' || cast(count(*) as text) || ' times' as message
from transfer where resolves is not null group by merchant_id, resolves having count(*) > 1
"""

_LEFT_OPEN = f"""
select p.merchant_id, p.transfer_id as subject, 'holds ' || cast(p.amount as text) || ' ' || p.unit || ' of '
  || p.debit || ' but nothing is under way for ' || p.checkout_id as message
from transfer p where {_UNRESOLVED} and not exists (select 1 from checkout c where c.merchant_id = p.merchant_id
  and c.checkout_id = p.checkout_id and c.state in {_OPEN}) and not exists (select 1 from orders o
  where o.merchant_id = p.merchant_id and o.order_id = p.checkout_id and o.held = 1)
"""

_LIMITS = """
select merchant_id, account as subject, 'holds and uses ' || cast(sum(used) as text) || ' of '
  || cast(sum(given) as text) as message
from (
  select merchant_id, debit as account, case when kind = 'fund' or phase = 'post' then 0
    when phase = 'void' then -amount else amount end as used, case when kind = 'fund' then -amount else 0 end as given
  from transfer where debit like 'limit:%' union all
  select merchant_id, credit, case when kind <> 'fund' and phase in ('single', 'post') then -amount else 0 end,
    case when kind = 'fund' then amount else 0 end
  from transfer where credit like 'limit:%'
) taken group by merchant_id, account having sum(used) > sum(given)
"""

_STOCK_SOLD = """
select s.merchant_id, s.sale_id as subject, 'takes from stock ' || cast(sum(t.amount) as text)
  || ' thousandths but sells ' || cast((select coalesce(sum(l.quantity), 0) from sale_line l
  where l.merchant_id = s.merchant_id and l.sale_id = s.sale_id and l.code <> '') as text) as message
from transfer t join sale s on s.merchant_id = t.merchant_id and s.checkout_id = t.checkout_id
where t.kind = 'stock' and t.phase = 'post' group by s.merchant_id, s.sale_id
having sum(t.amount) > (select coalesce(sum(l.quantity), 0) from sale_line l
  where l.merchant_id = s.merchant_id and l.sale_id = s.sale_id and l.code <> '')
"""

_STOCK_RETURNED = f"""
select merchant_id, sale_id || ' ' || code as subject, 'was given back ' || cast(sum(back) as text)
  || ' thousandths of goods, of ' || cast(sum(out) as text) || ' taken' as message
from (
  select s.merchant_id, s.sale_id, {_code("t.debit")} as code, t.amount as out, 0 as back from transfer t
  join sale s on s.merchant_id = t.merchant_id and s.checkout_id = t.checkout_id {_place("t.debit")}
  where t.kind = 'stock' and t.phase = 'post' union all
  select s.merchant_id, coalesce(s.refund_of, s.sale_id), {_code("t.credit")}, 0, t.amount from transfer t
  join sale s on s.merchant_id = t.merchant_id and s.checkout_id = t.checkout_id {_place("t.credit")}
  where t.kind = 'stock_return'
) moved group by merchant_id, sale_id, code having sum(back) > sum(out)
"""

_CHECKOUTS = """
select c.merchant_id, c.checkout_id as subject, case
  when c.state <> 'paid' then 'is ' || c.state || ' but has the sale ' || s.sale_id
  when s.sale_id is null then 'is paid but has no sale'
  else 'differs from its sale: ' || cast(c.total as text) || ' ' || c.currency || ' and '
    || cast(s.total as text) || ' ' || s.currency end as message
from checkout c left join sale s on s.merchant_id = c.merchant_id and s.checkout_id = c.checkout_id
where (c.state <> 'paid' and s.sale_id is not null) or (c.state = 'paid' and (s.sale_id is null
  or c.sale_id is null or c.sale_id <> s.sale_id or c.total <> s.total or c.currency <> s.currency))
"""

_ORPHAN_SALES = """
select s.merchant_id, s.sale_id as subject, 'has no checkout' as message from sale s
left join checkout c on c.merchant_id = s.merchant_id and c.checkout_id = s.checkout_id
where s.refund_of is null and c.checkout_id is null
"""

_PAYMENTS = """
select s.merchant_id, s.sale_id as subject, 'is ' || cast(s.total as text) || ' but the payments captured add up to '
  || cast(coalesce(sum(p.amount), 0) as text) as message
from sale s left join payment p on p.merchant_id = s.merchant_id and p.checkout_id = s.checkout_id
  and p.state in ('captured', 'refunded')
group by s.merchant_id, s.sale_id, s.total having coalesce(sum(p.amount), 0) <> s.total
"""

_STRAY_PAYMENTS = """
select p.merchant_id, p.payment_id as subject, 'is captured but ' || p.checkout_id || ' made no sale' as message
from payment p where p.state = 'captured' and p.amount <> 0 and not exists (select 1 from sale s
  where s.merchant_id = p.merchant_id and s.checkout_id = p.checkout_id) and not exists (select 1 from checkout c
  where c.merchant_id = p.merchant_id and c.checkout_id = p.checkout_id
  and c.state in ('paying', 'unknown', 'part_paid'))
"""

_PART_PAID = """
select c.merchant_id, c.checkout_id as subject, 'is paid in part, but with '
  || cast(coalesce(sum(p.amount), 0) as text) || ' of ' || cast(c.total as text) as message
from checkout c left join payment p on p.merchant_id = c.merchant_id and p.checkout_id = c.checkout_id
  and p.state = 'captured'
where c.state = 'part_paid' group by c.merchant_id, c.checkout_id, c.total
having coalesce(sum(p.amount), 0) <= 0 or coalesce(sum(p.amount), 0) >= c.total
"""

_VALUE = "('tender:wallet', 'tender:gift_card', 'tender:tab')"
_REVENUE = """coalesce(sum(case when t.unit <> s.currency then 0 when t.credit like 'sales:%' then t.amount
  when t.debit like 'sales:%' then -t.amount else 0 end), 0)"""
_POINTS = """coalesce(sum(case when t.unit <> 'points' then 0 when t.kind in ('points', 'settle') then t.amount
  when t.kind in ('refund', 'owed') then -t.amount else 0 end), 0)"""
_STORED_VALUE = f"""coalesce(sum(case when t.credit in {_VALUE} then t.amount when t.debit in {_VALUE} then -t.amount
  else 0 end), 0)"""

_SALE_MOVES = f"""
with wrong as (
  select s.merchant_id, s.sale_id, s.total, s.points, {_REVENUE} as revenue, {_POINTS} as given,
    {_STORED_VALUE} as stored
  from sale s left join transfer t on t.merchant_id = s.merchant_id and t.checkout_id = s.checkout_id
    and t.phase in ('single', 'post')
  group by s.merchant_id, s.sale_id, s.total, s.points
  having {_REVENUE} <> s.total or {_POINTS} <> s.points or {_STORED_VALUE} <> 0
)
select * from (select merchant_id, 'sale-ledger' as rule, sale_id as subject, 'is ' || cast(total as text)
  || ' but the ledger has ' || cast(revenue as text) as message from wrong where revenue <> total limit {MOST}) a
union all
select * from (select merchant_id, 'sale-points', sale_id, 'gives ' || cast(points as text)
  || ' points but the ledger has ' || cast(given as text) from wrong where given <> points limit {MOST}) b
union all
select * from (select merchant_id, 'sale-wallet', sale_id, 'is paid in stored value, but what was taken and the sale'
  || ' differ by ' || cast(stored as text) from wrong where stored <> 0 limit {MOST}) c
"""

_TENDERS = """
select b.merchant_id, s.sale_id as subject, 'was paid ' || cast(b.paid as text) || ' by ' || b.means
  || ', but the ledger has ' || cast(b.booked as text) as message
from (
  select merchant_id, checkout_id, means, sum(paid) as paid, sum(booked) as booked from (
    select merchant_id, checkout_id, means, amount as paid, 0 as booked from payment where state = 'captured'
    union all
    select merchant_id, checkout_id, substr(case when kind = 'sale' then debit else credit end, 8), 0,
      case when kind = 'sale' then amount else -amount end from transfer
    where phase in ('single', 'post') and ((kind = 'sale' and debit like 'tender:%')
      or (kind = 'refund' and debit like 'sales:%' and credit like 'tender:%'))
  ) tendered group by merchant_id, checkout_id, means having sum(paid) <> sum(booked)
) b join sale s on s.merchant_id = b.merchant_id and s.checkout_id = b.checkout_id
order by b.merchant_id, s.sale_id, b.means
"""

_STORED_SOLD = """
select merchant_id, sale_id as subject, 'sells stored value of ' || cast(sum(stored) as text) || ', but its lines '
  || cast(sum(sold) as text) || ' and the ledger ' || cast(sum(loaded) as text) as message
from (
  select merchant_id, sale_id, stored, 0 as sold, 0 as loaded from sale where stored <> 0
  union all select merchant_id, sale_id, 0, total, 0 from sale_line where code like 'value:%'
  union all
  select s.merchant_id, s.sale_id, 0, 0, case t.kind when 'load' then t.amount else -t.amount end from transfer t
  join sale s on s.merchant_id = t.merchant_id and s.checkout_id = t.checkout_id
  where t.phase in ('single', 'post') and t.kind in ('load', 'unload')
) told group by merchant_id, sale_id having sum(stored) <> sum(sold) or sum(stored) <> sum(loaded)
"""

_LINES = """
select s.merchant_id, s.sale_id as subject, 'has lines that add up to ' || cast(coalesce(sum(l.amount), 0) as text)
  || ' - ' || cast(coalesce(sum(l.saved), 0) as text) || ' = ' || cast(coalesce(sum(l.total), 0) as text) || ', not '
  || cast(s.subtotal as text) || ' - ' || cast(s.saved as text) || ' = ' || cast(s.total as text) as message
from sale s left join sale_line l on l.merchant_id = s.merchant_id and l.sale_id = s.sale_id
group by s.merchant_id, s.sale_id, s.subtotal, s.saved, s.total
having coalesce(sum(l.amount), 0) <> s.subtotal or coalesce(sum(l.saved), 0) <> s.saved
  or coalesce(sum(l.total), 0) <> s.total or s.subtotal - s.saved <> s.total
"""

_LINE = """
select merchant_id, sale_id || '/' || line_id as subject, cast(amount as text) || ' - ' || cast(saved as text)
  || ' is not ' || cast(total as text) as message
from sale_line where amount - saved <> total
"""

_REFUNDS = """
select r.merchant_id, r.refund_of as subject, case when min(o.sale_id) is null then 'was refunded but is no sale'
  else 'of ' || cast(min(o.total) as text) || ' was refunded ' || cast(-sum(r.total) as text) end as message
from sale r left join sale o on o.merchant_id = r.merchant_id and o.sale_id = r.refund_of and o.refund_of is null
where r.refund_of is not null group by r.merchant_id, r.refund_of
having min(o.sale_id) is null or min(o.total) + sum(r.total) < 0 or max(r.total) > 0
"""

_REFUND_TENDERS = """
with paid_back as (
  select distinct s.merchant_id, coalesce(s.refund_of, s.sale_id) as sale_id from payment p
  join sale s on s.merchant_id = p.merchant_id and s.checkout_id = p.checkout_id
  where p.amount < 0 and p.state = 'captured'
), told as (
  select b.merchant_id, b.sale_id, s.checkout_id from paid_back b
  join sale s on s.merchant_id = b.merchant_id and s.sale_id = b.sale_id and s.refund_of is null
  union all select b.merchant_id, b.sale_id, s.checkout_id from paid_back b
  join sale s on s.merchant_id = b.merchant_id and s.refund_of = b.sale_id
)
select merchant_id, sale_id as subject, 'was paid back ' || cast(-sum(amount) as text) || ' more by ' || means
  || ' than was paid by it' as message
from (select t.merchant_id, t.sale_id, coalesce(f.paid_by, o.paid_by, p.means) as means,
  case p.state when 'captured' then p.amount else 0 end as amount from told t
  join payment p on p.merchant_id = t.merchant_id and p.checkout_id = t.checkout_id
  left join forwarding f on f.merchant_id = p.merchant_id and f.payment_id = p.payment_id
  left join forwarding o on o.merchant_id = p.merchant_id and o.paid_by = 'card' and p.amount < 0
    and p.document like '%"refunds":"' || o.payment_id || '"%') moved
group by merchant_id, sale_id, means having sum(amount) < 0
"""

_REFUND_LINES = """
select r.merchant_id, r.refund_of || '/' || l.line_id as subject, 'was given back '
  || cast(-sum(l.quantity) as text) || ' of ' || cast(coalesce(min(o.quantity), 0) as text) || ' thousandths, '
  || cast(-sum(l.total) as text) || ' of ' || cast(coalesce(min(o.total), 0) as text) as message
from sale r join sale_line l on l.merchant_id = r.merchant_id and l.sale_id = r.sale_id
left join sale_line o on o.merchant_id = r.merchant_id and o.sale_id = r.refund_of and o.line_id = l.line_id
where r.refund_of is not null group by r.merchant_id, r.refund_of, l.line_id
having coalesce(min(o.quantity), 0) + sum(l.quantity) < 0 or coalesce(min(o.total), 0) + sum(l.total) < 0
"""

_REDEMPTIONS = """
select s.merchant_id, s.sale_id as subject, 'saves ' || cast(s.saved as text) || ' but its offers take off '
  || cast(coalesce(sum(r.saved), 0) as text) as message
from sale s left join redemption r on r.merchant_id = s.merchant_id and r.sale_id = s.sale_id
where s.refund_of is null group by s.merchant_id, s.sale_id, s.saved having coalesce(sum(r.saved), 0) <> s.saved
"""

_ANSWERS = """
select merchant_id, key as subject, 'has a status without an answer, or an answer without a status' as message
from idempotency where (status is null) <> (answer is null)
"""

_MERGED = """
select c.merchant_id, c.customer_id as subject, case
  when l.customer_id is null then 'was merged into ' || c.merged_into || ', which is nobody'
  when l.merged_into is not null then 'was merged into ' || c.merged_into || ', which was merged itself'
  else 'was merged, but still has visits of its own' end as message
from customer c left join customer l on l.merchant_id = c.merchant_id and l.customer_id = c.merged_into
where c.merged_into is not null
  and (l.customer_id is null or l.merged_into is not null or c.visits <> 0 or c.spend <> 0)
"""

_LEFT = """
select a.merchant_id, a.account as subject, 'holds ' || cast(a.credits - a.debits - a.debits_pending as text)
  || ' of a customer who was ' || case when c.merged_into is not null then 'merged' else 'erased' end as message
from customer c join account a on a.merchant_id = c.merchant_id and a.account in ('points:' || c.customer_id,
  'points_owed:' || c.customer_id, 'wallet:' || c.customer_id, 'value_owed:' || c.customer_id)
where (c.merged_into is not null or c.erased_at is not null) and a.credits - a.debits - a.debits_pending <> 0
"""

_ABSORBED = """
select l.merchant_id, l.customer_id as subject, 'says it lives on for ' || cast(l.absorbed as text)
  || ' others, but ' || cast(count(c.customer_id) as text) || ' lead to it' as message
from customer l left join customer c on c.merchant_id = l.merchant_id and c.merged_into = l.customer_id
where l.merged_into is null group by l.merchant_id, l.customer_id, l.absorbed having count(c.customer_id) <> l.absorbed
"""

STRAY_JOURNAL = Rule(
    "journal-sale",
    """
select j.merchant_id, j.station_id || '/' || cast(j.number as text) as subject,
  'records ' || j.sale_id || ', which is no sale of that station and number' as message
from journal j left join sale s on s.merchant_id = j.merchant_id and s.sale_id = j.sale_id
  and s.station_id = j.station_id and s.receipt_number = j.number
where s.sale_id is null
""",
)
"""Receipts of no sale."""

RULES = (
    Rule("account-balance", _BALANCES),
    Rule("ledger-zero", _ZERO),
    Rule("account-unit", _UNIT),
    Rule("account-floor", _FLOOR),
    Rule("transfer-resolution", _RESOLUTION),
    Rule("transfer-resolved-twice", _RESOLVED_TWICE),
    Rule("transfer-left-open", _LEFT_OPEN),
    Rule("limit-exceeded", _LIMITS),
    Rule("stock-sold", _STOCK_SOLD),
    Rule("stock-returned", _STOCK_RETURNED),
    Rule("checkout-sale", _CHECKOUTS),
    Rule("sale-checkout", _ORPHAN_SALES),
    Rule("sale-payment", _PAYMENTS),
    Rule("payment-sale", _STRAY_PAYMENTS),
    Rule("checkout-part-paid", _PART_PAID),
    Rule("sale-ledger", _SALE_MOVES, 3 * MOST),
    Rule("sale-tender", _TENDERS),
    Rule("sale-stored", _STORED_SOLD),
    *RULES_OF_CARDS,
    Rule("sale-lines", _LINES),
    Rule("sale-line", _LINE),
    Rule("sale-redemptions", _REDEMPTIONS),
    Rule("refund-above-sale", _REFUNDS),
    Rule("refund-above-tender", _REFUND_TENDERS),
    Rule("refund-above-line", _REFUND_LINES),
    Rule("idempotency-answer", _ANSWERS),
    Rule("customer-merged", _MERGED),
    Rule("customer-left", _LEFT),
    Rule("customer-absorbed", _ABSORBED),
    *(Rule(f"rollup-{facet}", differences(facet)) for facet in FACETS),
    Rule("rollup-newcomer", newcomer_differences()),
)
"""Every invariant that a statement shows, in the order they are checked."""
