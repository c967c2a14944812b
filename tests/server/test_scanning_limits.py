"""Pictures are read in threads: a frame is dropped when its camera is ahead, photos wait in a short queue."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from poi_engine.errors import RequestError
from poi_server import scanning
from poi_server.scanning import STILLS_WAITING, Scanning


class Held:
    """A decoder that waits until it is let go."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.busy: list[bool] = []
        self.began = {still: threading.Event() for still in (False, True)}

    def __call__(self, _data: bytes, *, still: bool) -> list[object]:
        """See nothing, slowly."""
        self.busy.append(still)
        self.began[still].set()
        assert self.go_on.wait(20)
        return []


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    """The decoder in place of the real one."""
    decoder = Held()
    monkeypatch.setattr(scanning, "decode_image", decoder)
    yield decoder
    decoder.go_on.set()


@pytest.fixture
async def scanner() -> Scanning:
    """The stations' optical side."""
    return Scanning(lambda: 0.0, lambda: 0.0)


async def _busy(held: Held, still: bool) -> None:
    assert await asyncio.to_thread(held.began[still].wait, 20)


async def test_a_frame_is_dropped_while_the_last_one_of_its_camera_is_read(scanner: Scanning, held: Held) -> None:
    first = asyncio.create_task(scanner.read_image("scan:1", b"", still=False))
    await _busy(held, still=False)
    assert await scanner.read_image("scan:1", b"", still=False) is None
    assert held.busy == [False], "the second was not decoded"
    held.go_on.set()
    assert await first is None
    await scanner.read_image("scan:1", b"", still=False)
    assert held.busy == [False, False]
    scanner.close()


async def test_photos_leave_a_thread_to_the_cameras_and_wait_in_a_short_queue(scanner: Scanning, held: Held) -> None:
    photos = [asyncio.create_task(scanner.read_image("scan:1", b"", still=True)) for _ in range(STILLS_WAITING)]
    await _busy(held, still=True)
    with pytest.raises(RequestError) as refused:
        await scanner.read_image("scan:2", b"", still=True)
    assert (refused.value.code, refused.value.status) == ("too-many-photos", 429)
    frame = asyncio.create_task(scanner.read_image("scan:3", b"", still=False))
    await _busy(held, still=False)
    held.go_on.set()
    await asyncio.gather(frame, *photos)
    assert held.busy.count(True) == STILLS_WAITING
    await scanner.read_image("scan:2", b"", still=True)
    scanner.close()
