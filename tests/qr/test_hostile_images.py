"""Files from strangers: bombs, cut-off or mangled images and odd symbols are refused or read, never a crash."""

import random
import struct
import warnings
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from poi_qr.decoders import MAX_FILE_BYTES, MAX_FRAME_PIXELS, MAX_STILL_PIXELS, ImageError, decode_image
from poi_qr.payload import PayloadError, classify
from tests.qr.pictures import encoded, hostile, png, qr

GOOD = {kind: encoded(qr("MARIE-0042"), kind) for kind in ("PNG", "JPEG", "WEBP")}


def refusal(data: bytes, *, still: bool) -> str:
    with pytest.raises(ImageError) as caught:
        decode_image(data, still=still)
    return caught.value.code


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_claimed_size(width: int, height: int) -> bytes:
    """A small, well-formed PNG file that claims many pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello", "not-an-image"),
        (b"\x89PNG\r\n\x1a\n", "not-an-image"),
        (b"\xff\xd8\xff", "not-an-image"),
        (b"GIF89a" + bytes(20), "not-an-image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not-an-image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not-an-image"),
        (bytes(MAX_FILE_BYTES + 1), "image-too-large"),
        (png_of_claimed_size(30_000, 30_000), "image-too-large"),
        (png_of_claimed_size(10_000, 10_000), "image-too-large"),
        (png_of_claimed_size(100_000, 1), "image-too-large"),
        (png_of_claimed_size(2**31 - 1, 2**31 - 1), "image-too-large"),
        (png_of_claimed_size(1000, 1000), "broken-image"),
    ],
)
@pytest.mark.parametrize("still", [False, True])
def test_refused_files(data: bytes, code: str, still: bool) -> None:
    assert refusal(data, still=still) == code


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM", "ICO"])
def test_only_three_formats_are_opened(kind: str) -> None:
    assert refusal(encoded(qr("MARIE-0042"), kind), still=True) == "not-an-image"


def test_a_photo_is_too_large_for_a_camera_frame() -> None:
    size = (3000, 2000)
    assert MAX_FRAME_PIXELS < size[0] * size[1] < MAX_STILL_PIXELS
    photo = png(Image.new("1", size, 1))
    assert refusal(photo, still=False) == "image-too-large"
    assert decode_image(photo, still=True) == []


def test_a_bomb_is_a_refusal_also_where_warnings_are_shown() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert refusal(png_of_claimed_size(10_000, 10_000), still=True) == "image-too-large"


def test_a_text_bomb_inside_a_png() -> None:
    bomb = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(80_000_000)))
    whole = png(qr("MARIE-0042"))
    assert refusal(whole[:33] + bomb + whole[33:], still=False) in ("not-an-image", "broken-image")


@pytest.mark.parametrize("kind", GOOD)
def test_every_cut_is_a_refusal_or_the_whole_code(kind: str) -> None:
    whole = GOOD[kind]
    outcomes = set()
    for end in range(0, len(whole), max(1, len(whole) // 40)):
        try:
            found = decode_image(whole[:end], still=False)
        except ImageError as error:
            outcomes.add(error.code)
        else:
            outcomes.add("read")
            assert {symbol.data for symbol in found} <= {b"MARIE-0042"}
    assert outcomes & {"not-an-image", "broken-image"}


@given(kind=st.sampled_from(sorted(GOOD)), seed=st.integers(0, 2**32), count=st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_mangled_files_are_read_or_refused(kind: str, seed: int, count: int) -> None:
    rng = random.Random(seed)
    data = bytearray(GOOD[kind])
    for _ in range(count):
        data[rng.randrange(len(data))] = rng.randrange(256)
    try:
        decode_image(bytes(data), still=False)
    except ImageError as error:
        assert error.code in ("not-an-image", "broken-image", "image-too-large")


@given(
    content=st.one_of(
        st.binary(min_size=1, max_size=200),
        st.text(min_size=1, max_size=60).filter(lambda text: text.encode("utf-8", "ignore") != b""),
    ),
    error=st.sampled_from("lmqh"),
)
@settings(max_examples=60, deadline=None)
def test_odd_contents_come_out_exactly_and_are_classified_or_refused(content: bytes | str, error: str) -> None:
    data = content if isinstance(content, bytes) else content.encode("utf-8", "ignore")
    found = decode_image(png(qr(data, scale=3, error=error)), still=False)
    assert [symbol.data for symbol in found] == [data]
    try:
        assert classify(found[0].data, found[0].symbology).subject
    except PayloadError as refused:
        assert refused.code


@pytest.mark.parametrize("version", [1, 3, 7])
def test_symbols_of_random_mode_and_length_bits_never_crash_zxing(version: int) -> None:
    outcomes = set()
    for seed in range(60):
        try:
            symbols = decode_image(png(hostile(seed, version)), still=False)
        except ImageError as error:
            outcomes.add(error.code)
            continue
        outcomes.add(f"{len(symbols)} read")
        for symbol in symbols:
            outcomes.add(outcome_of(symbol.data, symbol.symbology))
    assert outcomes & {"0 read", "multi-part-code"}


@pytest.mark.zbar
@pytest.mark.parametrize("version", [1, 3, 7])
def test_symbols_of_random_mode_and_length_bits_never_crash_zbar(version: int) -> None:
    from poi_qr.decoders import zbar
    from poi_qr.decoders.image import grey

    read = 0
    for seed in range(60):
        for symbol in zbar.read_qr(grey(hostile(seed, version))):
            read += 1
            outcome_of(symbol.data, symbol.symbology)
    assert read, "zbar reads some of these symbols; if none came through, the pictures are no symbols at all"


def outcome_of(data: bytes, symbology: str) -> str:
    """The scheme or the refusal: anything else is a failure."""
    try:
        return classify(data, symbology).scheme
    except PayloadError as error:
        return error.code
