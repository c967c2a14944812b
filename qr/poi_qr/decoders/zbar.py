"""libzbar, the second engine, through pyzbar's thin wrapper: raw bytes, one kept scanner per thread."""

import threading
import weakref
from collections.abc import Iterator
from typing import Any

from pyzbar import wrapper

from poi_qr.decoders.image import Grey
from poi_qr.decoders.symbol import Position, Symbol, Symbology

NAME = "zbar"
_BINARY = 4  # ZBAR_CFG_BINARY; pyzbar's own enumeration ends before it
_Y800 = int.from_bytes(b"Y800", "little")
# UPC-A is read as the EAN-13 with a leading zero that it is: both engines then say the same.
_LINEAR = (
    wrapper.ZBarSymbol.EAN13,
    wrapper.ZBarSymbol.EAN8,
    wrapper.ZBarSymbol.CODE128,
)
_SYMBOLOGY: dict[int, Symbology] = {
    wrapper.ZBarSymbol.EAN13: "ean-13",
    wrapper.ZBarSymbol.EAN8: "ean-8",
    wrapper.ZBarSymbol.CODE128: "code-128",
    wrapper.ZBarSymbol.QRCODE: "qr",
}
_MOST_SYMBOLS = 64
_MOST_POINTS = 256


class Scanner:
    """One libzbar scanner object; not shared between threads.

    For barcodes it looks at every second line, which reads more of them; for QR codes at every line.
    """

    def __init__(self, *, qr: bool) -> None:
        self._scanner = wrapper.zbar_image_scanner_create()
        weakref.finalize(self, wrapper.zbar_image_scanner_destroy, self._scanner)
        self._set(0, wrapper.ZBarConfig.CFG_ENABLE, 0)
        for kind in (wrapper.ZBarSymbol.QRCODE,) if qr else _LINEAR:
            self._set(kind, wrapper.ZBarConfig.CFG_ENABLE, 1)
            self._set(kind, _BINARY, 1)
        for axis in (wrapper.ZBarConfig.CFG_X_DENSITY, wrapper.ZBarConfig.CFG_Y_DENSITY):
            self._set(0, axis, 1 if qr else 2)

    def read(self, image: Grey) -> list[Symbol]:
        """All symbols of the picture."""
        handle = wrapper.zbar_image_create()
        try:
            wrapper.zbar_image_set_format(handle, _Y800)
            wrapper.zbar_image_set_size(handle, image.width, image.height)
            wrapper.zbar_image_set_data(handle, image.data, len(image.data), None)
            if wrapper.zbar_scan_image(self._scanner, handle) <= 0:
                return []
            return list(_symbols(handle, image.scale))
        finally:
            wrapper.zbar_image_destroy(handle)

    def _set(self, symbology: int, option: int, value: int) -> None:
        wrapper.zbar_image_scanner_set_config(self._scanner, symbology, option, value)


class _Kept(threading.local):
    def __init__(self) -> None:
        self.linear = Scanner(qr=False)
        self.qr = Scanner(qr=True)


_kept = _Kept()


def read_linear(image: Grey) -> list[Symbol]:
    """EAN, UPC and Code 128 symbols; the QR reader of the library stays off."""
    return _kept.linear.read(image)


def read_qr(image: Grey) -> list[Symbol]:
    """QR codes with their exact bytes."""
    return _kept.qr.read(image)


def _symbols(handle: Any, scale: float) -> Iterator[Symbol]:
    symbol = wrapper.zbar_image_first_symbol(handle)
    count = 0
    while symbol and count < _MOST_SYMBOLS:
        symbology = _SYMBOLOGY.get(symbol.contents.type)
        if symbology is not None:
            yield Symbol(symbology, _data(symbol), NAME, _box(symbol, scale))
        symbol = wrapper.zbar_symbol_next(symbol)
        count += 1


def _data(symbol: Any) -> bytes:
    return bytes(wrapper.zbar_symbol_get_data(symbol)[: wrapper.zbar_symbol_get_data_length(symbol)])


def _box(symbol: Any, scale: float) -> Position:
    points = range(min(wrapper.zbar_symbol_get_loc_size(symbol), _MOST_POINTS))
    if not points:
        return ()
    across = [round(wrapper.zbar_symbol_get_loc_x(symbol, index) * scale) for index in points]
    down = [round(wrapper.zbar_symbol_get_loc_y(symbol, index) * scale) for index in points]
    left, right, top, bottom = min(across), max(across), min(down), max(down)
    return ((left, top), (right, top), (right, bottom), (left, bottom))
