"""An offer as bytes: a head of fixed size, told without decoding, then its document."""

from array import array
from struct import Struct as Layout
from typing import NamedTuple, Union

from msgspec import DecodeError, msgpack

from poi_cext.words import digest
from poi_offers.model import Offer

Buffer = Union[bytes, bytearray, memoryview, "array[int]"]

_ENCODER = msgpack.Encoder()
_DECODER = msgpack.Decoder(Offer)
_HEAD = Layout("<h?xIq")
_PRIORITY = Layout("<h")
HEAD_SIZE = _HEAD.size
_LOW = 2**32 - 1


class DamagedRecord(ValueError):
    """The document is not the one that was written: a bit of the memory or the file it lies in has changed."""


class Head(NamedTuple):
    """What is told of an offer without decoding it, and a digest of its document."""

    priority: int
    is_reward: bool
    digest: int
    version: int


def record_of(offer: Offer) -> bytes:
    """The offer's head and document."""
    document = _ENCODER.encode(offer)
    head = Head(offer.stacking.priority, offer.reward_points is not None, digest(document) & _LOW, offer.version)
    return _HEAD.pack(*head) + document


def offer_of(record: Buffer) -> Offer:
    """The offer back from its bytes, every bit of them checked."""
    document = memoryview(record)[HEAD_SIZE:]
    if digest(document) & _LOW != head_of(record).digest:
        raise DamagedRecord("an offer's document is damaged")
    try:
        return _DECODER.decode(document)
    except DecodeError as error:
        raise DamagedRecord(f"an offer's document cannot be read: {error}") from None


def priority_of(record: Buffer, start: int = 0) -> int:
    """The head's priority alone."""
    priority: int = _PRIORITY.unpack_from(record, start)[0]
    return priority


def head_of(record: Buffer, start: int = 0) -> Head:
    """The offer's head, at a position of these bytes."""
    return Head(*_HEAD.unpack_from(record, start))
