"""Pictures of products: taken apart and drawn anew by Pillow in a thread, kept in SQL, named by their content.

Whatever was sent, what is kept is a WebP picture of ours without metadata, and a small one for lists. A picture's name
is the digest of its bytes, so a name never means another picture and may be kept for ever.
"""

import asyncio
import hashlib
import io
import warnings
from typing import Literal

from msgspec import Struct
from PIL import Image, ImageOps

from poi_engine.catalogue.offer_rows import lock_catalogue
from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, micros
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 24_000_000
MAX_PICTURES = 8
LARGE, SMALL = 1280, 320  # pixels, the longer side
_QUALITY = 82
_THREADS = 2


class PictureRef(Struct, frozen=True, kw_only=True):
    """A picture by its name; its size in pixels lets a page keep its place."""

    picture_id: str
    width: int
    height: int


class Redrawn(Struct, frozen=True, kw_only=True):
    """A picture as it is kept: WebP in two sizes."""

    picture_id: str
    width: int
    height: int
    content: bytes
    small: bytes
    content_type: str = "image/webp"


class Kept(Struct, frozen=True, kw_only=True):
    """A picture's bytes."""

    content_type: str
    content: bytes


class Pictures:
    """The pictures' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids
        self._drawing = asyncio.Semaphore(_THREADS)

    async def add(self, merchant_id: str, code: str, data: bytes, *, by: Principal | None = None) -> PictureRef:
        """Add a picture (JPEG, PNG or WebP) to a product, as its last; the same picture stays once."""
        async with self._drawing:
            drawn = await asyncio.to_thread(redraw, data)
        at = micros(self._clock.now())

        def job() -> Job[None]:
            yield from _add(merchant_id, code, drawn, at)
            if by is not None:
                yield self._noted(merchant_id, by, "add-picture", code, drawn.picture_id, at)

        await self._sql.write(job)
        return PictureRef(picture_id=drawn.picture_id, width=drawn.width, height=drawn.height)

    async def order(
        self, merchant_id: str, code: str, picture_ids: tuple[str, ...], *, by: Principal
    ) -> tuple[PictureRef, ...]:
        """Show a product's pictures in this order; those left out are taken off the sheet."""
        at = micros(self._clock.now())

        def job() -> Job[tuple[PictureRef, ...]]:
            gone = yield from _order(merchant_id, code, picture_ids)
            why = f"{len(picture_ids)} kept" + (f", taken off: {' '.join(gone)}" if gone else "")
            yield self._noted(merchant_id, by, "order-pictures", code, why, at)
            return (yield from read_pictures(merchant_id, code))

        return await self._sql.write(job)

    def _noted(self, merchant_id: str, by: Principal, act: str, code: str, why: str, at: int) -> Query:
        return insert_audit(merchant_id, self._ids.new("aud"), by.who, act, code, why, at, by.station_id)

    async def get(self, merchant_id: str, picture_id: str, size: Literal["large", "small"]) -> Kept:
        """A picture's bytes."""
        return await self._sql.read(lambda: _get(merchant_id, picture_id, size))


def redraw(data: bytes) -> Redrawn:
    """The picture drawn anew; a `RequestError` says what is wrong with it. Takes its time: for threads."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is judged here
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_size(picture)
            return _drawn(picture)
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except (OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        message = "This cannot be read as a picture. Send a JPEG, PNG or WebP file."
        raise RequestError("bad-picture", message, path="$") from error


def _check_size(picture: Image.Image) -> None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise _too_large()
    if min(width, height) < 16:
        raise RequestError("picture-too-small", "A picture has at least 16 pixels on each side.", path="$")


def _too_large() -> RequestError:
    message = f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels; send a smaller one."
    return RequestError("picture-too-large", message, path="$")


def _drawn(picture: Image.Image) -> Redrawn:
    picture.draft("RGB", (LARGE, LARGE))
    upright = ImageOps.exif_transpose(picture)
    flat = _on_white(upright)
    flat.thumbnail((LARGE, LARGE), Image.Resampling.LANCZOS)
    content = _webp(flat)
    width, height = flat.size
    flat.thumbnail((SMALL, SMALL), Image.Resampling.LANCZOS)
    name = hashlib.sha256(content).hexdigest()[:32]
    return Redrawn(picture_id=f"pic_{name}", width=width, height=height, content=content, small=_webp(flat))


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    clear = picture.convert("RGBA")
    flat = Image.new("RGB", clear.size, "white")
    flat.paste(clear, mask=clear.getchannel("A"))
    return flat


def _webp(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()


# --- jobs ----------------------------------------------------------------------------------------------------------


def read_pictures(merchant_id: str, code: str) -> Job[tuple[PictureRef, ...]]:
    """A product's pictures in their order."""
    rows = yield Query(
        "select p.picture_id, p.width, p.height from product_picture o join picture p on p.merchant_id = o.merchant_id "
        "and p.picture_id = o.picture_id where o.merchant_id = ? and o.code = ? order by o.position, o.picture_id",
        (merchant_id, code),
    )
    return tuple(PictureRef(**row) for row in rows)


