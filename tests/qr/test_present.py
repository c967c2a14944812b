"""Codes that the counter shows: what is drawn is what our own decoder reads, and a strict page lets it through."""

import re
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageDraw

from poi_qr import poi1
from poi_qr.decoders import decode_image
from poi_qr.payload import classify
from poi_qr.payloads.links import StationLink, parse_station
from poi_qr.present import qr_svg, station_url
from tests.qr.pictures import png

TOKEN = poi1.issue(b"k" * 32, 3, b"handle-8", 1_760_000_000, 7)
SCALE = 6


def modules(svg: str) -> int:
    return int(ElementTree.fromstring(svg).attrib["viewBox"].split()[2])


def drawn(svg: str) -> Image.Image:
    """The picture that a browser makes of the SVG's horizontal strokes."""
    root = ElementTree.fromstring(svg)
    side = modules(svg) * SCALE
    image = Image.new("L", (side, side), 255)
    pen = ImageDraw.Draw(image)
    column = row = 0.0
    (path,) = [part.attrib["d"] for part in root.iter() if part.attrib.get("stroke") == "#000"]
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in re.findall(r"-?[\d.]+", numbers)]
        if command == "h":
            pen.rectangle(
                (column * SCALE, (row - 0.5) * SCALE, (column + values[0]) * SCALE - 1, (row + 0.5) * SCALE - 1), fill=0
            )
            column += values[0]
        else:
            column, row = (values[0], values[1]) if command == "M" else (column + values[0], row + values[1])
    return image


@pytest.mark.parametrize("text", [TOKEN, "https://shop.example/c/sta_1#tok", "Crème brûlée 3,50 €", "A", "é"])
def test_what_is_drawn_is_read_back(text: str) -> None:
    (symbol,) = decode_image(png(drawn(qr_svg(text))), still=False)
    assert symbol.data.decode() == text


def test_the_rotating_code_is_small() -> None:
    assert modules(qr_svg(TOKEN)) == 29 + 2 * 4


def test_the_correction_level_can_be_chosen() -> None:
    assert modules(qr_svg(TOKEN, error="l")) < modules(qr_svg(TOKEN, error="h"))


def test_a_white_quiet_zone_of_four_modules_is_part_of_the_picture() -> None:
    svg = qr_svg(TOKEN)
    picture = drawn(svg)
    assert 'fill="#fff"' in svg
    assert picture.crop((0, 0, picture.width, 4 * SCALE)).getextrema() == (255, 255)
    assert picture.getpixel((4 * SCALE, 4 * SCALE)) == 0


def test_a_strict_content_security_policy_lets_it_through() -> None:
    root = ElementTree.fromstring(qr_svg("<script>alert('x')</script>"))
    for part in root.iter():
        assert part.tag.rpartition("}")[2] in ("svg", "path")
        assert not {name for name in part.attrib if name == "style" or name.startswith("on")}


def test_the_station_s_address_is_recognised() -> None:
    url = station_url("https://shop.example:8443/", "sta_12", "tok-EN_1")
    assert url == "https://shop.example:8443/c/sta_12#tok-EN_1"
    assert parse_station(url) == StationLink("https://shop.example:8443", "sta_12", "tok-EN_1")
    assert classify(url.encode(), "qr").scheme == "station"


@pytest.mark.parametrize(
    ("base", "station", "token"),
    [
        ("shop.example", "s", "t"),
        ("ftp://shop.example", "s", "t"),
        ("https://", "s", "t"),
        ("https://shop.example/path", "s", "t"),
        ("https://shop.example?x=1", "s", "t"),
        ("https://shop.example#x", "s", "t"),
        ("https://shop.example", "", "t"),
        ("https://shop.example", "a/b", "t"),
        ("https://shop.example", "s", ""),
        ("https://shop.example", "s", "t#u"),
        ("https://shop.example", "s", "t" * 129),
    ],
)
def test_parts_that_would_make_another_address_are_errors(base: str, station: str, token: str) -> None:
    with pytest.raises(ValueError, match=r"base|station_id|token"):
        station_url(base, station, token)
