"""The invariants of cards that were taken in another way than at once: tabs, holds, and cards without the bank."""

from poi_engine.verify_finding import Rule

_TABS = """
select t.merchant_id, t.tab_id as subject, 'is ' || t.state || ' with ' || cast(t.captured as text)
  || ' captured, but the ledger took ' || cast(coalesce(c.taken, 0) as text) as message
from tab t left join (select merchant_id, checkout_id, sum(amount) as taken from transfer
  where kind = 'tab' and debit = 'tender:card' group by merchant_id, checkout_id) c
  on c.merchant_id = t.merchant_id and c.checkout_id = t.tab_id || '.capture'
where (t.state = 'closed' and coalesce(c.taken, 0) <> t.captured) or (t.state <> 'closed' and c.taken is not null)
"""

_AT_RISK = """
select f.merchant_id, f.payment_id as subject, 'was taken without the bank and is ' || f.state
  || ', but its payment of ' || cast(coalesce(p.amount, 0) as text) || ' is ' || coalesce(p.state, 'gone')
  || case p.guaranteed when 1 then ', guaranteed' else '' end as message
from forwarding f left join payment p on p.merchant_id = f.merchant_id and p.payment_id = f.payment_id
where p.payment_id is null or p.amount <> f.amount
  or (f.state in ('waiting', 'sending', 'declined', 'paid', 'lost') and p.state = 'captured' and p.guaranteed = 1)
  or (f.state in ('forwarded', 'declined', 'paid', 'lost') and p.state <> 'captured')
  or (f.state = 'forwarded' and p.guaranteed = 0) or (f.state = 'dropped' and p.state = 'captured')
"""

_TAB_SPENT = """
select t.merchant_id, t.tab_id as subject, 'is ' || t.state || ' with a ceiling of ' || cast(t.ceiling as text)
  || ' and ' || cast(t.captured as text) || ' captured, but was given ' || cast(coalesce(m.given, 0) as text)
  || ', of which sales took ' || cast(coalesce(m.spent, 0) as text) || ' and gave back '
  || cast(coalesce(m.back, 0) as text) as message
from tab t left join (
  select merchant_id, account, sum(given) as given, sum(spent) as spent, sum(back) as back from (
    select merchant_id, debit as account, 0 as given, amount as spent, 0 as back from transfer
    where debit like 'tab:%' and credit = 'tender:tab' and phase in ('single', 'post') union all
    select merchant_id, credit, case debit when 'tabs' then amount else 0 end, 0,
      case debit when 'tender:tab' then amount else 0 end from transfer
    where credit like 'tab:%' and phase in ('single', 'post')
  ) moved group by merchant_id, account
) m on m.merchant_id = t.merchant_id and m.account = 'tab:' || t.tab_id
where coalesce(m.given, 0) <> case when t.state in ('opening', 'declined') then 0 else t.ceiling end
  or (t.state in ('closing', 'closed', 'unpaid')
    and (t.captured > coalesce(m.spent, 0) or t.captured < coalesce(m.spent, 0) - coalesce(m.back, 0)))
"""

_HOLD_TAKEN = """
select h.merchant_id, h.hold_id as subject, 'holds ' || cast(h.amount as text) || ' and is ' || h.state
  || ', but its payment takes ' || cast(coalesce(p.amount, 0) as text) || ' and is ' || coalesce(p.state, 'gone')
  as message
from card_hold h left join payment p on p.merchant_id = h.merchant_id and p.payment_id = h.taken_by
where h.taken_by is not null and (p.payment_id is null
  or (p.state <> 'declined' and (p.amount > h.amount or h.state <> 'held' or p.connector <> h.connector)))
"""

_HELD_CAPTURED = """
select p.merchant_id, p.payment_id as subject, 'took ' || cast(p.amount as text)
  || ' of a hold that was not its to take' as message
from payment p left join card_hold h on h.merchant_id = p.merchant_id and h.taken_by = p.payment_id
where p.document like '%"hold":"%' and p.state = 'captured' and p.amount > 0
  and (h.hold_id is null or p.document not like '%"hold":"' || h.hold_id || '"%')
"""

_WRITTEN_OFF = """
select f.merchant_id, f.payment_id as subject, 'of ' || cast(f.amount as text) || ' is ' || f.state
  || ', but the ledger wrote off ' || cast(coalesce(sum(t.amount), 0) as text) as message
from forwarding f left join transfer t on t.merchant_id = f.merchant_id and t.checkout_id = f.payment_id
  and t.kind = 'write_off' and t.debit = 'losses:card' and t.credit = 'tender:card' and t.phase = 'single'
group by f.merchant_id, f.payment_id, f.state, f.amount
having coalesce(sum(t.amount), 0) <> case f.state when 'lost' then f.amount else 0 end
"""

_PAID_SINCE = """
select f.merchant_id, f.payment_id as subject, 'of ' || cast(f.amount as text) || ' is ' || f.state || ' by '
  || coalesce(f.paid_by, 'nothing') || ', but the ledger moved ' || cast(coalesce(sum(t.amount), 0) as text) as message
from forwarding f left join transfer t on t.merchant_id = f.merchant_id and t.checkout_id = f.payment_id
  and t.kind = 'paid_since' and t.debit = 'tender:' || f.paid_by and t.credit = 'tender:card' and t.phase = 'single'
group by f.merchant_id, f.payment_id, f.state, f.amount, f.paid_by
having (f.state = 'paid') <> (f.paid_by is not null)
  or coalesce(sum(t.amount), 0) <> case when f.paid_by <> 'card' then f.amount else 0 end
"""

_STRAY_PAID_SINCE = """
select t.merchant_id, t.transfer_id as subject, 'moves ' || cast(t.amount as text)
  || ' of no card that was paid by other means since' as message
from transfer t left join forwarding f on f.merchant_id = t.merchant_id and f.payment_id = t.checkout_id
where t.kind = 'paid_since' and (f.payment_id is null or f.paid_by is null or t.debit <> 'tender:' || f.paid_by
  or t.credit <> 'tender:card')
"""

_STRAY_WRITE_OFF = """
select t.merchant_id, t.transfer_id as subject, 'writes off ' || cast(t.amount as text)
  || ' of no card that was taken without the bank' as message
from transfer t left join forwarding f on f.merchant_id = t.merchant_id and f.payment_id = t.checkout_id
where (t.debit like 'losses:%' or t.credit like 'losses:%')
  and (f.payment_id is null or t.kind <> 'write_off' or t.credit <> 'tender:card')
"""

RULES_OF_CARDS = (
    Rule("tab-capture", _TABS),
    Rule("tab-spent", _TAB_SPENT),
    Rule("hold-taken", _HOLD_TAKEN),
    Rule("hold-captured", _HELD_CAPTURED),
    Rule("payment-at-risk", _AT_RISK),
    Rule("payment-lost", _WRITTEN_OFF),
    Rule("loss-payment", _STRAY_WRITE_OFF),
    Rule("payment-since", _PAID_SINCE),
    Rule("since-payment", _STRAY_PAID_SINCE),
)
"""These invariants, in the order they are checked."""
