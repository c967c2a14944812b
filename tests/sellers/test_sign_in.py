"""Who is signed in at a station: one person, the same for every process, until they leave or nobody is there."""

import asyncio
from typing import Any

import pytest

from poi_engine.errors import RequestError
from poi_engine.ports import Job, Query
from poi_engine.staff.rights import RIGHTS
from poi_engine.staff.sellers import SellerChange
from poi_engine.staff.watch import SignInRule
from tests.engine.shop import OTHER_STATION, STATION, M
from tests.sellers.conftest import COUNTER, OWNER, Staff, principal


async def test_one_signs_in_and_out_and_the_screens_are_told(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    assert await staff.who() is None
    assert await staff.enter(ada) == ada
    assert await staff.who() == ada
    assert await staff.who(OTHER_STATION) is None
    await staff.signins.sign_out(M, STATION, who=COUNTER.who)
    assert await staff.who() is None
    assert staff.told.stations == [STATION, STATION]
    assert [(who, act, why) for who, act, _, why in await staff.acts()][-2:] == [
        (f"seller:{ada}", "sign-in", "pin"),
        (f"station:{STATION}", "sign-out", ""),
    ]


async def test_signing_out_where_nobody_is_in_changes_nothing(staff: Staff) -> None:
    before = await staff.acts()
    assert (await staff.signins.sign_out(M, STATION, who=COUNTER.who)).person is None
    assert (await staff.acts(), staff.told.stations) == (before, [])


async def test_the_next_one_takes_over(staff: Staff) -> None:
    ada, bob = await staff.hire("Ada"), await staff.hire("Bob")
    await staff.enter(ada)
    assert await staff.enter(bob) == bob
    assert [(who, act, subject) for who, act, subject, _ in await staff.acts()][-2:] == [
        (f"seller:{bob}", "sign-out", ada),
        (f"seller:{bob}", "sign-in", bob),
    ]


async def test_it_survives_a_restart_and_every_process_sees_it(pair: tuple[Staff, Staff]) -> None:
    here, there = pair
    ada = await here.hire("Ada")
    await here.enter(ada)
    assert await there.who() == ada
    assert await Staff(here.sql, here.clock, exclusive=True).who() == ada
    await there.signins.sign_out(M, STATION, who=COUNTER.who)
    assert await here.who() is None


async def test_two_sign_in_at_once_and_one_of_them_is_in(pair: tuple[Staff, Staff]) -> None:
    people = [await pair[0].hire(f"Person {n}") for n in range(4)]
    entered = await asyncio.gather(*(pair[n % 2].enter(person) for n, person in enumerate(people)))
    inside = await pair[0].who()
    assert inside in people
    assert inside == await pair[1].who()
    assert set(entered) <= set(people)
    acts = [(act, subject) for _, act, subject, _ in await pair[0].acts() if act.startswith("sign-")]
    ins = [subject for act, subject in acts if act == "sign-in"]
    outs = [subject for act, subject in acts if act == "sign-out"]
    assert sorted(ins) == sorted(people)
    assert sorted(outs) == sorted(set(people) - {inside}), "each but the last was signed out once"


async def test_a_badge_signs_in_and_the_next_tap_out(staff: Staff) -> None:
    ada = await staff.hire("Ada", pin=None)
    assert (await staff.signins.with_badge(M, STATION, ada)).how == "badge"
    assert await staff.who() == ada
    assert (await staff.signins.with_badge(M, STATION, ada)).person is None
    assert (f"seller:{ada}", "sign-out", ada, "badge") in await staff.acts()


async def test_idleness_signs_out_once_whoever_notices(pair: tuple[Staff, Staff]) -> None:
    here, there = pair
    ada = await here.hire("Ada")
    await here.signins.set_rule(M, SignInRule(sign_out_minutes=5), by=OWNER)
    await here.enter(ada)
    here.clock.forward(4 * 60)
    assert (await here.signins.acting(COUNTER, active=True)).person is not None
    here.clock.forward(4 * 60)
    assert await there.who() == ada, "the act four minutes ago was a sign of life"
    assert (await there.signins.acting(COUNTER, active=False)).person is not None
    here.clock.forward(61)
    assert await asyncio.gather(here.who(), there.who(), here.who()) == [None, None, None]
    assert [act for _, act, _, why in await here.acts() if why == "idle"] == ["sign-out"]
    assert len(here.told.stations) + len(there.told.stations) == 2, "told that they came, and once that they were gone"


async def test_without_an_idle_time_nobody_is_signed_out(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    await staff.signins.set_rule(M, SignInRule(sign_out_minutes=None), by=OWNER)
    await staff.enter(ada)
    staff.clock.forward(30 * 86_400)
    assert await staff.who() == ada


async def test_the_signed_in_person_acts_with_their_rights(staff: Staff) -> None:
    ada = await staff.hire("Ada", take_payment=False)
    await staff.enter(ada)
    acting = await staff.signins.acting(COUNTER, active=True)
    assert acting.by.who == f"seller:{ada}"
    assert (acting.by.station_id, acting.by.access_id) == (STATION, COUNTER.access_id)
    assert acting.may("sell")
    assert not acting.may("take_payment")


@pytest.mark.parametrize(
    ("settings", "lost"),
    [
        pytest.param({"refund_limit": None}, {"resolve"}, id="a seller"),
        pytest.param({"refund_limit": 5000}, {"resolve", "refund"}, id="a seller with a limit"),
        pytest.param(
            {"refund_limit": None, "take_payment": False},
            {"resolve", "take_payment", "load_value"},
            id="a seller without payments",
        ),
        pytest.param({"role": "manager"}, set(), id="a manager"),
        pytest.param({"role": "manager", "refund_limit": 5000}, {"refund"}, id="a manager with a limit"),
        pytest.param({"role": "auditor", "pin": None}, set(), id="an auditor"),
    ],
)
async def test_signing_out_gives_nobody_more_than_they_have(
    pair: tuple[Staff, Staff], settings: dict[str, Any], lost: set[str]
) -> None:
    """At once, in every process; and no longer than they are of the staff."""
    here, there = pair
    for each in pair:
        assert (await each.signins.acting(COUNTER, active=True)).rights == RIGHTS["station"]
    person = await here.hire("Ada", **settings)
    for each in pair:
        acting = await each.signins.acting(COUNTER, active=True)
        assert (acting.by, acting.missing) == (COUNTER, "sign-in-needed")
        assert acting.rights == RIGHTS["station"] - lost
    await there.sellers.change(M, person, SellerChange(active=False), by=OWNER)
    assert (await there.signins.acting(COUNTER, active=True)).rights == RIGHTS["station"]


async def test_the_request_that_finds_a_person_idle_may_no_more_than_the_next(staff: Staff) -> None:
    ada = await staff.hire("Ada", refund_limit=5000)
    await staff.enter(ada)
    staff.clock.forward(31 * 60)
    for _ in range(2):
        acting = await staff.signins.acting(COUNTER, active=True)
        assert (acting.person, acting.may("refund"), acting.may("sell")) == (None, False, True)


async def test_where_signing_in_is_required_a_station_alone_may_nothing(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    await staff.signins.set_rule(M, SignInRule(sign_in="required"), by=OWNER)
    acting = await staff.signins.acting(COUNTER, active=True)
    assert (acting.rights, acting.missing) == (frozenset(), "sign-in-needed")
    await staff.enter(ada)
    assert (await staff.signins.acting(COUNTER, active=True)).may("sell")
    await staff.signins.set_rule(M, SignInRule(), by=OWNER)
    await staff.signins.sign_out(M, STATION, who=COUNTER.who)
    assert (await staff.signins.acting(COUNTER, active=True)).may("sell")


async def test_the_rule_leaves_the_merchants_other_settings_alone(staff: Staff) -> None:
    def job() -> Job[None]:
        yield Query("update merchant set settings = ? where merchant_id = ?", ('{"minutes":9}', M))

    await staff.sql.write(job)
    rule = SignInRule(sign_in="required", sign_out_minutes=None)
    await staff.signins.set_rule(M, rule, by=OWNER)
    assert await staff.signins.rule(M) == rule
    rows = await staff.rows("select settings from merchant")
    assert '"minutes":9' in rows[0]["settings"].replace(" ", "")


async def test_changed_rights_count_at_the_next_act(pair: tuple[Staff, Staff]) -> None:
    here, there = pair
    ada = await here.hire("Ada")
    await here.enter(ada)
    await there.sellers.change(M, ada, SellerChange(take_payment=False), by=OWNER)
    assert not (await here.signins.acting(COUNTER, active=True)).may("take_payment")
    await there.sellers.change(M, ada, SellerChange(active=False), by=OWNER)
    assert await here.who() is None
    with pytest.raises(RequestError) as refused:
        await here.signins.acting(principal(ada), active=True)
    assert refused.value.code == "seller-inactive"


async def test_an_auditor_does_not_sign_in_at_a_counter(staff: Staff) -> None:
    edsger = await staff.hire("Edsger", "auditor")
    with pytest.raises(RequestError) as refused:
        await staff.enter(edsger)
    assert (refused.value.code, refused.value.status) == ("not-at-a-counter", 403)
    assert await staff.who() is None


async def test_an_unknown_station_is_not_found(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    with pytest.raises(RequestError) as refused:
        await staff.enter(ada, station="sta_none")
    assert refused.value.code == "not-found"
    with pytest.raises(RequestError):
        await staff.who("sta_none")
