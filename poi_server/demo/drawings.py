"""The demo shops' product pictures, drawn here: flat shapes on a soft ground, the same on every machine."""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image, ImageDraw

SIZE = 640
"""Pixels of a side."""
_FINE = 2  # drawn so many times larger, then made smaller: smooth edges
_UNIT = SIZE * _FINE // 100

Point = tuple[float, float]


class Sheet:
    """A square of 100 by 100 units to draw on, from the upper left."""

    def __init__(self, ground: str) -> None:
        self.image = Image.new("RGB", (100 * _UNIT, 100 * _UNIT), ground)
        self._draw = ImageDraw.Draw(self.image)

    def oval(self, x: float, y: float, width: float, height: float, fill: str) -> None:
        """An oval around a centre."""
        self._draw.ellipse(_box(x, y, width, height), fill=fill)

    def block(self, x: float, y: float, width: float, height: float, fill: str, round_by: float = 0) -> None:
        """A rectangle around a centre, its corners rounded."""
        self._draw.rounded_rectangle(_box(x, y, width, height), radius=round_by * _UNIT, fill=fill)

    def shape(self, points: Sequence[Point], fill: str) -> None:
        """A filled outline."""
        self._draw.polygon([(x * _UNIT, y * _UNIT) for x, y in points], fill=fill)

    def line(self, points: Sequence[Point], fill: str, width: float = 1) -> None:
        """A stroke with round bends."""
        self._draw.line([(x * _UNIT, y * _UNIT) for x, y in points], fill, round(width * _UNIT), joint="curve")

    def png(self) -> bytes:
        """The picture."""
        out = io.BytesIO()
        self.image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(out, "PNG", compress_level=1)
        return out.getvalue()


def _box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return ((x - width / 2) * _UNIT, (y - height / 2) * _UNIT, (x + width / 2) * _UNIT, (y + height / 2) * _UNIT)


def picture(name: str, *details: Any) -> bytes:
    """A PNG of a thing by name: `macaron`, `box`, `shirt` ...; `details` are its colours and numbers."""
    return DRAWINGS[name](*details).png()


# --- pastry ------------------------------------------------------------------------------------------------------


def _plate(ground: str) -> Sheet:
    sheet = Sheet(ground)
    sheet.oval(50, 74, 84, 26, "#d9d2c8")
    sheet.oval(50, 72, 84, 26, "#ffffff")
    sheet.oval(50, 72, 66, 18, "#f2eee8")
    return sheet


def _macaron(shell: str, dark: str, cream: str) -> Sheet:
    sheet = _plate("#f7ece4")
    sheet.oval(50, 74, 58, 12, "#ddd5ca")
    sheet.block(50, 66, 56, 15, dark, 7)
    for at in range(24, 78, 4):
        sheet.oval(at, 62, 6, 5, shell)
    sheet.block(50, 56, 54, 12, cream, 6)
    sheet.block(50, 52, 57, 8, dark, 4)
    for at in range(24, 78, 4):
        sheet.oval(at, 52, 6, 5, shell)
    sheet.shape([(21.5, 51), *_arc(50, 51, 28.5, 25, 180, 360), (78.5, 51)], shell)
    sheet.line(_arc(50, 51, 22, 18, 205, 250), "#ffffff", 1.6)
    return sheet


