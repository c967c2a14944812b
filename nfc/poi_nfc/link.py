"""The narrow way to a card in the field: one frame out, one frame in."""

from typing import Protocol

from poi_nfc.errors import CardLost, FrameError, FrameTimeout

RETRIES = 2


class Link(Protocol):
    """An activated card, as the protocols above see it; sizes are in bytes, without checksum."""

    max_send: int
    max_receive: int

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        """Send a frame and return the answer within `timeout` seconds; `FrameTimeout` or `FrameError` if none came."""

    def pause(self, seconds: float) -> None:
        """Wait before the next frame, as a card may ask for."""


def exchange_again(link: Link, frame: bytes, timeout: float) -> bytes:
    """Exchange a frame that may safely be repeated, a few times before the card counts as lost."""
    for _ in range(RETRIES):
        try:
            return link.exchange(frame, timeout)
        except (FrameTimeout, FrameError):
            continue
    try:
        return link.exchange(frame, timeout)
    except (FrameTimeout, FrameError) as error:
        raise CardLost(f"no answer to {frame[:1].hex()}: {error}") from error
