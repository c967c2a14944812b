"""The rotating token: its form, its keys, and a refusal of its own for everything that can be wrong with it."""

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poi_qr import poi1
from poi_qr.errors import TokenRefused

VECTORS = json.loads((Path(__file__).parent / "vectors" / "poi1.json").read_text())
PROGRAMME_KEY = bytes(range(32))
HANDLE = bytes.fromhex("a1b2c3d4e5f60718")
NOW = 1_760_000_000
KEYS = {3: PROGRAMME_KEY}


class Clock:
    """A clock that the test turns."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def token(now: float = NOW, nonce: int = 7, epoch: int = 3, handle: bytes = HANDLE) -> str:
    return poi1.issue(poi1.derive_device_key(PROGRAMME_KEY, epoch, handle), epoch, handle, now, nonce)


def refusal(digits: str, **changes: object) -> str:
    arguments: dict[str, object] = {"epoch_keys": KEYS, "now": NOW, **changes}
    with pytest.raises(TokenRefused) as caught:
        poi1.check(digits, **arguments)  # type: ignore[arg-type]
    assert digits not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"epoch{vector['epoch']}-{vector['nonce']}")
def test_vectors(vector: dict[str, str | int]) -> None:
    programme_key, handle = bytes.fromhex(str(vector["programme_key"])), bytes.fromhex(str(vector["handle"]))
    epoch, nonce = int(vector["epoch"]), int(vector["nonce"])
    issued_at = int(vector["seconds_since_2020"]) + poi1.EPOCH_2020
    device_key = poi1.derive_device_key(programme_key, epoch, handle)
    assert device_key.hex() == vector["device_key"]
    assert poi1.issue(device_key, epoch, handle, issued_at, nonce) == vector["digits"]
    found = poi1.check(str(vector["digits"]), epoch_keys={epoch: programme_key}, now=issued_at)
    assert found == poi1.Verified(handle, epoch, issued_at, nonce)


@given(
    handle=st.binary(min_size=8, max_size=8),
    epoch=st.integers(0, 15),
    nonce=st.integers(0, 255),
    seconds=st.integers(0, 2**32 - 1),
)
def test_round_trip(handle: bytes, epoch: int, nonce: int, seconds: int) -> None:
    now = seconds + poi1.EPOCH_2020
    digits = token(now, nonce, epoch, handle)
    assert len(digits) == 63
    assert digits.isdigit()
    assert poi1.is_token(digits)
    assert poi1.handle_of(digits) == handle
    assert poi1.check(digits, epoch_keys={epoch: PROGRAMME_KEY}, now=now).subject == handle.hex()


def test_a_fresh_token_passes_and_names_its_single_use() -> None:
    found = poi1.check(token(), epoch_keys=KEYS, now=NOW + 12.5)
    assert (found.subject, found.issued_at) == ("a1b2c3d4e5f60718", NOW)
    assert found.replay_key == f"qr:seen:{{a1b2c3d4e5f60718}}:{NOW}:7"


@pytest.mark.parametrize(
    ("age", "code"),
    [(-121, "clock"), (-30.5, "clock"), (-30, None), (0, None), (30, None), (30.5, "expired"), (86_400, "expired")],
)
def test_validity_window(age: float, code: str | None) -> None:
    if code is None:
        assert poi1.check(token(), epoch_keys=KEYS, now=NOW + age).handle == HANDLE
    else:
        assert refusal(token(), now=NOW + age) == code


@pytest.mark.parametrize(
    ("ahead", "drift", "code"),
    [
        (100, 100, None),
        (-100, -100, None),
        (100, 0, "clock"),
        (-100, 0, "expired"),
        (300, 300, "clock"),
        (-300, -300, "expired"),
        (149, 1e9, None),
        (0, 100, "expired"),
        (0, -100, "clock"),
    ],
)
def test_a_known_drift_of_the_phone_moves_the_window_by_at_most_two_minutes(
    ahead: float, drift: float, code: str | None
) -> None:
    digits = token(NOW + ahead)
    if code is None:
        assert poi1.check(digits, epoch_keys=KEYS, now=NOW, drift=drift).handle == HANDLE
    else:
        assert refusal(digits, drift=drift) == code


@given(place=st.integers(0, 62), digit=st.sampled_from("0123456789"))
def test_one_changed_digit_never_passes(place: int, digit: str) -> None:
    whole = token()
    changed = whole[:place] + digit + whole[place + 1 :]
    if changed != whole:
        assert refusal(changed) in ("forged", "malformed", "unknown-epoch")


def test_a_token_of_another_programme_is_forged() -> None:
    assert refusal(token(), epoch_keys={3: b"x" * 32}) == "forged"


def test_a_forged_token_is_called_forged_even_when_it_is_old() -> None:
    assert refusal(token(), epoch_keys={3: b"x" * 32}, now=NOW + 9999) == "forged"


def test_an_epoch_without_key_is_unknown() -> None:
    assert refusal(token(epoch=4)) == "unknown-epoch"


@pytest.mark.parametrize(
    "digits",
    ["", "1" * 62, "1" * 64, "9" * 63, "0" * 63, "x" * 63, "٣" * 63, "²" * 63, token()[:-1] + " ", "-" + token()[1:]],
)
def test_other_text_is_malformed(digits: str) -> None:
    assert not poi1.is_token(digits)
    with pytest.raises(TokenRefused) as caught:
        poi1.check(digits, epoch_keys=KEYS, now=NOW)
    assert caught.value.code == "malformed"


def test_the_ed25519_profile_is_not_taken_for_the_hmac_profile() -> None:
    number = int(token()) + (1 << 204)
    assert refusal(str(number).zfill(63)) == "malformed"


def test_a_token_is_used_once() -> None:
    guard = poi1.LocalReplayGuard(Clock())
    poi1.verify(token(), epoch_keys=KEYS, now=NOW, guard=guard)
    with pytest.raises(TokenRefused) as caught:
        poi1.verify(token(), epoch_keys=KEYS, now=NOW + 1, guard=guard)
    assert caught.value.code == "replayed"


def test_another_nonce_or_second_is_another_use() -> None:
    guard = poi1.LocalReplayGuard(Clock())
    for digits in (token(), token(nonce=8), token(NOW + 1)):
        assert poi1.verify(digits, epoch_keys=KEYS, now=NOW, guard=guard).handle == HANDLE


def test_a_refused_token_is_not_used_up() -> None:
    guard = poi1.LocalReplayGuard(Clock())
    with pytest.raises(TokenRefused):
        poi1.verify(token(), epoch_keys=KEYS, now=NOW - 60, guard=guard)
    assert poi1.verify(token(), epoch_keys=KEYS, now=NOW, guard=guard).handle == HANDLE


def test_the_guard_remembers_for_as_long_as_a_token_could_pass_again() -> None:
    clock = Clock(0.0)
    guard = poi1.LocalReplayGuard(clock)
    widest = 2 * (poi1.VALID_SECONDS + poi1.MAX_DRIFT_SECONDS)
    assert widest <= poi1.REPLAY_SECONDS
    assert guard.first_use("a", poi1.REPLAY_SECONDS)
    clock.now = widest - 1
    assert not guard.first_use("a", poi1.REPLAY_SECONDS)
    clock.now = poi1.REPLAY_SECONDS
    assert guard.first_use("a", poi1.REPLAY_SECONDS)


def test_a_full_guard_refuses_rather_than_forgets() -> None:
    clock = Clock(0.0)
    guard = poi1.LocalReplayGuard(clock, capacity=2)
    assert guard.first_use("a", 10)
    assert guard.first_use("b", 10)
    assert not guard.first_use("c", 10)
    clock.now = 10.0
    assert guard.first_use("c", 10)


def test_of_many_threads_with_one_token_exactly_one_wins() -> None:
    guard = poi1.LocalReplayGuard(Clock())
    digits, outcomes, start = token(), [], threading.Barrier(8)

    def scan() -> None:
        start.wait()
        try:
            poi1.verify(digits, epoch_keys=KEYS, now=NOW, guard=guard)
            outcomes.append("ok")
        except TokenRefused as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=scan) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["ok"] + ["replayed"] * 7


@pytest.mark.parametrize(
    ("key", "epoch", "handle"), [(b"x" * 31, 0, HANDLE), (PROGRAMME_KEY, 16, HANDLE), (PROGRAMME_KEY, 0, b"short")]
)
def test_keys_handles_and_epochs_of_the_wrong_size_are_errors(key: bytes, epoch: int, handle: bytes) -> None:
    with pytest.raises(ValueError, match=r"key|epoch|handle"):
        poi1.derive_device_key(key, epoch, handle)


@pytest.mark.parametrize(("now", "nonce"), [(poi1.EPOCH_2020 - 1, 0), (2**33, 0), (NOW, 256), (NOW, -1)])
def test_times_and_nonces_outside_the_layout_are_errors(now: float, nonce: int) -> None:
    with pytest.raises(ValueError, match=r"time|nonce"):
        poi1.issue(b"k" * 32, 0, HANDLE, now, nonce)
