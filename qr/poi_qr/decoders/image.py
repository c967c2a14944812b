"""From the bytes of an image file to grey pixels, with a limit on everything a stranger's file may ask for."""

from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageFilter, ImageOps

from poi_qr.errors import ImageError

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_FRAME_PIXELS = 4_200_000
"""Largest camera frame, in pixels."""
MAX_STILL_PIXELS = 25_000_000
"""Largest photo, in pixels; it is scaled down to `WORK_PIXELS` before the first look."""
WORK_PIXELS = 4_200_000
_FORMATS = ("PNG", "JPEG", "WEBP")
_MAX_SIDE = 16_384


@dataclass(frozen=True, slots=True)
class Grey:
    """Eight-bit grey pixels, row by row; `scale` times their coordinates are those of the upright image."""

    width: int
    height: int
    data: bytes
    scale: float = 1.0


def open_image(data: bytes, *, still: bool) -> Image.Image:
    """The upright grey image of a PNG, JPEG or WebP file, or an `ImageError`."""
    if not data:
        raise ImageError("empty", "no image was sent")
    if len(data) > MAX_FILE_BYTES:
        raise ImageError("image-too-large", f"the file has {len(data)} bytes; at most {MAX_FILE_BYTES} are read")
    image = _opened(data)
    _check_size(image, MAX_STILL_PIXELS if still else MAX_FRAME_PIXELS)
    return _loaded(image)


def grey(image: Image.Image, *, scale: float = 1.0) -> Grey:
    """The pixels of a grey image."""
    return Grey(image.width, image.height, image.tobytes(), scale)


def working_size(image: Image.Image) -> Image.Image:
    """The image itself, or a smaller one of at most `WORK_PIXELS`."""
    pixels = image.width * image.height
    return image if pixels <= WORK_PIXELS else scaled(image, (WORK_PIXELS / pixels) ** 0.5)


def scaled(image: Image.Image, factor: float) -> Image.Image:
    """The image with both sides times `factor`."""
    size = (max(1, int(image.width * factor)), max(1, int(image.height * factor)))
    return image.resize(size, Image.Resampling.BICUBIC if factor > 1 else Image.Resampling.BOX)


def sharpened(image: Image.Image) -> Image.Image:
    """The image with its edges raised, against slight blur."""
    return image.filter(ImageFilter.UnsharpMask(radius=3, percent=250, threshold=2))


def smoothed(image: Image.Image) -> Image.Image:
    """The image averaged over 3 x 3 pixels, against noise."""
    return image.filter(ImageFilter.BoxBlur(1))


def _opened(data: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large() from error
    except Exception as error:  # Pillow's parsers raise many kinds on hostile bytes
        raise ImageError("not-an-image", "the file is not a readable PNG, JPEG or WebP image") from error


def _check_size(image: Image.Image, most: int) -> None:
    if max(image.size) > _MAX_SIDE or image.width * image.height > most:
        raise _too_large()


def _loaded(image: Image.Image) -> Image.Image:
    try:
        image.load()
        return _as_grey(ImageOps.exif_transpose(image))
    except Exception as error:  # as above: truncated or hostile pixel data
        raise ImageError("broken-image", "the image file is cut off or damaged") from error


def _as_grey(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # sixteen bits a pixel
        return image.convert("F").point(lambda value: value * (1 / 257) + 0).convert("L")
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("L")
    return image.convert("L")


def _too_large() -> ImageError:
    return ImageError(
        "image-too-large",
        f"a photo may have {MAX_STILL_PIXELS} pixels, a camera frame {MAX_FRAME_PIXELS}, and no side over {_MAX_SIDE}",
    )