def _macaron_box(count: int, colours: Sequence[str]) -> Sheet:
    sheet = Sheet("#efe6ee")
    rows = {6: 2, 12: 3, 24: 4}[count]
    across = count // rows
    step = min(78 / across, 70 / rows)
    width, height = across * step + 8, rows * step + 8
    sheet.block(51, 53, width, height, "#cbbccb", 4)
    sheet.block(50, 51, width, height, "#6b3f5b", 4)
    sheet.block(50, 51, width - 4, height - 4, "#fbf7f2", 3)
    for index in range(count):
        x = 50 + (index % across - (across - 1) / 2) * step
        y = 51 + (index // across - (rows - 1) / 2) * step
        sheet.oval(x, y + step * 0.05, step * 0.84, step * 0.84, "#d8cfc6")
        sheet.oval(x, y, step * 0.82, step * 0.82, colours[index % len(colours)])
        sheet.oval(x - step * 0.14, y - step * 0.16, step * 0.2, step * 0.14, "#fffaf4")
    return sheet


def _eclair(icing: str, stripe: str) -> Sheet:
    sheet = _plate("#f3eadc")
    sheet.block(50, 67, 76, 20, "#b9793a", 10)
    sheet.block(50, 64, 76, 18, "#dba45c", 9)
    sheet.block(50, 59, 70, 14, icing, 7)
    for at in range(24, 80, 8):
        sheet.line([(at, 64), (at + 3, 54)], stripe, 1)
    return sheet


def _tart(filling: str, shine: str, dots: str) -> Sheet:
    sheet = Sheet("#eef0e2")
    sheet.oval(51, 53, 80, 80, "#d3d3c2")
    for turn in range(0, 360, 12):
        sheet.oval(50 + 37 * _cos(turn), 50 + 37 * _sin(turn), 9, 9, "#d39b50")
    sheet.oval(50, 50, 76, 76, "#e0ad62")
    sheet.oval(50, 50, 66, 66, filling)
    sheet.line(_arc(50, 50, 26, 26, 200, 260), shine, 2)
    for turn in range(0, 360, 60):
        sheet.oval(50 + 18 * _cos(turn), 50 + 18 * _sin(turn), 9, 9, dots)
    sheet.oval(50, 50, 11, 11, dots)
    return sheet


def _ring(dough: str, cream: str) -> Sheet:
    sheet = Sheet("#efe7db")
    sheet.oval(51, 53, 80, 80, "#d8cbb8")
    sheet.oval(50, 50, 78, 78, "#9c6a33")
    for turn in range(0, 360, 20):
        sheet.oval(50 + 31 * _cos(turn), 50 + 31 * _sin(turn), 17, 17, cream)
    for turn in range(0, 360, 20):
        sheet.oval(50 + 28 * _cos(turn + 8), 50 + 28 * _sin(turn + 8), 15, 15, dough)
        sheet.oval(50 + 29 * _cos(turn), 50 + 29 * _sin(turn), 6, 3, "#f4e3c2")
    sheet.oval(50, 50, 30, 30, "#efe7db")
    return sheet


def _slice(sponge: str, cream: str, fruit: str) -> Sheet:
    sheet = _plate("#f6e7e6")
    sheet.block(50, 68, 56, 8, sponge, 1)
    sheet.block(50, 53, 56, 24, cream, 1)
    for at in (28, 42, 58, 72):
        sheet.shape([(at - 6, 62), (at, 43), (at + 6, 62)], fruit)
        sheet.shape([(at - 2.6, 61), (at, 52), (at + 2.6, 61)], "#f8d6d2")
    sheet.block(50, 39, 56, 7, sponge, 1)
    sheet.block(50, 34, 56, 5, "#e78ea0", 1)
    sheet.oval(50, 28, 11, 10, fruit)
    sheet.shape([(46, 24), (54, 24), (50, 28)], "#5c8a4a")
    return sheet


def _croissant() -> Sheet:
    sheet = _plate("#f5ead6")
    parts = [(18, 62, 16), (29, 52, 22), (42, 46, 27), (58, 46, 27), (71, 52, 22), (82, 62, 16)]
    for x, y, size in parts:
        sheet.oval(x, y + 2, size, size * 1.05, "#a9682a")
    for x, y, size in parts:
        sheet.oval(x, y, size, size, "#d9963f")
        sheet.line(_arc(x, y, size * 0.32, size * 0.36, 200, 300), "#efc27e", 1.4)
    return sheet


def _roll(dough: str, filling: str) -> Sheet:
    sheet = _plate("#f2e6d6")
    sheet.block(50, 62, 66, 30, "#a9682a", 12)
    sheet.block(50, 58, 66, 28, dough, 12)
    for at in (34.0, 50.0, 66.0):
        sheet.line([(at - 6, 47), (at + 2, 70)], "#b9762f", 1.2)
    for at in (18.5, 81.5):
        sheet.oval(at, 61, 5, 7, filling)
    return sheet


def _cup(drink: str, cup: str, foam: str) -> Sheet:
    sheet = Sheet("#e7edec")
    sheet.oval(48, 82, 74, 12, "#cfd8d6")
    sheet.oval(48, 80, 70, 11, "#ffffff")
    sheet.oval(75, 56, 24, 24, cup)
    sheet.oval(75, 56, 13, 13, "#e7edec")
    sheet.shape([(22, 42), (74, 42), (66, 76), (60, 80), (36, 80), (30, 76)], cup)
    sheet.oval(48, 42, 52, 14, "#f7f4ef")
    sheet.oval(48, 42, 46, 11, drink)
    sheet.oval(44, 41, 16, 4, foam)
    for at in (38, 50, 60):
        sheet.line([(at, 32), (at + 3, 26), (at - 2, 20), (at + 2, 13)], "#ffffff", 1.6)
    return sheet


def _jar(jam: str, label: str) -> Sheet:
    sheet = Sheet("#ece9df")
    sheet.oval(50, 88, 52, 8, "#d4cfc2")
    sheet.block(50, 58, 48, 60, jam, 7)
    sheet.block(50, 31, 44, 6, "#e8e3da", 2)
    sheet.block(50, 23, 50, 14, "#b5483f", 3)
    for at in range(28, 76, 6):
        sheet.line([(at, 17), (at, 29)], "#f2dcd6", 1)
    sheet.block(50, 60, 34, 26, "#fffdf7", 2)
    sheet.line([(38, 56), (62, 56)], label, 2)
    sheet.line([(42, 63), (58, 63)], label, 1.2)
    return sheet


def _sweets(coat: str, edge: str) -> Sheet:
    sheet = Sheet("#efe4d3")
    sheet.oval(50, 62, 82, 58, "#dccdb6")
    for x, y in ((34, 46), (62, 42), (26, 66), (50, 62), (74, 62), (40, 80), (64, 80)):
        sheet.shape([(x - 15, y + 1.5), (x, y - 6), (x + 15, y + 1.5), (x, y + 9)], edge)
        sheet.shape([(x - 14, y), (x, y - 7), (x + 14, y), (x, y + 7)], coat)
    return sheet


# --- clothes -----------------------------------------------------------------------------------------------------


def _hung(ground: str = "#eceae6") -> Sheet:
    sheet = Sheet(ground)
    sheet.line([(50, 16), (50, 12), (53, 9), (50, 6), (47, 8)], "#8d8478", 1.4)
    sheet.line([(26, 25), (50, 16), (74, 25)], "#8d8478", 1.8)
    return sheet


def _shirt(cloth: str, shade: str) -> Sheet:
    sheet = _hung()
    sheet.shape([(30, 21), (12, 62), (22, 66), (36, 36)], shade)
    sheet.shape([(70, 21), (88, 62), (78, 66), (64, 36)], shade)
    sheet.shape([(30, 21), (42, 17), (58, 17), (70, 21), (68, 88), (32, 88)], cloth)
    sheet.shape([(42, 17), (50, 28), (38, 28)], shade)
    sheet.shape([(58, 17), (50, 28), (62, 28)], shade)
    sheet.line([(50, 28), (50, 88)], shade, 0.8)
    for at in range(36, 86, 10):
        sheet.oval(50, at, 2.2, 2.2, "#ffffff")
    return sheet


def _dress(cloth: str, shade: str) -> Sheet:
    sheet = _hung("#efe8e6")
    sheet.shape([(36, 20), (42, 19), (50, 30), (58, 19), (64, 20), (64, 46), (84, 92), (16, 92), (36, 46)], cloth)
    sheet.block(50, 47, 29, 4, shade)
    for top, foot in ((42, 32), (50, 50), (58, 68)):
        sheet.line([(top, 50), (foot, 91)], shade, 0.9)
    return sheet


def _trousers(cloth: str, shade: str) -> Sheet:
    sheet = _hung("#e6e9ec")
    sheet.shape([(33, 24), (67, 24), (72, 92), (55, 92), (50, 46), (45, 92), (28, 92)], cloth)
    sheet.block(50, 26, 35, 5, shade)
    sheet.line([(50, 28), (50, 46)], shade, 0.9)
    sheet.line([(34, 34), (42, 30)], shade, 0.9)
    sheet.line([(66, 34), (58, 30)], shade, 0.9)
    return sheet


def _pullover(cloth: str, shade: str) -> Sheet:
    sheet = _hung("#eae7df")
    sheet.shape([(30, 22), (10, 78), (22, 82), (37, 42)], shade)
    sheet.shape([(70, 22), (90, 78), (78, 82), (63, 42)], shade)
    sheet.shape([(30, 22), (42, 18), (58, 18), (70, 22), (70, 82), (30, 82)], cloth)
    sheet.oval(50, 19, 19, 8, shade)
    for at in range(34, 70, 4):
        sheet.line([(at, 76), (at, 84)], shade, 1.2)
    for at in (40, 50, 60):
        sheet.line([(40, at), (45, at + 4), (50, at), (55, at + 4), (60, at)], shade, 1)
    return sheet


def _scarf(cloth: str, stripe: str) -> Sheet:
    sheet = Sheet("#e9ebe6")
    sheet.block(50, 34, 64, 24, cloth, 12)
    sheet.shape([(30, 40), (52, 40), (46, 90), (24, 90)], cloth)
    sheet.shape([(54, 40), (74, 40), (72, 80), (54, 80)], cloth)
    for y in (60, 70):
        sheet.line([(27, y), (49, y)], stripe, 3)
        sheet.line([(54, y - 4), (73, y - 4)], stripe, 3)
    for at in range(25, 47, 4):
        sheet.line([(at, 90), (at - 1, 95)], cloth, 1.4)
    return sheet


def _bag(cloth: str, handle: str) -> Sheet:
    sheet = Sheet("#ece8df")
    sheet.oval(50, 90, 64, 7, "#d6d0c3")
    sheet.line(_arc(50, 42, 17, 26, 180, 360), handle, 3)
    sheet.shape([(22, 40), (78, 40), (84, 88), (16, 88)], cloth)
    sheet.line([(24, 46), (76, 46)], handle, 1)
    sheet.oval(50, 66, 16, 16, handle)
    sheet.oval(50, 66, 12, 12, cloth)
    return sheet


def _belt(leather: str, buckle: str) -> Sheet:
    sheet = Sheet("#e8e6e3")
    sheet.oval(50, 50, 74, 74, leather)
    sheet.oval(50, 50, 56, 56, "#e8e6e3")
    sheet.block(50, 82, 17, 15, buckle, 2)
    sheet.block(50, 82, 10, 8, leather, 1)
    for at in (22, 28, 34):
        sheet.oval(at, 71 + (at - 22) * 0.6, 1.8, 1.8, "#f2efe9")
    return sheet


def _arc(x: float, y: float, width: float, height: float, start: int, end: int) -> list[Point]:
    return [(x + width * _cos(turn), y + height * _sin(turn)) for turn in range(start, end + 1, 5)]


def _cos(degrees: float) -> float:
    return math.cos(math.radians(degrees))


def _sin(degrees: float) -> float:
    return math.sin(math.radians(degrees))


DRAWINGS: dict[str, Callable[..., Sheet]] = {
    "macaron": _macaron,
    "box": _macaron_box,
    "eclair": _eclair,
    "tart": _tart,
    "ring": _ring,
    "slice": _slice,
    "croissant": _croissant,
    "roll": _roll,
    "cup": _cup,
    "jar": _jar,
    "sweets": _sweets,
    "shirt": _shirt,
    "dress": _dress,
    "trousers": _trousers,
    "pullover": _pullover,
    "scarf": _scarf,
    "bag": _bag,
    "belt": _belt,
}
