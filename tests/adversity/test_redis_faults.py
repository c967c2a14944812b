"""Redis is cut off, killed, mute and slow: payments under way finish, and no new session is opened."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.adversity.counter import SECONDS, Till, serving
from tests.adversity.proxy import Proxy, between
from tests.servers import ValkeyServer

pytestmark = pytest.mark.valkey


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    """A valkey-server of one's own, to be killed."""
    server = ValkeyServer(tcp=True)
    yield server
    server.remove()


@pytest.fixture
async def wire(valkey: ValkeyServer) -> AsyncIterator[Proxy]:
    """A proxy before it."""
    async with between(valkey.port) as proxy:
        yield proxy


@pytest.fixture
async def till(wire: Proxy, tmp_path: Path, sqlite_url: str) -> AsyncIterator[Till]:
    """A server whose Redis is reached over the proxy."""
    async with serving(tmp_path, redis=f"redis://127.0.0.1:{wire.port}") as made:
        yield made


async def _without_redis(till: Till, path: str) -> None:
    """A payment under way finishes, a new session is refused, and readiness says degraded."""
    paid = await till.pay(path)
    assert (paid.status, paid.json["state"]) == (200, "paid"), paid.json
    refused = await till.open()
    assert (refused.status, refused.code) == (503, "sessions-away"), refused.json
    assert refused.headers["Retry-After"]
    assert await till.ready() == (200, "degraded")
    again = await till.pay(path)
    assert (again.json["state"], again.json["sale_id"]) == ("paid", paid.json["sale_id"])
    assert await till.sales() == 1


async def test_redis_is_cut_off(till: Till, wire: Proxy) -> None:
    path = await till.accepted()
    wire.cut()
    await _without_redis(till, path)
    wire.mend()
    await till.sells()
    assert await till.ready() == (200, "ready")


async def test_redis_is_killed_and_comes_back_empty(till: Till, valkey: ValkeyServer) -> None:
    path = await till.accepted()
    await asyncio.to_thread(valkey.stop)
    await _without_redis(till, path)
    await asyncio.to_thread(valkey.start)
    await till.sells()
    assert await till.ready() == (200, "ready")
    assert (await till.shop.ask("GET", path)).json["state"] == "paid"


async def test_redis_swallows_what_it_is_asked(till: Till, wire: Proxy) -> None:
    path = await till.accepted()
    wire.deaf = True
    async with asyncio.timeout(SECONDS):
        paid = await till.pay(path)
        assert (paid.status, paid.json["state"]) == (200, "paid"), paid.json
        assert await till.ready() == (200, "degraded")
    wire.mend()
    wire.cut()
    wire.mend()
    await till.sells()


async def test_redis_half_closes(till: Till, wire: Proxy) -> None:
    path = await till.accepted()
    wire.half_close()
    paid = await till.pay(path)
    assert (paid.status, paid.json["state"]) == (200, "paid")
    await till.sells()


async def test_another_means_than_the_card_seen_is_refused_for_its_own_reason(till: Till, wire: Proxy) -> None:
    """Redis is away: the offers were decided for the card, so cash needs a new decision, and nothing stays held."""
    session = (await till.open()).json
    path = f"/v1/sessions/{session['session_id']}"
    await till.shop.ask("PUT", f"{path}/basket", {"entries": [{"amount": 1234}]})
    session = (await till.shop.ask("POST", f"{path}/card", {})).json
    body = {"decision_id": session["decision_id"], "total": 1234}
    assert (await till.shop.ask("POST", f"{path}/accept", body)).json["state"] == "paying"
    wire.cut()
    refused = await till.pay(path, "cash")
    assert (refused.status, refused.code) == (409, "decide-again"), refused.json
    wire.mend()
    await till.sells()
    assert await till.sales() == 1


async def test_redis_is_slow(till: Till, wire: Proxy) -> None:
    wire.delay = 0.05
    await till.sells()
    assert await till.ready() == (200, "ready")
