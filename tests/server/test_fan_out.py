"""What other processes tell: a message that cannot be read is dropped, and the next one arrives."""

import msgspec
import pytest

from poi_engine.clock import SystemClock
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
