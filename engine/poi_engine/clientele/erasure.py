"""Forgetting a person. The books keep the bare pseudonym: every receipt and its chain stay as they are."""

from msgspec import Struct, json

from poi_engine.checkout.commit import OPEN_STATES
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.consents import Proof, put_consent, read_consents
from poi_engine.clientele.left import lapse
from poi_engine.clientele.personal import erase_rows
from poi_engine.clientele.rows import Living, lock_alive, marks
from poi_engine.ids import Ids
from poi_engine.ledger import Step
from poi_engine.orders.holds import cancelling, ended, is_under_way, open_orders_of
from poi_engine.orders.rows import keep_apart
from poi_engine.ports import Job, Query
from poi_engine.segments.due import mark_due

_OF_THE_CARD = ("credential", "referral", "referred", "segment_member", "segment_past", "segment_due", "bought")


class _Ordering(Struct, frozen=True):
    contact_id: str | None = None


class _Paying(Struct, frozen=True):
    """The part of a checkout's document that says where to bring what it pays."""

    session: _Ordering = _Ordering()


def erase_customer(merchant_id: str, customer_id: str, who: str, *, ids: Ids, at: int) -> Job[Living]:
    """Everything that tells of the person goes, on every record they had; points, stored value and coupons lapse.

    The address of an order under way goes when the order has come to its end. What lapsed is audited. A second call
    finds nobody.
    """
    person = yield from lock_alive(merchant_id, customer_id)
    for record in person.family:
        yield from _wipe(merchant_id, record, at)
    steps = yield from _end_orders(merchant_id, person, who, ids, at)
    lapsed = yield from lapse(merchant_id, person.family, steps, ids=ids, at=at)
    for record in person.family:
        yield from erase_rows(merchant_id, record)
        yield from end_phones(merchant_id, record, at)
    why = ", ".join(f"{name} {amount}" for name, amount in sorted(lapsed.items()))
    yield insert_audit(
        merchant_id, ids.new("aud"), who, "erase-customer", person.customer_id, f"lapsed: {why or 'nothing'}", at
    )
    return person


def pseudonymise_customer(merchant_id: str, customer_id: str, who: str, *, ids: Ids, at: int) -> Job[Living]:
    """Name, birthday, notes and phones go; the card, its points and coupons stay with the pseudonym."""
    person = yield from lock_alive(merchant_id, customer_id)
    yield Query(
        "update customer set display_name = '', birthday = null, pseudonym = 1 where merchant_id = ? "
        "and customer_id = ?",
        (merchant_id, person.customer_id),
    )
    for order in (yield from open_orders_of(merchant_id, person.family)):
        yield from keep_apart(merchant_id, order.contact_id)
    for record in person.family:
        yield from erase_rows(merchant_id, record, keep=_OF_THE_CARD)
        yield from end_phones(merchant_id, record, at)
    yield mark_due(merchant_id, person.customer_id, at)
    for state in (yield from read_consents(merchant_id, person.customer_id)):
        if state.given:
            ended = Proof(version=state.version, who=who, how="expired")
            consent_id = ids.new("con")
            yield from put_consent(merchant_id, consent_id, person.customer_id, state.purpose, False, ended, at)
    yield insert_audit(merchant_id, ids.new("aud"), who, "pseudonymise-customer", person.customer_id, "", at)
    return person


def _end_orders(merchant_id: str, person: Living, who: str, ids: Ids, at: int) -> Job[list[Step]]:
    """Nobody will fetch or pay what a person ordered who is gone: it is cancelled, by the steps returned.

    What is paid, being paid or on its way goes on, and keeps where to bring it until it is there.
    """
    steps: list[Step] = []
    for order in (yield from open_orders_of(merchant_id, person.family)):
        if is_under_way(order):
            yield from keep_apart(merchant_id, order.contact_id)
            continue
        step = yield from cancelling(merchant_id, order, at)
        steps.append(step)
        yield from ended(merchant_id, order, at)
        why = "the customer was erased"
        yield insert_audit(merchant_id, ids.new("aud"), who, "order-cancelled", order.order_id, why, at)
    for contact_id in (yield from _being_paid(merchant_id, person.family)):
        yield from keep_apart(merchant_id, contact_id)
    return steps


def _being_paid(merchant_id: str, family: tuple[str, ...]) -> Job[list[str]]:
    """Where to bring what payments without an end may yet make orders of."""
    rows = yield Query(
        "select document from checkout where merchant_id = ? and state <> 'paid' "
        f"and state in ({marks(OPEN_STATES)}) and customer_id in ({marks(family)})",
        (merchant_id, *OPEN_STATES, *family),
    )
    found = [json.decode(row["document"], type=_Paying).session.contact_id for row in rows]
    return [contact_id for contact_id in found if contact_id is not None]


def end_phones(merchant_id: str, customer_id: str, at: int) -> Job[None]:
    """No phone is this customer's any more."""
    yield Query(
        "delete from pairing where merchant_id = ? and role = 'phone' and subject_id = ? and used_at is null",
        (merchant_id, customer_id),
    )
    yield Query(
        "update access set revoked_at = ? where merchant_id = ? and role = 'phone' and subject_id = ? "
        "and revoked_at is null",
        (at, merchant_id, customer_id),
    )


def _wipe(merchant_id: str, customer_id: str, at: int) -> Job[None]:
    yield Query(
        "update customer set display_name = '', birthday = null, segments = '[]', pseudonym = 1, erased_at = ? "
        "where merchant_id = ? and customer_id = ?",
        (at, merchant_id, customer_id),
    )
