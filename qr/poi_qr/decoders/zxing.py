"""zxing-cpp, the first engine."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import zxingcpp

from poi_qr.decoders.image import Grey
from poi_qr.decoders.symbol import Position, Symbol, Symbology

NAME = "zxing-cpp"
_FORMATS = zxingcpp.BarcodeFormats(
    [
        zxingcpp.BarcodeFormat.QRCode,
        zxingcpp.BarcodeFormat.EAN13,
        zxingcpp.BarcodeFormat.EAN8,
        zxingcpp.BarcodeFormat.UPCA,
        zxingcpp.BarcodeFormat.Code128,
        zxingcpp.BarcodeFormat.DataMatrix,
    ]
)
# By AIM symbology identifier: the letter is the family, the digit says whether the content is GS1 or plain.
_BY_AIM: dict[str, Symbology] = {
    **dict.fromkeys(("]Q0", "]Q1", "]Q2"), "qr"),
    **dict.fromkeys(("]Q3", "]Q4"), "gs1-qr"),
    **dict.fromkeys(("]d0", "]d1", "]d4"), "data-matrix"),
    **dict.fromkeys(("]d2", "]d5"), "gs1-data-matrix"),
    **dict.fromkeys(("]C0", "]C2", "]C4"), "code-128"),
    "]C1": "gs1-128",
    "]E0": "ean-13",
    "]E4": "ean-8",
}
_STRUCTURED_APPEND = 0b0011
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: (row * column) % 2 + (row * column) % 3 == 0,
    lambda row, column: ((row * column) % 2 + (row * column) % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + (row * column) % 3) % 2 == 0,
)


class Reading(NamedTuple):
    """The complete symbols of one picture, and how many parts of multi-part codes were left out."""

    symbols: list[Symbol]
    parts: int


def read(image: Grey, *, thorough: bool) -> Reading:
    """Read all symbols; `thorough` also looks for turned, small and inverted ones."""
    pixels: Any = image.data
    view = zxingcpp.ImageView(pixels, image.width, image.height, zxingcpp.ImageFormat.Lum)
    found = zxingcpp.read_barcodes(view, _FORMATS, try_rotate=thorough, try_downscale=thorough, try_invert=thorough)
    return _reading(found, image.scale)


def _reading(found: Iterable[zxingcpp.Barcode], scale: float) -> Reading:
    symbols, parts = [], 0
    for barcode in found:
        symbology = _BY_AIM.get(barcode.symbology_identifier)
        if symbology is None or not barcode.valid:
            continue
        if symbology == "qr" and _is_part(barcode):
            parts += 1
            continue
        symbols.append(Symbol(symbology, barcode.bytes, NAME, _corners(barcode.position, scale)))
    return Reading(symbols, parts)


def _corners(position: zxingcpp.Position, scale: float) -> Position:
    points = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return tuple((round(point.x * scale), round(point.y * scale)) for point in points)


def _is_part(barcode: zxingcpp.Barcode) -> bool:
    """Whether the QR code is one part of several; the engine does not say, but the first four bits of the symbol do."""
    extra = barcode.extra
    mask = extra.get("DataMask") if isinstance(extra, dict) else None
    if not isinstance(mask, int) or not 0 <= mask < len(_MASKS):
        return False
    picture: Any = barcode.to_image(scale=1, add_quiet_zones=False)
    modules: Any = memoryview(picture).tolist()
    last = len(modules) - 1
    mode = 0
    for row, column in ((last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1)):
        mode = mode << 1 | ((modules[row][column] == 0) != _MASKS[mask](row, column))
    return mode == _STRUCTURED_APPEND
