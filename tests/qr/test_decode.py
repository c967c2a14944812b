"""Pictures in, exact bytes out: both engines, real formats, and the conditions of a counter."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageFilter, ImageOps

from poi_qr import poi1
from poi_qr.decoders import ImageError, Symbol, decode_image, engines
from poi_qr.decoders.image import Grey, grey
from tests.qr import pictures
from tests.qr.pictures import barcode, encoded, noisy, on_canvas, png, qr

TOKEN = poi1.issue(b"k" * 32, 3, b"handle-8", 1_760_000_000, 7)
FRENCH = [
    "é",
    "â",
    "œ",
    "€",
    "Café 3,50 €",
    "Crème brûlée à Orléans",
    "Où ça ? Là-bas, près de la pâtisserie Noël",
    "Associação",
    "最佳运输",
    "naïve façade ÀÂÄÇÉÈÊËÎÏÔÖÙÛÜŸ «œuvre»",
]
ALL_BYTES = [bytes(range(128)), bytes(range(128, 256)), b"caf\xe9", b"\x00\xff\x00", "é".encode("utf-16")]


def contents(image: Image.Image, *, still: bool = False) -> set[bytes]:
    return {symbol.data for symbol in decode_image(png(image), still=still)}


def zbar_alone(image: Image.Image) -> list[Symbol]:
    """What libzbar's QR reader makes of a picture, without zxing-cpp."""
    from poi_qr.decoders import zbar

    return zbar.read_qr(grey(image))


def test_zxing_is_the_first_engine() -> None:
    assert engines()[0] == "zxing-cpp"


@pytest.mark.zbar
def test_zbar_is_the_second_engine() -> None:
    assert engines() == ("zxing-cpp", "zbar")


