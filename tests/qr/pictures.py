"""Pictures of codes for the tests: made with segno and Pillow, or with zxing-cpp's own writer for barcodes."""

import random
from io import BytesIO
from unittest import mock

import segno
import segno.encoder
import zxingcpp
from PIL import Image, ImageOps


def qr(content: str | bytes, *, scale: int = 6, error: str = "m", encoding: str | None = "utf-8") -> Image.Image:
    """A clean grey QR picture with its quiet zone."""
    out = BytesIO()
    if isinstance(content, bytes) or content.isascii():
        encoding = None
    mode = None if content.isascii() else "byte"  # bytes that look like Shift JIS are bytes all the same
    segno.make_qr(content, error=error, encoding=encoding, mode=mode).save(out, kind="png", scale=scale, border=4)
    return Image.open(BytesIO(out.getvalue())).convert("L")


def barcode(content: str, kind: str, *, scale: int = 3) -> Image.Image:
    """A clean grey barcode or Data Matrix (`kind` is zxing-cpp's name for it)."""
    made = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    rows = memoryview(made.to_image(scale=scale))
    height, width = rows.shape
    return ImageOps.expand(Image.frombytes("L", (width, height), rows.tobytes()), 30, 255)


def png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    return encoded(image, "PNG")


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image as a file of one format."""
    out = BytesIO()
    image.save(out, kind, **options)  # type: ignore[arg-type]
    return out.getvalue()


def noisy(image: Image.Image, seed: int, strength: int) -> Image.Image:
    """The image with seeded grey noise of +-strength on every pixel."""
    rng = random.Random(seed)
    pixels = bytes(max(0, min(255, value + rng.randint(-strength, strength))) for value in image.tobytes())
    return Image.frombytes("L", image.size, pixels)


def on_canvas(image: Image.Image, size: tuple[int, int], place: tuple[int, int]) -> Image.Image:
    """The image on a larger light-grey canvas."""
    canvas = Image.new("L", size, 200)
    canvas.paste(image, place)
    return canvas


def parts(text: str) -> list[Image.Image]:
    """The pictures of a multi-part (structured append) QR message."""
    made = []
    for part in segno.make_sequence(text, version=3):
        out = BytesIO()
        part.save(out, kind="png", scale=5, border=4)
        made.append(Image.open(BytesIO(out.getvalue())).convert("L"))
    return made


def hostile(seed: int, version: int) -> Image.Image:
    """A QR symbol with sound error correction around random content bits: no encoder would write it."""
    rng = random.Random(seed * 100 + version)

    def write_random_bits(buffer: segno.encoder.Buffer, *_: object, **__: object) -> None:
        buffer.append_bits(rng.choice((0b0001, 0b0010, 0b0011, 0b0100, 0b0101, 0b0111, 0b1000, 0b1001, 0b1111)), 4)
        buffer.extend(rng.getrandbits(1) for _ in range(rng.randint(1, 140)))

    out = BytesIO()
    with mock.patch.object(segno.encoder, "write_segment", write_random_bits):
        segno.make_qr("x", version=version, error="l", boost_error=False).save(out, kind="png", scale=4, border=4)
    return Image.open(BytesIO(out.getvalue())).convert("L")
