"""A short film of a code, in the raw form that Chromium takes for a camera."""

from pathlib import Path

import zxingcpp
from PIL import Image

WIDTH, HEIGHT, FRAMES = 640, 480, 10


def write_film(path: Path, ean: str) -> None:
    """A YUV4MPEG2 film that shows the EAN-13 code in its middle."""
    frame = _frame(ean).tobytes() + bytes([128]) * (WIDTH * HEIGHT // 2)
    header = f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F5:1 Ip A1:1 C420mpeg2\n".encode()
    path.write_bytes(header + (b"FRAME\n" + frame) * FRAMES)


def _frame(ean: str) -> Image.Image:
    picture = drawn(zxingcpp.create_barcode(ean, zxingcpp.BarcodeFormat.EAN13))
    frame = Image.new("L", (WIDTH, HEIGHT), 235)
    frame.paste(picture, ((WIDTH - picture.width) // 2, (HEIGHT - picture.height) // 2))
    return frame


def drawn(code: zxingcpp.Barcode) -> Image.Image:
    """A code's picture."""
    image = zxingcpp.write_barcode_to_image(code, scale=4)
    return Image.frombytes("L", (image.shape[1], image.shape[0]), bytes(memoryview(image).cast("B")))
