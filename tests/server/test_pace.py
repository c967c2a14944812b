"""A limit on the requests of each credential: a burst, then a pace, and nobody else is slowed down."""

from pathlib import Path

import pytest

from poi_server.app import STARTED
from poi_server.config import Limits
from poi_server.limits import Pace
from poi_server.problems import Refusal
from tests.engine.shop import FakeClock
from tests.server.shop import open_shop


def refusal(pace: Pace, access_id: str = "acc_1") -> Refusal | None:
    """How one request is refused; None when it is not."""
    try:
        pace.take(access_id)
    except Refusal as refused:
        return refused
    return None


def test_a_burst_passes_and_then_one_at_a_time() -> None:
    clock = FakeClock()
    pace = Pace(clock.monotonic, rate=2, burst=5)
    assert [refusal(pace) for _ in range(5)] == [None] * 5
    refused = refusal(pace)
    assert refused is not None
    assert (refused.status, refused.code, refused.headers) == (429, "too-many-requests", {"Retry-After": "1"})
    assert refusal(pace, "acc_2") is None
    clock.forward(0.5)
    assert refusal(pace) is None
    assert refusal(pace) is not None
    clock.forward(3600)
    assert [refusal(pace) is None for _ in range(6)] == [True] * 5 + [False], "no more than the burst is saved up"


def test_a_slow_pace_says_how_long_to_wait() -> None:
    clock = FakeClock()
    pace = Pace(clock.monotonic, rate=0.1, burst=1)
    assert refusal(pace) is None
    refused = refusal(pace)
    assert refused is not None
    clock.forward(int(refused.headers["Retry-After"]))
    assert refusal(pace) is None


def test_its_memory_is_bounded() -> None:
    pace = Pace(FakeClock().monotonic, rate=1, burst=1, capacity=3)
    assert [refusal(pace, f"acc_{n}") for n in range(9)] == [None] * 9
    assert len(pace._buckets) == 3


@pytest.mark.valkey
async def test_a_credential_that_asks_without_end_is_slowed_down_and_no_other(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    limits = Limits(requests_per_second=0.001, requests_at_once=3)
    async with open_shop(tmp_path, valkey_url, limits=limits) as shop:
        path = "/v1/access/me"
        assert [(await shop.ask("GET", path, role="seller")).status for _ in range(4)] == [200, 200, 200, 429]
        answer = await shop.ask("GET", path, role="seller")
        assert (answer.status, answer.code) == (429, "too-many-requests")
        assert int(answer.headers["Retry-After"]) > 60
        assert (await shop.ask("GET", path, role="station")).status == 200
        operator = shop.serving.app[STARTED].operator_secret
        assert [(await shop.ask("GET", path, role=operator)).status for _ in range(5)] == [200] * 5
