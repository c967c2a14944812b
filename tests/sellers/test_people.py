"""The staff: who may change whom, what ends with a role, and badges that are nobody else's."""

import asyncio

import pytest

from poi_engine.clientele.customers import Customers
from poi_engine.clock import micros
from poi_engine.errors import RequestError
from poi_engine.ids import Ids
from poi_engine.principal import Principal
from poi_engine.staff.badges import MOST_BADGES, Badge
from poi_engine.staff.rights import RIGHTS, Person, StaffRole
from poi_engine.staff.sellers import NewSeller, SellerChange, seen_by
from tests.engine.shop import STATION, Card, M
from tests.sellers.conftest import COUNTER, OWNER, PIN, Staff, principal

CARD = Badge(scheme="loyalty", subject="2900000000017")
CHIP = Badge(scheme="uid", subject="04a1b2c3d4e5f6")


def test_rights_are_the_roles_less_what_the_person_may_not() -> None:
    assert Person(seller_id="a", name="a").rights == RIGHTS["seller"]
    assert Person(seller_id="a", name="a", take_payment=False).rights == RIGHTS["seller"] - {
        "take_payment",
        "load_value",
    }
    assert Person(seller_id="a", name="a", role="auditor").rights == {"insights", "audit"}
    assert RIGHTS["seller"].isdisjoint({"catalogue", "campaigns", "insights", "audit", "setup", "approve"})
    assert RIGHTS["manager"] == RIGHTS["owner"]


async def test_a_person_is_added_changed_and_listed(staff: Staff) -> None:
    ada = await staff.hire("Ada", refund_limit=5000)
    await staff.hire("Zoe", pin=None, take_payment=False)
    changed = await staff.sellers.change(M, ada, SellerChange(name="Ada L.", refund_limit=None), by=OWNER)
    assert (changed.name, changed.refund_limit, changed.has_pin) == ("Ada L.", None, True)
    kept = await staff.sellers.change(M, ada, SellerChange(take_payment=False), by=OWNER)
    assert (kept.name, kept.refund_limit, kept.take_payment) == ("Ada L.", None, False)
    listed = await staff.sellers.everybody(M)
    assert [(person.name, person.take_payment, person.has_pin) for person in listed] == [
        ("Ada L.", False, True),
        ("Zoe", False, False),
    ]
    assert ("owner:owner", "change-seller", ada, "name Ada L., refund_limit None") in await staff.acts()


@pytest.mark.parametrize("change", [SellerChange(active=False), SellerChange(role="auditor")])
async def test_what_ends_a_role_ends_its_credentials_and_sign_ins(staff: Staff, change: SellerChange) -> None:
    ada = await staff.hire("Ada")
    secret = (await staff.access.grant(M, "seller", ada, "tablet", by=OWNER)).secret
    assert await staff.access.authenticate(secret) is not None
    await staff.enter(ada)
    await staff.sellers.change(M, ada, change, by=OWNER)
    assert await staff.access.authenticate(secret) is None
    assert await staff.who() is None
    assert staff.told.stations[-1] == STATION
    assert ada not in [face.seller_id for face in await staff.sellers.faces(M)]


async def test_nobody_changes_their_own_rights_and_no_manager_another(staff: Staff) -> None:
    grace, joan = await staff.hire("Grace", "manager"), await staff.hire("Joan", "manager")
    ada = await staff.hire("Ada")
    by = principal(grace, "manager")
    assert (await staff.sellers.change(M, ada, SellerChange(refund_limit=100), by=by)).refund_limit == 100
    assert await refusal(staff, grace, SellerChange(refund_limit=None), by) == "own-rights"
    assert await refusal(staff, joan, SellerChange(active=False), by) == "owner-needed"
    assert await refusal(staff, ada, SellerChange(role="manager"), by) == "owner-needed"
    with pytest.raises(RequestError) as refused:
        await staff.sellers.add(M, NewSeller(name="Mine", role="manager"), by=by)
    assert refused.value.code == "owner-needed"
    with pytest.raises(RequestError) as refused:
        await staff.sellers.set_pin(M, joan, "7351", by=by)
    assert refused.value.code == "owner-needed", "else a manager approves their own acts as the other one"
    await staff.sellers.set_pin(M, grace, "7351", by=by)


async def test_a_new_seller_refunds_nothing_alone_until_they_are_given_a_limit(staff: Staff) -> None:
    expected: dict[StaffRole, int | None] = {"seller": 0, "auditor": 0, "manager": None}
    for role, limit in expected.items():
        made = await staff.sellers.add(M, NewSeller(name="New", role=role), by=OWNER)
        assert made.refund_limit == limit, role
    given = await staff.sellers.add(M, NewSeller(name="Trusted", refund_limit=None), by=OWNER)
    assert given.refund_limit is None


async def test_a_manager_gives_nobody_a_higher_limit_than_their_own(staff: Staff) -> None:
    grace = await staff.hire("Grace", "manager", refund_limit=5000)
    by = principal(grace, "manager")
    made = await staff.sellers.add(M, NewSeller(name="Ada", refund_limit=5000), by=by)
    for limit in (5001, None):
        with pytest.raises(RequestError) as refused:
            await staff.sellers.add(M, NewSeller(name="Bob", refund_limit=limit), by=by)
        assert (refused.value.code, refused.value.path) == ("limit-above-own", "$.refund_limit")
        assert await refusal(staff, made.seller_id, SellerChange(refund_limit=limit), by) == "limit-above-own"
    changed = await staff.sellers.change(M, made.seller_id, SellerChange(refund_limit=None), by=OWNER)
    assert changed.refund_limit is None


