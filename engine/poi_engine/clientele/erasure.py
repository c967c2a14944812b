"""Forgetting a person. The books keep the bare pseudonym: every receipt and its chain stay as they are."""

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.consents import Proof, put_consent, read_consents
from poi_engine.clientele.left import lapse
from poi_engine.clientele.personal import erase_rows
from poi_engine.clientele.rows import Living, must_live
from poi_engine.ids import Ids
from poi_engine.orders.holds import cancel_orders_of
from poi_engine.ports import Job, Query
from poi_engine.segments.due import mark_due

_OF_THE_CARD = ("credential", "referral", "referred", "segment_member", "segment_past", "segment_due", "bought")


def erase_customer(merchant_id: str, customer_id: str, who: str, *, ids: Ids, at: int) -> Job[Living]:
    """Everything that tells of the person goes, on every record they had; points, stored value and coupons lapse.

    What lapsed is audited. A second call finds nobody.
    """
    person = yield from must_live(merchant_id, customer_id)
    for record in person.family:
        yield from cancel_orders_of(merchant_id, record, who, ids=ids, at=at)
        yield from _wipe(merchant_id, record, at)
        yield from erase_rows(merchant_id, record)
        yield from end_phones(merchant_id, record, at)
    lapsed: dict[str, int] = {}
    for record in person.family:
        for name, amount in (yield from lapse(merchant_id, record, ids.new("lap"), ids=ids, at=at)).items():
            lapsed[name] = lapsed.get(name, 0) + amount
    why = ", ".join(f"{name} {amount}" for name, amount in sorted(lapsed.items()))
    yield insert_audit(
        merchant_id, ids.new("aud"), who, "erase-customer", person.customer_id, f"lapsed: {why or 'nothing'}", at
    )
    return person


def pseudonymise_customer(merchant_id: str, customer_id: str, who: str, *, ids: Ids, at: int) -> Job[Living]:
    """Name, birthday, notes and phones go; the card, its points and coupons stay with the pseudonym."""
    person = yield from must_live(merchant_id, customer_id)
    yield Query(
        "update customer set display_name = '', birthday = null, pseudonym = 1 where merchant_id = ? "
        "and customer_id = ?",
        (merchant_id, person.customer_id),
    )
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
