"""PINs: slow hashes, none that is guessed at once, and a limit on attempts that lasts."""

import asyncio

import pytest

from poi_engine.errors import RequestError
from poi_engine.staff.pins import LONGEST_PAUSE_SECONDS, PAUSE_SECONDS, TRIES, TRIES_A_DAY, check_pin, hash_pin, is_pin
from tests.engine.shop import M
from tests.sellers.conftest import COUNTER, OWNER, PIN, Staff


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("123", "pin-form"),
        ("123456789", "pin-form"),
        ("12a4", "pin-form"),
        ("١٢٣٤", "pin-form"),
        ("0000", "pin-simple"),
        ("1234", "pin-simple"),
        ("8765", "pin-simple"),
    ],
)
def test_a_pin_that_is_none_or_guessed_at_once_is_refused(pin: str, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_pin(pin)
    assert (refused.value.code, refused.value.path) == (code, "$.pin")


def test_the_hash_is_salted_and_says_its_costs() -> None:
    first, second = hash_pin(PIN, b"a" * 16, 1024), hash_pin(PIN, b"b" * 16, 1024)
    assert first != second
    assert first.startswith("scrypt.1024.")
    assert PIN not in first
    assert is_pin(PIN, first)
    assert not is_pin("5094", first)


async def test_after_five_wrong_pins_even_the_right_one_waits_and_each_pause_is_longer(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    pauses = []
    for _ in range(7):
        for _ in range(TRIES):
            assert await refusal(staff, ada, "9999") == "pin-wrong"
        assert await refusal(staff, ada, PIN) == "pin-locked"
        pauses.append(await seconds_left(staff, ada))
        staff.clock.forward(pauses[-1] + 1)
    assert pauses == [min(PAUSE_SECONDS * 2**n, LONGEST_PAUSE_SECONDS) for n in range(7)]
    assert await staff.enter(ada) == ada
    assert await refusal(staff, ada, "9999") == "pin-wrong"
    assert [act for _, act, _, _ in await staff.acts()].count("pin-pause") == 7


async def test_guesses_side_by_side_from_two_processes_count_together(pair: tuple[Staff, Staff]) -> None:
    ada = await pair[0].hire("Ada")
    guesses = [refusal(pair[n % 2], ada, f"90{n:02}") for n in range(12)]
    codes = await asyncio.gather(*guesses)
    assert codes.count("pin-wrong") == TRIES
    assert codes.count("pin-locked") == 12 - TRIES


async def test_the_limit_outlives_the_process(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    for _ in range(TRIES):
        await refusal(staff, ada, "9999")
    restarted = Staff(staff.sql, staff.clock, exclusive=True)
    assert await refusal(restarted, ada, PIN) == "pin-locked"
    await restarted.sellers.set_pin(M, ada, "7351", by=OWNER)
    assert await restarted.enter(ada, "7351") == ada


async def test_right_pins_in_between_count_from_zero(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert await refusal(staff, ada, "9999") == "pin-wrong"
        assert await staff.enter(ada) == ada


async def test_slow_guesses_between_right_pins_end_after_a_days_worth(staff: Staff) -> None:
    ada, minutes = await staff.hire("Ada"), 0
    for minutes in range(TRIES_A_DAY):
        assert await refusal(staff, ada, f"9{minutes:03}") == "pin-wrong"
        if minutes % (TRIES - 1) == TRIES - 2 and minutes < TRIES_A_DAY - 1:
            assert await staff.enter(ada) == ada, "the person comes in as always"
        staff.clock.forward(60)
    assert await refusal(staff, ada, PIN) == "pin-locked"
    assert await seconds_left(staff, ada) == pytest.approx(86_400 - 60 * (minutes + 1), abs=2)
    reasons = [why for _, act, _, why in await staff.acts() if act == "pin-pause"]
    assert reasons == [f"{TRIES_A_DAY} wrong PINs within a day"]
    await staff.sellers.set_pin(M, ada, "7351", by=OWNER)
    assert await staff.enter(ada, "7351") == ada
    assert await refusal(staff, ada, "9999") == "pin-wrong", "a new PIN, a new count"
    assert await staff.enter(ada, "7351") == ada


async def test_every_wrong_pin_is_on_record_with_where(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    assert await refusal(staff, ada, "9999") == "pin-wrong"
    assert await staff.enter(ada) == ada
    rows = await staff.rows("select who, subject_id, station_id from audit where act = 'pin-wrong'")
    assert rows == [{"who": COUNTER.who, "subject_id": ada, "station_id": COUNTER.subject_id}]


async def test_one_without_a_pin_and_one_who_left_are_refused_alike(staff: Staff) -> None:
    bare = await staff.hire("Bare", pin=None)
    assert await refusal(staff, bare, PIN) == "pin-wrong"
    assert await refusal(staff, "slr_nobody", PIN) == "pin-wrong"


async def test_a_person_changes_their_own_pin_by_the_one_they_have(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    change = staff.sellers.change_own_pin
    with pytest.raises(RequestError, match="not the person's PIN"):
        await change(M, "sta_1", ada, "9999", "7351", by=COUNTER)
    await change(M, "sta_1", ada, PIN, "7351", by=COUNTER)
    assert await refusal(staff, ada, PIN) == "pin-wrong"
    assert await staff.enter(ada, "7351") == ada
    assert (f"seller:{ada}", "set-pin", ada, "their own") in await staff.acts()


async def test_no_pin_and_no_hash_leaves_the_storage(staff: Staff) -> None:
    ada = await staff.hire("Ada")
    shown = repr([await staff.sellers.everybody(M), await staff.sellers.faces(M), await staff.acts()])
    assert PIN not in shown
    assert "scrypt" not in shown
    assert ada in shown


async def refusal(staff: Staff, seller_id: str, pin: str) -> str:
    """How signing in is refused."""
    try:
        await staff.enter(seller_id, pin)
    except RequestError as error:
        return error.code
    return ""


async def seconds_left(staff: Staff, seller_id: str) -> int:
    """How long the person has to wait."""
    rows = await staff.rows("select pin_locked_until from seller where seller_id = ?", (seller_id,))
    return round(rows[0]["pin_locked_until"] / 1_000_000 - staff.clock.now())