def test_a_machine_without_libzbar_reads_with_zxing_alone(tmp_path: Path) -> None:
    picture = tmp_path / "code.png"
    picture.write_bytes(png(barcode("3760123456784", "EAN13")))
    script = (
        "import ctypes.util, pathlib, sys\n"
        "ctypes.util.find_library = lambda name: None\n"
        "from poi_qr.decoders import decode_image, engines\n"
        "found = decode_image(pathlib.Path(sys.argv[1]).read_bytes(), still=True)\n"
        "print(engines(), {symbol.data for symbol in found}, len(found))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(poi1.__file__).parents[1])}
    command = [sys.executable, "-c", script, str(picture)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, env=environment)
    assert done.stdout.strip() == "('zxing-cpp',) {b'3760123456784'} 2"


@pytest.mark.parametrize("text", FRENCH)
def test_french_and_other_utf_8_is_exact(text: str) -> None:
    (symbol,) = decode_image(png(qr(text)), still=False)
    assert (symbol.symbology, symbol.engine) == ("qr", "zxing-cpp")
    assert symbol.data.decode() == text


@pytest.mark.zbar
@pytest.mark.parametrize("text", FRENCH)
def test_french_and_other_utf_8_is_exact_with_zbar_too(text: str) -> None:
    (symbol,) = zbar_alone(qr(text))
    assert (symbol.symbology, symbol.engine) == ("qr", "zbar")
    assert symbol.data.decode() == text


@pytest.mark.parametrize("data", ALL_BYTES)
def test_raw_bytes_are_exact(data: bytes) -> None:
    assert contents(qr(data)) == {data}


@pytest.mark.zbar
@pytest.mark.parametrize("data", ALL_BYTES)
def test_raw_bytes_are_exact_with_zbar_too(data: bytes) -> None:
    assert [symbol.data for symbol in zbar_alone(qr(data))] == [data]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_image_formats(kind: str) -> None:
    (symbol,) = decode_image(encoded(qr(TOKEN), kind), still=False)
    assert symbol.data == TOKEN.encode()


@pytest.mark.parametrize(
    ("text", "kind", "symbology"),
    [
        ("3760123456784", "EAN13", "ean-13"),
        ("2012345678903", "EAN13", "ean-13"),
        ("96385074", "EAN8", "ean-8"),
        ("MARIE-0042", "Code128", "code-128"),
    ],
)
@pytest.mark.zbar
def test_barcodes_are_read_by_both_engines(text: str, kind: str, symbology: str) -> None:
    found = decode_image(png(barcode(text, kind)), still=False)
    assert {(symbol.symbology, symbol.data, symbol.engine) for symbol in found} == {
        (symbology, text.encode(), "zxing-cpp"),
        (symbology, text.encode(), "zbar"),
    }


@pytest.mark.zbar
def test_upc_a_is_the_ean_13_that_it_is() -> None:
    found = decode_image(png(barcode("012345678905", "UPCA")), still=False)
    assert {(symbol.symbology, symbol.data) for symbol in found} == {("ean-13", b"0012345678905")}
    assert len(found) == 2


def test_data_matrix() -> None:
    found = decode_image(png(barcode("LOT-77", "DataMatrix", scale=6)), still=False)
    assert [(symbol.symbology, symbol.data) for symbol in found] == [("data-matrix", b"LOT-77")]


@pytest.mark.parametrize(
    ("text", "kind"), [("ABC-1234", "Code39"), ("01234565", "UPCE"), ("12345678", "ITF"), ("hello", "Aztec")]
)
def test_other_symbologies_are_not_read(text: str, kind: str) -> None:
    found = decode_image(png(barcode(text, kind, scale=5)), still=True)
    assert text.encode() not in {symbol.data for symbol in found}


CONDITIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "turned 90": lambda image: image.rotate(90),
    "turned 37": lambda image: image.rotate(37, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC),
    "upside down": lambda image: image.rotate(180),
    "mirrored": ImageOps.mirror,
    "inverted": ImageOps.invert,
    "noise": lambda image: noisy(image, seed=1, strength=70),
    "blur": lambda image: image.filter(ImageFilter.GaussianBlur(2.0)),
    "low contrast": lambda image: image.point([90 + value // 6 for value in range(256)]),
    "in a frame": lambda image: on_canvas(image, (1280, 720), (700, 300)),
    "colour": lambda image: ImageOps.colorize(image, "#003060", "#ffe0c0"),
    "one bit": lambda image: image.convert("1"),
    "sixteen bits": lambda image: image.convert("I;16").point(lambda value: value * 257),
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_conditions_of_a_camera_frame(condition: str) -> None:
    assert contents(CONDITIONS[condition](qr(TOKEN))) == {TOKEN.encode()}


def test_black_on_transparent_is_black_on_white() -> None:
    grey = qr(TOKEN)
    image = Image.new("RGBA", grey.size, (0, 0, 0, 0))
    image.putalpha(ImageOps.invert(grey))
    assert contents(image) == {TOKEN.encode()}


def test_the_hard_looks_are_for_stills_only() -> None:
    tiny = qr(TOKEN, scale=1).filter(ImageFilter.GaussianBlur(0.6))
    picture = on_canvas(tiny, (200, 200), (80, 80))
    assert contents(picture, still=False) == set()
    assert contents(picture, still=True) == {TOKEN.encode()}


def test_a_small_code_in_a_large_photo() -> None:
    photo = on_canvas(qr(TOKEN, scale=4), (5700, 4300), (3000, 2000))
    (symbol,) = decode_image(encoded(photo, "JPEG", quality=85), still=True)
    assert symbol.data == TOKEN.encode()
    assert symbol.position[0] == pytest.approx((3016, 2016), abs=12)


def test_exif_orientation_is_undone() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    frame = on_canvas(qr(TOKEN, scale=3), (600, 300), (400, 20))
    (symbol,) = decode_image(encoded(frame, "JPEG", exif=exif), still=False)
    across = [x for x, _ in symbol.position]
    down = [y for _, y in symbol.position]
    assert max(across) < 300
    assert min(down) > 380


def test_several_codes_in_one_frame() -> None:
    frame = on_canvas(qr("FIRST"), (900, 400), (50, 50))
    frame.paste(qr("SECOND"), (500, 50))
    assert contents(frame) == {b"FIRST", b"SECOND"}


def test_the_number_of_symbols_is_limited() -> None:
    sheet = Image.new("L", (1400, 1400), 255)
    for index in range(25):
        sheet.paste(qr(f"CODE-{index:02}", scale=5), (20 + index % 5 * 270, 20 + index // 5 * 270))
    assert len(decode_image(png(sheet), still=False)) == 16


@pytest.mark.parametrize("image", [Image.new("L", (640, 480), 128), Image.new("L", (1, 1)), Image.new("RGB", (3, 900))])
@pytest.mark.parametrize("still", [False, True])
def test_a_picture_without_code_is_no_error(image: Image.Image, still: bool) -> None:
    assert decode_image(png(image), still=still) == []


@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_one_part_of_a_multi_part_code_is_refused(rotation: int) -> None:
    for part in pictures.parts("one message over several codes, " * 4):
        for still in (False, True):
            with pytest.raises(ImageError) as caught:
                decode_image(png(part.rotate(rotation)), still=still)
            assert caught.value.code == "multi-part-code"


def test_a_whole_code_beside_a_part_is_read() -> None:
    frame = on_canvas(qr(TOKEN), (900, 400), (20, 20))
    frame.paste(pictures.parts("one message over several codes, " * 4)[0], (450, 20))
    assert contents(frame) == {TOKEN.encode()}


def test_no_whole_code_is_taken_for_a_part() -> None:
    for length in (1, 20, 63, 150, 400):
        for level in "lmqh":
            for text in ("7" * length, "A" * length, "a" * length):
                assert contents(qr(text, scale=3, error=level)) == {text.encode()}


def test_a_barcode_that_one_engine_read_in_a_still_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from poi_qr.decoders import pipeline

    monkeypatch.setattr(pipeline, "_zbar", lambda: None)
    picture = png(barcode("3760123456784", "EAN13"))
    assert [symbol.engine for symbol in decode_image(picture, still=False)] == ["zxing-cpp"]
    assert {symbol.engine for symbol in decode_image(picture, still=True)} == {"zxing-cpp", "zxing-cpp:resampled"}
    assert engines() == ("zxing-cpp",)


@pytest.mark.zbar
def test_libzbar_alone_reads_codes_and_barcodes(monkeypatch: pytest.MonkeyPatch) -> None:
    from poi_qr.decoders import pipeline

    monkeypatch.setattr(pipeline, "_zxing", lambda: None)
    assert contents(qr(TOKEN)) == {TOKEN.encode()}
    assert contents(barcode("3760123456784", "EAN13")) == {b"3760123456784"}
    assert engines() == ("zbar",)


def test_without_any_engine_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from poi_qr.decoders import pipeline

    monkeypatch.setattr(pipeline, "_zxing", lambda: None)
    monkeypatch.setattr(pipeline, "_zbar", lambda: None)
    with pytest.raises(ImageError) as caught:
        decode_image(png(qr(TOKEN)), still=False)
    assert caught.value.code == "no-decoder"


def test_threads_decode_side_by_side() -> None:
    texts = [f"THREAD-{index}" for index in range(4)]
    files = {text: (png(qr(text)), png(barcode(text, "Code128"))) for text in texts}
    wrong: list[object] = []
    start = threading.Barrier(len(texts))

    def work(text: str) -> None:
        start.wait()
        for _ in range(15):
            read = [{symbol.data for symbol in decode_image(file, still=False)} for file in files[text]]
            wrong.extend(found for found in read if found != {text.encode()})

    threads = [threading.Thread(target=work, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("engine", ["zxing", pytest.param("zbar", marks=pytest.mark.zbar)])
def test_decoding_leaves_other_threads_running(engine: str) -> None:
    hard = grey(noisy(Image.new("L", (2000, 2000), 128), seed=3, strength=120))
    read = {"zxing": read_thoroughly, "zbar": read_barcodes}[engine]
    turns, stop = [0], threading.Event()

    def spin() -> None:
        while not stop.wait(0.001):
            turns[0] += 1

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        before = turns[0]
        read(hard)
        during = turns[0] - before
    finally:
        stop.set()
        spinner.join()
    assert during >= 4


def read_thoroughly(image: Grey) -> None:
    from poi_qr.decoders import zxing

    zxing.read(image, thorough=True)


def read_barcodes(image: Grey) -> None:
    from poi_qr.decoders import zbar

    zbar.read_linear(image)