async def test_a_badge_is_one_persons(staff: Staff) -> None:
    ada, bob = await staff.hire("Ada"), await staff.hire("Bob")
    assert (await staff.sellers.link_badge(M, ada, CARD, by=OWNER)).badges == (CARD,)
    await staff.sellers.link_badge(M, ada, CARD, by=OWNER)
    await staff.sellers.link_badge(M, bob, CHIP, by=OWNER)
    assert await badge_refusal(staff, bob, CARD) == "badge-taken"
    for scheme, subject, whose in (
        ("ndef", CARD.subject, ada),
        ("loyalty", CARD.subject, ada),
        ("uid", CHIP.subject, bob),
        ("uid", CARD.subject, None),
        ("poi1", CARD.subject, None),
    ):
        assert await staff.sellers.badge_of(M, Card(scheme, subject)) == whose
    await staff.sellers.unlink_badge(M, ada, CARD, by=OWNER)
    assert await staff.sellers.badge_of(M, Card("ndef", CARD.subject)) is None
    with pytest.raises(RequestError) as refused:
        await staff.sellers.unlink_badge(M, ada, CHIP, by=OWNER)
    assert refused.value.code == "not-found"


async def test_two_who_want_the_same_card_do_not_both_get_it(pair: tuple[Staff, Staff]) -> None:
    ada, bob = await pair[0].hire("Ada"), await pair[0].hire("Bob")
    codes = await asyncio.gather(badge_refusal(pair[0], ada, CARD), badge_refusal(pair[1], bob, CARD))
    assert sorted(codes) == ["", "badge-taken"]


async def test_a_customers_card_is_no_badge_and_a_badge_no_customers_card(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    customers = Customers(staff.sql, staff.clock, Ids(staff.clock.now))
    known = await customers.pseudonym(M)
    await customers.link_credential(M, known.customer_id, "loyalty", CARD.subject)
    assert await badge_refusal(staff, ada, CARD) == "badge-is-customers"
    await staff.sellers.link_badge(M, ada, CHIP, by=OWNER)
    with pytest.raises(RequestError) as refused:
        await customers.link_credential(M, known.customer_id, "uid", CHIP.subject)
    assert refused.value.code == "card-is-badge"


async def test_a_chip_that_makes_its_number_up_and_too_many_badges_are_refused(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    assert await badge_refusal(staff, ada, Badge(scheme="uid", subject="08a1b2c3")) == "random-uid"
    assert await badge_refusal(staff, ada, Badge(scheme="loyalty", subject="4242424242424242")) == "card-number"
    for number in range(MOST_BADGES):
        await staff.sellers.link_badge(M, ada, Badge(scheme="loyalty", subject=f"badge-{number}"), by=OWNER)
    assert await badge_refusal(staff, ada, CARD) == "too-many-badges"


async def test_the_number_of_a_badge_is_seen_by_who_may_change_it(staff: Staff) -> None:
    grace, joan = await staff.hire("Grace", "manager"), await staff.hire("Joan", "manager")
    await staff.sellers.link_badge(M, grace, CARD, by=OWNER)
    shown = await staff.sellers.get(M, grace)
    for by, seen in (
        (OWNER, CARD.subject),
        (principal(grace, "manager"), CARD.subject),
        (principal(joan, "manager"), "...017"),
        (principal("slr_x", "auditor"), "...017"),
    ):
        assert seen_by(by, shown).badges[0].subject == seen
    assert CARD.subject not in repr(await staff.acts()), "the audit has more readers than that"


async def test_only_those_who_may_stand_at_a_counter_are_offered_there(staff: Staff) -> None:
    await staff.hire("Ada")
    await staff.hire("Edsger", "auditor")
    await staff.hire("Bare", pin=None)
    gone = await staff.hire("Gone")
    await staff.sellers.change(M, gone, SellerChange(active=False), by=OWNER)
    assert [(face.name, face.has_pin) for face in await staff.sellers.faces(M)] == [("Ada", True), ("Bare", False)]


async def test_a_lock_is_shown_until_it_ends(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    for _ in range(5):
        with pytest.raises(RequestError):
            await staff.enter(ada, "9999")
    locked = (await staff.sellers.get(M, ada)).locked_until
    assert locked is not None
    assert 0 < locked.timestamp() - micros(staff.clock.now()) / 1e6 <= 60
    staff.clock.forward(61)
    assert (await staff.sellers.get(M, ada)).locked_until is None
    await staff.sellers.remove_pin(M, ada, by=OWNER)
    with pytest.raises(RequestError):
        await staff.enter(ada, PIN)


async def refusal(staff: Staff, seller_id: str, change: SellerChange, by: Principal) -> str:
    """How a change is refused."""
    with pytest.raises(RequestError) as refused:
        await staff.sellers.change(M, seller_id, change, by=by)
    return refused.value.code


async def badge_refusal(staff: Staff, seller_id: str, badge: Badge) -> str:
    """How a badge is refused; nothing when it is linked."""
    try:
        await staff.sellers.link_badge(M, seller_id, badge, by=OWNER)
    except RequestError as error:
        return error.code
    return ""


def test_a_person_signed_in_is_named_by_their_id() -> None:
    assert principal("slr_1", "manager").who == "seller:slr_1"
    assert (COUNTER.who, COUNTER.station_id) == (f"station:{STATION}", STATION)
    assert (OWNER.who, OWNER.station_id) == ("owner:owner", None)
