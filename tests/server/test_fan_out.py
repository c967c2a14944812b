"""What other processes tell: a message that cannot be read is dropped, and the next one arrives."""

import msgspec
import pytest

from poi_engine.clock import SystemClock, moment
from poi_engine.session import Session
from poi_offers.situation import Basket
from poi_server.live import Live, Told, Watcher


async def _nobody(_message: bytes) -> None:
    """Nobody listens."""


@pytest.mark.parametrize("strange", [b"", b"\xc1", b"\x81\xa1\xff\x01", msgspec.msgpack.encode({"version": 2})])
async def test_a_strange_message_does_not_end_the_listening(strange: bytes) -> None:
    live, watcher = Live("prc_1", _nobody, SystemClock()), Watcher()
    topic = ("mer_1", "station", "sta_1")
    live.watch(watcher, topic)
    live.receive(strange)
    live.receive(msgspec.msgpack.encode(Told(origin="prc_2", topics=(topic,), body=b"{}")))
    assert await anext(watcher.messages()) == b"{}"


async def test_after_a_gap_every_screen_is_told_to_load_afresh() -> None:
    live, watcher = Live("prc_1", _nobody, SystemClock()), Watcher()
    live.watch(watcher, ("mer_1", "station", "sta_1"))
    live.watch(watcher, ("mer_1", "dashboard", ""))
    watcher.put(b"{}")
    live.resync()
    assert await anext(watcher.messages()) == b'{"kind":"resync"}'


async def test_what_is_shown_here_alone_asks_nothing_of_redis() -> None:
    """A sale in one request on its way: the screens of its process see it at once, the others if it takes a while."""
    published: list[bytes] = []

    async def publish(message: bytes) -> None:
        published.append(message)

    live, watcher = Live("prc_1", publish, SystemClock()), Watcher()
    live.watch(watcher, ("mer_1", "station", "sta_1"))
    names = {"session_id": "ses_1", "merchant_id": "mer_1", "store_id": "sto_1", "station_id": "sta_1"}
    session = Session(**names, opened_at=moment(0), basket=Basket(currency="EUR", items=()))
    messages = watcher.messages()
    await live.session_changed(session, to="here")
    assert (b"ses_1" in await anext(messages), published) == (True, [])
    await live.session_changed(session, to="elsewhere")
    watcher.put(b"next")
    assert (await anext(messages), len(published)) == (b"next", 1)
    await live.session_changed(session)
    assert (b"ses_1" in await anext(messages), len(published)) == (True, 2)
