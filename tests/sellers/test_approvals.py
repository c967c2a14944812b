"""Four eyes: one consent for one act, used once, within two minutes, never by the one who gave it."""

import asyncio

import pytest

from poi_engine.clock import micros
from poi_engine.errors import RequestError
from poi_engine.ports import Job
from poi_engine.staff.approvals import SECONDS, WINDOW_US, Allowance, Approval, allow, allowance_of, give_back
from poi_engine.staff.badges import Badge
from poi_engine.staff.rights import Acting
from poi_engine.staff.sellers import NewSeller, SellerChange
from tests.engine.shop import M
from tests.sellers.conftest import COUNTER, OWNER, PIN, Staff, principal

SALE = "sal_1"


async def test_a_manager_consents_by_pin_and_the_act_uses_it_up(staff: Staff) -> None:
    ada, grace, seller = await team(staff)
    given = await consent(staff, grace, seller)
    assert (given.approver, given.amount) == (f"seller:{grace}", 2000)
    mine = Allowance(who=f"seller:{ada}", seller_id=ada, limit=0, approval_id=given.approval_id)
    assert await act(staff, mine) == f"seller:{grace}"
    assert await refusal(staff, mine) == "approval-used"
    assert [(who, what) for who, what, subject, _ in await staff.acts() if subject == SALE] == [
        (f"seller:{grace}", "approve-refund")
    ]


async def test_a_consent_used_at_once_by_two_serves_one(pair: tuple[Staff, Staff]) -> None:
    ada, grace, seller = await team(pair[0])
    given = await consent(pair[0], grace, seller)
    mine = Allowance(who=f"seller:{ada}", approval_id=given.approval_id)
    codes = await asyncio.gather(*(refusal(pair[n % 2], mine) for n in range(6)))
    assert sorted(codes) == ["", *["approval-used"] * 5]


async def test_it_ends_after_two_minutes(staff: Staff) -> None:
    ada, grace, seller = await team(staff)
    given = await consent(staff, grace, seller)
    staff.clock.forward(SECONDS + 1)
    assert await refusal(staff, Allowance(who=f"seller:{ada}", approval_id=given.approval_id)) == "approval-expired"


@pytest.mark.parametrize(
    ("what", "subject", "amount"), [("resolve", SALE, 2000), ("refund", "sal_2", 2000), ("refund", SALE, 2001)]
)
async def test_it_is_for_one_act_one_subject_and_no_more(staff: Staff, what: str, subject: str, amount: int) -> None:
    ada, grace, seller = await team(staff)
    given = await consent(staff, grace, seller)
    mine = Allowance(who=f"seller:{ada}", approval_id=given.approval_id)
    assert await refusal(staff, mine, what, subject, amount) == "approval-differs"
    assert await refusal(staff, mine) == "", "what was refused used nothing up"


@pytest.mark.parametrize("change", [SellerChange(active=False), SellerChange(role="seller")])
async def test_the_consent_of_one_who_has_left_since_counts_no_more(staff: Staff, change: SellerChange) -> None:
    ada, grace, seller = await team(staff)
    given = await consent(staff, grace, seller)
    await staff.sellers.change(M, grace, change, by=OWNER)
    late = Allowance(who=f"seller:{ada}", approval_id=given.approval_id)
    assert await refusal(staff, late) == "may-not-approve"


async def test_nobody_consents_to_their_own_act(staff: Staff) -> None:
    _, grace, _ = await team(staff)
    await staff.enter(grace)
    manager = await staff.signins.acting(COUNTER, active=True)
    with pytest.raises(RequestError) as refused:
        await consent(staff, grace, manager)
    assert refused.value.code == "approval-own"
    from_device = await staff.signins.acting(principal(grace, "manager"), active=True)
    given = await staff.approvals.by_credential(M, "refund", SALE, 2000, by=from_device)
    assert await refusal(staff, Allowance(who=manager.by.who, approval_id=given.approval_id)) == "approval-own"


async def test_an_owner_consents_from_their_own_device_but_not_a_station(staff: Staff) -> None:
    ada, _, seller = await team(staff)
    owner = await staff.signins.acting(OWNER, active=True)
    given = await staff.approvals.by_credential(M, "refund", SALE, 2000, by=owner)
    assert await act(staff, Allowance(who=f"seller:{ada}", approval_id=given.approval_id)) == "owner:owner"
    for acting in (seller, Acting(by=COUNTER, rights=owner.rights)):
        with pytest.raises(RequestError) as refused:
            await staff.approvals.by_credential(M, "refund", SALE, 2000, by=acting)
        assert refused.value.code == "may-not-approve"


async def test_a_seller_may_not_consent_and_a_wrong_pin_counts(staff: Staff) -> None:
    _, grace, seller = await team(staff)
    bob = await staff.hire("Bob")
    with pytest.raises(RequestError) as refused:
        await consent(staff, bob, seller)
    assert refused.value.code == "may-not-approve"
    for code in ["pin-wrong"] * 5 + ["pin-locked"]:
        with pytest.raises(RequestError) as refused:
            await staff.approvals.by_pin(M, "refund", SALE, 2000, grace, "9999", asked=seller)
        assert refused.value.code == code


