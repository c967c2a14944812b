"""From a picture to symbols: zxing-cpp first, libzbar beside it for barcodes where the system has it.

The only package that imports the two engines. Everything here blocks: call it in a thread; decoding releases the GIL.
"""

from poi_qr.decoders.image import MAX_FILE_BYTES, MAX_FRAME_PIXELS, MAX_STILL_PIXELS
from poi_qr.decoders.pipeline import decode_image, engines
from poi_qr.decoders.symbol import Symbol
from poi_qr.errors import ImageError

__all__ = ["MAX_FILE_BYTES", "MAX_FRAME_PIXELS", "MAX_STILL_PIXELS", "ImageError", "Symbol", "decode_image", "engines"]
