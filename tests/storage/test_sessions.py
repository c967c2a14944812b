"""Session state and fan-out in a real valkey-server, alone, behind Sentinel and as a cluster."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime

import msgpack
import pytest
from msgspec.structs import replace

from poi_engine.errors import RequestError, StorageError
from poi_engine.session import Identity, Notice, Session, SessionState, move
from poi_engine.storage.redis import Fanout, RedisSessions, open_redis, pack, unpack
from poi_engine.storage.redis_own import open_own_redis
from poi_offers.decision import Decision
from poi_offers.situation import Basket, CustomerFacts, SaleItem
from tests.servers import ValkeyServer, unused_port

pytestmark = pytest.mark.valkey
M = "mer_1"


@pytest.fixture(params=[open_redis, open_own_redis])
async def sessions(valkey_url: str, request: pytest.FixtureRequest) -> AsyncIterator[RedisSessions]:
    """Empty session state, which others use as well, or this process alone."""
    storage: RedisSessions = request.param(valkey_url)
    yield storage
    await storage.close()


def new(session_id: str = "ses_1", station_id: str = "sta_1", merchant_id: str = M) -> Session:
    return Session(
        session_id=session_id,
        merchant_id=merchant_id,
        store_id="sto_1",
        station_id=station_id,
        opened_at=datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        basket=Basket(currency="EUR", items=(SaleItem(line_id="1", label="Éclair", unit_price=320),)),
    )


def test_a_session_is_standard_messagepack_and_comes_back_whole() -> None:
    session = replace(
        new(),
        identity=Identity(
            customer_id="cus_1",
            display_name="Zoé",
            pseudonym=False,
            scheme="poi1",
            assurance="authenticate",
            source="q",
        ),
        facts=CustomerFacts(customer_id="cus_1", visits_in={0: 3, 30: 1}),
        decision=Decision(currency="EUR", subtotal=320, saved=0, total=320, value=0),
        notice=Notice(code="hello", values={"name": "Zoé"}),
    )
    assert unpack(pack(session)) == session
    assert msgpack.unpackb(pack(session), strict_map_key=False)["basket"]["items"][0]["label"] == "Éclair"


def test_what_another_version_wrote_counts_as_forgotten() -> None:
    for blob in (b"", b"\xc1", msgpack.packb({"session_id": 7}), b"\xff" * 40, None):
        assert unpack(blob) is None


async def test_a_session_is_found_by_its_id_and_its_station(sessions: RedisSessions) -> None:
    assert await sessions.at_station(M, "sta_1") is None
    assert await sessions.save(new(), expected_revision=None)
    assert await sessions.load(M, "ses_1") == new()
    assert await sessions.at_station(M, "sta_1") == new()
    assert await sessions.load("mer_2", "ses_1") is None
    assert await sessions.at_station("mer_2", "sta_1") is None


def known(session: Session, customer_id: str) -> Session:
    """The same session, the customer known in it."""
    identity = Identity(
        customer_id=customer_id, display_name="Zoé", pseudonym=True, scheme="poi1", assurance="authenticate", source="q"
    )
    return replace(session, identity=identity)


async def test_a_session_is_found_by_the_customer_it_knows_now(sessions: RedisSessions) -> None:
    assert await sessions.of_customer(M, "cus_1") is None
    await sessions.save(known(new(), "cus_1"), expected_revision=None)
    assert await sessions.of_customer(M, "cus_1") == known(new(), "cus_1")
    assert await sessions.of_customer("mer_2", "cus_1") is None
    other = replace(known(new(), "cus_2"), revision=1)
    await sessions.save(other, expected_revision=0)
    assert (await sessions.of_customer(M, "cus_1"), await sessions.of_customer(M, "cus_2")) == (None, other)


async def test_the_late_end_of_a_session_does_not_hide_the_customers_next(sessions: RedisSessions) -> None:
    await sessions.save(known(new(), "cus_1"), expected_revision=None)
    following = known(new("ses_2", "sta_2"), "cus_1")
    await sessions.save(following, expected_revision=None)
    ended = replace(known(new(), "cus_1"), state=SessionState.PAID, revision=1)
    await sessions.save(ended, expected_revision=0)
    assert await sessions.of_customer(M, "cus_1") == following


async def test_only_one_writer_of_a_revision_wins(sessions: RedisSessions) -> None:
    await sessions.save(new(), expected_revision=None)
    rivals = [
        replace(move(new(), SessionState.OPEN), notice=Notice(code="rival", values={"n": str(n)})) for n in range(30)
    ]
    won = await asyncio.gather(*(sessions.save(rival, expected_revision=0) for rival in rivals))
    assert sum(won) == 1
    assert await sessions.load(M, "ses_1") == rivals[won.index(True)]


async def test_saving_the_same_again_is_no_loss(sessions: RedisSessions) -> None:
    changed = move(new(), SessionState.OPEN)
    await sessions.save(new(), expected_revision=None)
    assert [await sessions.save(changed, expected_revision=0) for _ in range(2)] == [True, True]


async def test_two_processes_open_one_session_at_a_station(sessions: RedisSessions) -> None:
    opened = await asyncio.gather(*(sessions.save(new(f"ses_{n}"), expected_revision=None) for n in range(20)))
    assert sum(opened) == 1


@pytest.mark.parametrize("state", [SessionState.PAID, SessionState.ABANDONED])
async def test_an_ended_session_makes_room_for_the_next(sessions: RedisSessions, state: SessionState) -> None:
    await sessions.save(new(), expected_revision=None)
    await sessions.save(replace(new(), state=state, revision=1), expected_revision=0)
    assert (await sessions.at_station(M, "sta_1")) is not None  # its receipt may still be on the screen
    assert await sessions.save(new("ses_2"), expected_revision=None)
    assert await sessions.at_station(M, "sta_1") == new("ses_2")


async def test_a_released_session_stays_readable_and_does_not_come_back(sessions: RedisSessions) -> None:
    await sessions.save(new(), expected_revision=None)
    await sessions.release(new())
    assert await sessions.at_station(M, "sta_1") is None
    assert await sessions.load(M, "ses_1") == new()
    assert await sessions.save(new("ses_2"), expected_revision=None)
    assert await sessions.save(replace(new(), revision=1), expected_revision=0)  # a late answer from its terminal
    await sessions.release(new())
    assert await sessions.at_station(M, "sta_1") == new("ses_2")


async def test_a_session_is_handed_over_to_another_station(sessions: RedisSessions) -> None:
    await sessions.save(new(), expected_revision=None)
    moved = replace(new(), station_id="sta_2", revision=1)
    assert await sessions.save(moved, expected_revision=0)
    assert await sessions.at_station(M, "sta_2") == moved
    assert await sessions.at_station(M, "sta_1") is None
    assert await sessions.save(new("ses_2"), expected_revision=None)


async def test_no_session_is_handed_over_onto_an_open_one(sessions: RedisSessions) -> None:
    await sessions.save(new(), expected_revision=None)
    await sessions.save(new("ses_2", "sta_2"), expected_revision=None)
    moved = replace(new(), station_id="sta_2", revision=1)
    assert not await sessions.save(moved, expected_revision=0)
    assert await sessions.at_station(M, "sta_1") == new()
    assert await sessions.at_station(M, "sta_2") == new("ses_2", "sta_2")
    await sessions.release(new("ses_2", "sta_2"))
    assert await sessions.save(moved, expected_revision=0)
    back = replace(new(), revision=2)
    assert await sessions.save(back, expected_revision=1)
    assert await sessions.at_station(M, "sta_1") == back
    assert await sessions.at_station(M, "sta_2") is None


async def forgotten(sessions: RedisSessions) -> None:
    for _ in range(2000):
        if await sessions.load(M, "ses_1") is None and await sessions.at_station(M, "sta_1") is None:
            return
        await asyncio.sleep(0.01)
    pytest.fail("still remembered")


@pytest.mark.parametrize("opened", [open_redis, open_own_redis])
async def test_a_session_is_forgotten_after_its_time(valkey_url: str, opened: Callable[..., RedisSessions]) -> None:
    sessions = opened(valkey_url, time_to_live=0.05)
    await sessions.save(new(), expected_revision=None)
    await forgotten(sessions)
    assert await sessions.save(new("ses_2"), expected_revision=None)
    await sessions.close()


async def test_what_redis_has_lost_is_noticed_by_the_next_change(valkey_url: str) -> None:
    sessions, other = open_own_redis(valkey_url), open_redis(valkey_url)
    await sessions.save(new(), expected_revision=None)
    await other.forget_everything()
    assert not await sessions.save(move(new(), SessionState.OPEN), expected_revision=0)
    assert (await sessions.load(M, "ses_1"), await sessions.at_station(M, "sta_1")) == (None, None)
    await sessions.close()
    await other.close()


async def test_what_was_stored_is_known_without_asking(own_server: ValkeyServer) -> None:
    sessions = open_own_redis(own_server.url)
    await sessions.save(new(), expected_revision=None)
    await asyncio.to_thread(own_server.stop)
    assert (await sessions.load(M, "ses_1"), await sessions.at_station(M, "sta_1")) == (new(), new())
    with pytest.raises(StorageError):
        await sessions.save(move(new(), SessionState.OPEN), expected_revision=0)
    with pytest.raises(StorageError):  # nobody knows whether that was stored
        await sessions.load(M, "ses_1")
    await sessions.close()


async def test_a_code_is_used_once(sessions: RedisSessions) -> None:
    uses = await asyncio.gather(*(sessions.first_use("token-1", 60) for _ in range(20)))
    assert sum(uses) == 1
    assert await sessions.first_use("token-2", 60)


class Listener:
    """Hears what a fan-out says."""

    def __init__(self, fanout: Fanout) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.subscribed: asyncio.Queue[None] = asyncio.Queue()
        self._task = asyncio.create_task(
            fanout.listen(self.heard.put_nowait, subscribed=lambda: self.subscribed.put_nowait(None))
        )

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_messages_reach_every_listener(sessions: RedisSessions, valkey_url: str) -> None:
    other = open_redis(valkey_url)
    listeners = [Listener(sessions.fanout), Listener(other.fanout)]
    async with asyncio.timeout(20):
        for listener in listeners:
            await listener.subscribed.get()
        for message in (b"one", b"\x00\xff"):
            await sessions.fanout.publish(message)
        for listener in listeners:
            assert [await listener.heard.get() for _ in range(2)] == [b"one", b"\x00\xff"]
            await listener.stop()
    await other.close()


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    """A valkey-server to be stopped and started by the test."""
    server = ValkeyServer()
    yield server
    server.remove()


async def test_redis_may_go_and_come_back(own_server: ValkeyServer) -> None:
    sessions = open_redis(own_server.url)
    listener = Listener(sessions.fanout)
    async with asyncio.timeout(30):
        await listener.subscribed.get()
        await sessions.ping()
        own_server.stop()
        for act in (sessions.ping(), sessions.load(M, "x"), sessions.first_use("k", 1), sessions.fanout.publish(b"x")):
            with pytest.raises(StorageError) as refused:
                await act
            assert refused.value.code == "sessions-away"
        await asyncio.to_thread(own_server.start)
        assert await sessions.save(new(), expected_revision=None)
        await listener.subscribed.get()
        await sessions.fanout.publish(b"again")
        assert await listener.heard.get() == b"again"
    await listener.stop()
    await sessions.close()


@pytest.fixture
async def cluster_url() -> AsyncIterator[str]:
    """A cluster of one node that has every slot."""
    server = ValkeyServer("--cluster-enabled", "yes", "--cluster-port", str(unused_port()), tcp=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"CLUSTER ADDSLOTSRANGE 0 16383\r\n")
    assert await reader.readline() == b"+OK\r\n"
    info = b""
    while b"cluster_state:ok" not in info:
        writer.write(b"CLUSTER INFO\r\n")
        info = await reader.readuntil(b"cluster_slots_assigned")
        await asyncio.sleep(0.02)
    writer.close()
    yield f"redis+cluster://127.0.0.1:{server.port}"
    server.remove()


@pytest.fixture
async def sentinel_url() -> AsyncIterator[str]:
    """A master and a sentinel that watches it."""
    master = ValkeyServer(tcp=True)
    sentinel = ValkeyServer("--sentinel", tcp=True, config=f"sentinel monitor shop 127.0.0.1 {master.port} 1\n")
    yield f"redis+sentinel://127.0.0.1:{sentinel.port}/shop"
    sentinel.remove()
    master.remove()


async def use(url: str) -> None:
    sessions = open_redis(url)
    assert await sessions.save(new(), expected_revision=None)
    assert not await sessions.save(new("ses_2"), expected_revision=None)
    assert await sessions.save(replace(new(), revision=1), expected_revision=0)
    assert await sessions.at_station(M, "sta_1") == replace(new(), revision=1)
    assert [await sessions.first_use("k", 60) for _ in range(2)] == [True, False]
    listener = Listener(sessions.fanout)
    async with asyncio.timeout(20):
        await listener.subscribed.get()
        await sessions.fanout.publish(b"hello")
        assert await listener.heard.get() == b"hello"
    await listener.stop()
    await sessions.close()


async def test_sessions_work_on_a_cluster(cluster_url: str) -> None:
    await use(cluster_url)


async def test_sessions_work_behind_sentinels(sentinel_url: str) -> None:
    await use(sentinel_url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://x",
        "redis://host:notaport",
        "redis+cluster://host",
        "redis+sentinel://host:1",
        "unix",
        "mysql://x:1/2",
    ],
)
async def test_an_address_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(RequestError) as refused:
        open_redis(url)
    assert refused.value.code == "redis-url"