def first_pictures(merchant_id: str, codes: list[str]) -> Job[dict[str, str]]:
    """The name of each product's first picture, for lists."""
    if not codes:
        return {}
    rows = yield Query(
        "select code, picture_id from product_picture where merchant_id = ? and code in"
        f" ({', '.join('?' * len(codes))}) order by position desc, picture_id desc",
        (merchant_id, *codes),
    )
    return {row["code"]: row["picture_id"] for row in rows}


def _add(merchant_id: str, code: str, drawn: Redrawn, at: int) -> Job[None]:
    yield from lock_catalogue(merchant_id)
    yield from _must_be_there(merchant_id, code)
    there = yield from read_pictures(merchant_id, code)
    if drawn.picture_id in {one.picture_id for one in there}:
        return
    if len(there) >= MAX_PICTURES:
        raise Conflict("too-many-pictures", f"A product has at most {MAX_PICTURES} pictures.")
    yield Query(
        "insert into picture (merchant_id, picture_id, content_type, width, height, content, small, created_at) "
        "values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (merchant_id, picture_id) do nothing",
        (
            *(merchant_id, drawn.picture_id, drawn.content_type, drawn.width, drawn.height),
            *(drawn.content, drawn.small, at),
        ),
    )
    yield _link(merchant_id, code, drawn.picture_id, len(there))


def _must_be_there(merchant_id: str, code: str) -> Job[None]:
    if not (yield Query("select 1 as one from product where merchant_id = ? and code = ?", (merchant_id, code))):
        raise NotFound("product", code)


def _link(merchant_id: str, code: str, picture_id: str, position: int) -> Query:
    return Query(
        "insert into product_picture (merchant_id, code, picture_id, position) values (?, ?, ?, ?)",
        (merchant_id, code, picture_id, position),
    )


def _order(merchant_id: str, code: str, picture_ids: tuple[str, ...]) -> Job[list[str]]:
    """The names of those that are taken off."""
    yield from lock_catalogue(merchant_id)
    yield from _must_be_there(merchant_id, code)
    there = {one.picture_id for one in (yield from read_pictures(merchant_id, code))}
    for index, picture_id in enumerate(picture_ids):
        if picture_id not in there or picture_id in picture_ids[:index]:
            message = "Name each picture of the product once."
            raise RequestError("unknown-picture", message, path=f"$.pictures[{index}]")
    yield Query("delete from product_picture where merchant_id = ? and code = ?", (merchant_id, code))
    for position, picture_id in enumerate(picture_ids):
        yield _link(merchant_id, code, picture_id, position)
    gone = sorted(there - set(picture_ids))
    for picture_id in gone:
        yield Query(
            "delete from picture where merchant_id = ? and picture_id = ? and not exists (select 1 from "
            "product_picture o where o.merchant_id = picture.merchant_id and o.picture_id = picture.picture_id)",
            (merchant_id, picture_id),
        )
    return gone


def _get(merchant_id: str, picture_id: str, size: str) -> Job[Kept]:
    column = "small" if size == "small" else "content"
    rows = yield Query(
        f"select content_type, {column} as content from picture where merchant_id = ? and picture_id = ?",
        (merchant_id, picture_id),
    )
    if not rows:
        raise NotFound("picture", picture_id)
    return Kept(content_type=rows[0]["content_type"], content=bytes(rows[0]["content"]))
