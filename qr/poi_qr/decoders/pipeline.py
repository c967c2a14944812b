"""The order of looks at a picture: cheap ones at every frame, hard ones at a photo, each barcode read twice."""

from collections.abc import Iterator
from functools import cache
from types import ModuleType

from PIL import Image

from poi_qr.decoders import image as images
from poi_qr.decoders.symbol import Symbol
from poi_qr.errors import ImageError

MAX_SYMBOLS = 16
_SMALL_PIXELS = 2_100_000
_RESAMPLED = ":resampled"


def decode_image(data: bytes, *, still: bool) -> list[Symbol]:
    """All readings of all codes in a PNG, JPEG or WebP file; an empty list when there is none.

    `still` allows a larger picture and the slow looks, for a photo that has no next frame. A barcode of one dimension
    appears once per engine that read it, so that a `ScanGate` can ask for two agreeing reads; in a still that only one
    engine read, a second read of the resampled picture stands beside it. Blocks: call it in a thread.
    """
    full = images.open_image(data, still=still)
    work = images.working_size(full)
    found = _with_zxing(full, work, still) if _zxing() else _with_zbar_alone(full, work)
    return found[:MAX_SYMBOLS]


def engines() -> tuple[str, ...]:
    """The names of the engines that work here, the first one used first."""
    return tuple(str(engine.NAME) for engine in (_zxing(), _zbar()) if engine)


def _with_zxing(full: Image.Image, work: Image.Image, still: bool) -> list[Symbol]:
    parts = 0
    for picture, thorough in _looks(full, work, still):
        reading = _required(_zxing()).read(picture, thorough=thorough)
        parts += reading.parts
        if reading.symbols:
            return [*reading.symbols, *_second_reads(reading.symbols, full, work, still)]
    found = _linear(_at_scale(full, work))
    if parts and not found:
        raise ImageError("multi-part-code", "the code is one part of several; only whole codes are read")
    return found


def _looks(full: Image.Image, work: Image.Image, still: bool) -> Iterator[tuple[images.Grey, bool]]:
    first = _at_scale(full, work)
    yield first, False
    yield first, True
    if still:
        for picture in _hard_pictures(full, work):
            yield _at_scale(full, picture), True


def _hard_pictures(full: Image.Image, work: Image.Image) -> Iterator[Image.Image]:
    if work is not full:
        yield full
    elif work.width * work.height <= _SMALL_PIXELS:
        yield images.scaled(work, 2)
    yield images.scaled(work, 0.5)
    yield images.sharpened(work)
    yield images.smoothed(work)


def _second_reads(symbols: list[Symbol], full: Image.Image, work: Image.Image, still: bool) -> list[Symbol]:
    if not any(symbol.linear for symbol in symbols):
        return []
    again = _linear(_at_scale(full, work))
    if again or not still:
        return again
    resampled = images.scaled(work, 0.75 if work.width * work.height > _SMALL_PIXELS else 1.5)
    reading = _required(_zxing()).read(_at_scale(full, resampled), thorough=True)
    return [
        Symbol(found.symbology, found.data, found.engine + _RESAMPLED, found.position)
        for found in reading.symbols
        if found.linear
    ]


def _with_zbar_alone(full: Image.Image, work: Image.Image) -> list[Symbol]:
    picture = _at_scale(full, work)
    engine = _required(_zbar())
    return [*engine.read_qr(picture), *engine.read_linear(picture)]


def _linear(picture: images.Grey) -> list[Symbol]:
    engine = _zbar()
    return engine.read_linear(picture) if engine else []


def _at_scale(full: Image.Image, picture: Image.Image) -> images.Grey:
    return images.grey(picture, scale=full.width / picture.width)


def _required(engine: ModuleType | None) -> ModuleType:
    if engine is None:
        raise ImageError("no-decoder", "neither zxing-cpp nor libzbar is installed here")
    return engine


@cache
def _zxing() -> ModuleType | None:
    try:
        from poi_qr.decoders import zxing
    except ImportError:
        return None
    return zxing


@cache
def _zbar() -> ModuleType | None:
    try:
        from poi_qr.decoders import zbar
    except ImportError:
        return None
    return zbar