async def test_a_sellers_refunds_of_a_day_add_up_to_their_limit(pair: tuple[Staff, Staff]) -> None:
    ada, _, _ = await team(pair[0])
    mine = Allowance(who=f"seller:{ada}", seller_id=ada, limit=3000)
    names = [f"ref_{n}" for n in range(6)]
    codes = await asyncio.gather(*(refusal(pair[n % 2], mine, amount=1000, name=name) for n, name in enumerate(names)))
    assert sorted(codes) == [*[""] * 3, *["approval-needed"] * 3], "side by side as well"

    def declined() -> Job[None]:
        yield give_back(M, names[codes.index("")])

    await pair[0].sql.write(declined)
    assert await refusal(pair[0], mine, amount=1000, name="ref_7") == "", "a declined refund counts for nothing"
    assert await refusal(pair[0], mine, amount=1, name="ref_8") == "approval-needed"
    pair[0].clock.forward(WINDOW_US / 1e6)
    assert await refusal(pair[0], mine, amount=3000, name="ref_9") == ""


async def test_who_may_go_how_far_alone(staff: Staff) -> None:
    ada, grace, seller = await team(staff)
    manager = await staff.signins.acting(principal(grace, "manager"), active=True)
    station = Acting(by=COUNTER, rights=frozenset())
    assert allowance_of(seller, "refund", None) == Allowance(who=f"seller:{ada}", seller_id=ada, limit=0)
    assert allowance_of(seller, "resolve", "apr_1").needs
    assert allowance_of(manager, "resolve", None) == Allowance(who=f"seller:{grace}")
    assert allowance_of(station, "refund", None) == Allowance(who=COUNTER.who)
    assert await refusal(staff, allowance_of(seller, "resolve", None), "resolve") == "approval-needed"
    assert await refusal(staff, Allowance(who="seller:x", approval_id="apr_none")) == "approval-unknown"


async def test_nobody_consents_to_more_than_they_may_refund_themselves(staff: Staff) -> None:
    ada, _, seller = await team(staff)
    joan = await staff.hire("Joan", "manager", refund_limit=2500)
    given = await consent(staff, joan, seller)
    second = await consent(staff, joan, seller)
    assert await act(staff, Allowance(who=f"seller:{ada}", approval_id=given.approval_id)) == f"seller:{joan}"
    late = Allowance(who=f"seller:{ada}", approval_id=second.approval_id)
    assert await refusal(staff, late, name="ref_2") == "approval-limit", "the first one counts for who consented"
    with pytest.raises(RequestError) as refused:
        await consent(staff, joan, seller)
    assert (refused.value.code, refused.value.path) == ("approval-limit", "$.amount")
    own = await staff.signins.acting(principal(joan, "manager"), active=True)
    with pytest.raises(RequestError) as refused:
        await staff.approvals.by_credential(M, "refund", SALE, 501, by=own)
    assert refused.value.code == "approval-limit"
    staff.clock.forward(WINDOW_US / 1e6)
    assert (await consent(staff, joan, seller)).approver == f"seller:{joan}"


@pytest.mark.parametrize("favour", ["account", "pin", "badge", "device"])
async def test_who_let_somebody_in_today_does_not_consent_for_them(staff: Staff, favour: str) -> None:
    grace, joan = await staff.hire("Grace", "manager"), await staff.hire("Joan", "manager")
    by = principal(grace, "manager")
    hired_by = by if favour == "account" else OWNER
    ada = (await staff.sellers.add(M, NewSeller(name="Ada"), by=hired_by)).seller_id
    await staff.sellers.set_pin(M, ada, PIN, by=by if favour == "pin" else OWNER)
    if favour == "badge":
        await staff.sellers.link_badge(M, ada, Badge(scheme="uid", subject="04a1b2c3d4e5f6"), by=by)
    if favour == "device":
        await staff.access.invite(M, "seller", ada, by=by)
    await staff.enter(ada)
    seller = await staff.signins.acting(COUNTER, active=True)
    with pytest.raises(RequestError) as refused:
        await consent(staff, grace, seller)
    assert refused.value.code == "approval-own"
    acting = await staff.signins.acting(by, active=True)
    from_device = await staff.approvals.by_credential(M, "refund", SALE, 2000, by=acting)
    assert await refusal(staff, Allowance(who=f"seller:{ada}", approval_id=from_device.approval_id)) == "approval-own"
    assert (await consent(staff, joan, seller)).approver == f"seller:{joan}"
    staff.clock.forward(WINDOW_US / 1e6)
    await staff.enter(ada)
    seller = await staff.signins.acting(COUNTER, active=True)
    assert (await consent(staff, grace, seller)).approver == f"seller:{grace}", "a day later they do"


async def team(staff: Staff) -> tuple[str, str, Acting]:
    """A seller who may refund nothing alone, a manager, and the seller at the station."""
    ada, grace = await staff.hire("Ada", refund_limit=0), await staff.hire("Grace", "manager")
    await staff.enter(ada)
    return ada, grace, await staff.signins.acting(COUNTER, active=True)


async def consent(staff: Staff, approver: str, asked: Acting) -> Approval:
    """A consent to a refund of 20.00."""
    return await staff.approvals.by_pin(M, "refund", SALE, 2000, approver, PIN, asked=asked)


async def act(
    staff: Staff,
    allowance: Allowance,
    what: str = "refund",
    subject: str = SALE,
    amount: int = 2000,
    name: str = "ref_1",
) -> str | None:
    """Do what takes a consent."""
    at = micros(staff.clock.now())
    return await staff.sql.write(lambda: allow(M, allowance, what, subject, amount, name, at))  # type: ignore[arg-type]


async def refusal(
    staff: Staff,
    allowance: Allowance,
    what: str = "refund",
    subject: str = SALE,
    amount: int = 2000,
    name: str = "ref_1",
) -> str:
    """How the act is refused; nothing when it is not."""
    try:
        await act(staff, allowance, what, subject, amount, name)
    except RequestError as error:
        return error.code
    return ""
