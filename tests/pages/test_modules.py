"""The pages' own algorithms, run in Chromium: QR codes, scanners' keys, axes, periods, polygons, patching."""

import random
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Page

pytestmark = [pytest.mark.chromium, pytest.mark.asyncio(loop_scope="session")]

AZERTY = {"&": "Digit1", "é": "Digit2", '"': "Digit3", "'": "Digit4", "(": "Digit5", "-": "Digit6", "è": "Digit7"}
AZERTY |= {"_": "Digit8", "ç": "Digit9", "à": "Digit0"}


def _read(rows: list[list[bool]]) -> zxingcpp.Barcode:
    """What an independent decoder sees in the modules, with a quiet zone of four."""
    side = len(rows) + 8
    image = Image.new("L", (side, side), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                image.putpixel((x + 4, y + 4), 0)
    found = zxingcpp.read_barcodes(image.resize((side * 4, side * 4), Image.Resampling.NEAREST))
    assert len(found) == 1
    return found[0]


async def test_qr_codes_are_read_by_another_decoder(module_page: Page) -> None:
    """Digits of every length up to the capacity come back exactly, leading zeros included; always 29 modules."""
    dice = random.Random(20)
    texts = ["".join(dice.choices("0123456789", k=length)) for length in (*range(1, 78, 3), *[63] * 12)]
    texts += ["0" * 63, "9" * 77]
    script = "async (texts) => { const { encode } = await module('qr.js'); return texts.map(encode); }"
    symbols: list[list[list[bool]]] = await module_page.evaluate(script, texts)
    assert {len(rows) for rows in symbols} == {29}
    assert [_read(rows).text for rows in symbols] == texts
    assert {_read(rows).ec_level for rows in symbols} == {"Q"}


async def test_a_text_that_does_not_fit_a_qr_code_is_refused(module_page: Page) -> None:
    """More than 77 digits, none, or letters."""
    script = """async (texts) => { const { encode } = await module('qr.js');
      return texts.map((text) => { try { encode(text); return ''; } catch (error) { return error.name; } }); }"""
    assert await module_page.evaluate(script, ["1" * 78, "", "12a"]) == ["RangeError"] * 3


def _typed(text: str, *, gap: float = 8.0, start: float = 1000.0, end: str = "Enter") -> list[dict[str, Any]]:
    """The key events of a scanner on a computer set to AZERTY."""
    letters = {code: key for key, code in AZERTY.items()}
    keys = [{"code": f"Digit{d}", "key": letters[f"Digit{d}"]} for d in text] + [{"code": end, "key": end}]
    return [{**key, "timeStamp": start + place * gap} for place, key in enumerate(keys)]


HEAR = """async (events) => { const { Wedge } = await module('wedge.js'); const heard = [];
  const wedge = new Wedge((text) => heard.push(text)); let stopped = 0;
  const acts = { preventDefault: () => { stopped += 1; }, stopImmediatePropagation() {} };
  for (const event of events) wedge.key({ ...event, ...acts });
  return { heard, stopped }; }"""


async def test_a_scanner_on_an_azerty_computer_yields_its_digits(module_page: Page) -> None:
    """Keys are read by position: what would be `"'è-à&é"` is 3760123."""
    assert await module_page.evaluate(HEAR, _typed("3760123456784")) == {"heard": ["3760123456784"], "stopped": 1}
    assert (await module_page.evaluate(HEAR, _typed("3760123456784", end="Tab")))["heard"] == ["3760123456784"]


async def test_letters_and_signs_come_as_the_scanner_means_them(module_page: Page) -> None:
    """Shift gives capitals; the AIM prefix's bracket is at its American place."""
    keys = [
        ("BracketRight", False),
        ("KeyE", True),
        ("Digit0", False),
        ("KeyQ", True),
        ("Minus", False),
        ("Slash", True),
    ]
    events = [{"code": code, "shiftKey": shift, "timeStamp": 5.0 * at} for at, (code, shift) in enumerate(keys)]
    events.append({"code": "NumpadEnter", "timeStamp": 40.0})
    assert (await module_page.evaluate(HEAR, events))["heard"] == ["]E0Q-?"]


async def test_a_person_who_types_is_not_a_scanner(module_page: Page) -> None:
    """A gap over 60 ms starts anew, so that slow typing ending in Enter is left alone; short bursts too."""
    assert await module_page.evaluate(HEAR, _typed("3760123456784", gap=61)) == {"heard": [], "stopped": 0}
    assert (await module_page.evaluate(HEAR, _typed("123")))["heard"] == []
    late = _typed("99", start=0)[:-1] + _typed("3760123", start=2000)
    assert (await module_page.evaluate(HEAR, late))["heard"] == ["3760123"]


async def test_a_scan_into_a_field_leaves_the_field_as_it_was(module_page: Page) -> None:
    """Real key events with their own times: the code is heard, and the text typed before stays."""
    await module_page.evaluate(
        """async () => { const { listen } = await module('wedge.js'); window.heard = [];
          listen((text) => window.heard.push(text)); const field = document.createElement('input');
          document.body.append(field); field.value = 'note '; field.focus(); }"""
    )
    session = await module_page.context.new_cdp_session(module_page)
    base = await module_page.evaluate("() => (performance.timeOrigin + performance.now()) / 1000")
    for place, event in enumerate(_typed("3760123456784")):
        text = {} if event["key"] == "Enter" else {"text": event["key"]}
        sent = {"code": event["code"], "key": event["key"], "timestamp": base + 0.008 * place}
        await session.send("Input.dispatchKeyEvent", {"type": "keyDown", **sent, **text})
        await session.send("Input.dispatchKeyEvent", {"type": "keyUp", **sent})
    assert await module_page.evaluate("() => [window.heard, document.querySelector('input').value]") == [
        ["3760123456784"],
        "note ",
    ]


async def test_axes_end_at_or_above_the_largest_figure(module_page: Page) -> None:
    """Steps are 1, 2 or 5 times a power of ten."""
    script = "async (values) => { const { ticks } = await module('charts.js'); return values.map((v) => ticks(v)); }"
    small, middle, large, nothing = await module_page.evaluate(script, [3, 74, 98_000, 0])
    assert (small, middle, nothing) == ([0, 1, 2, 3], [0, 20, 40, 60, 80], [0, 1])
    assert large[-1] >= 98_000 and len(large) <= 6


async def test_periods_are_whole_days_with_today(module_page: Page) -> None:
    """Also over a change of the month and of the clock."""
    script = """async () => { const { lastDays, daysBetween } = await module('dashboard/period.js');
      return [lastDays(7, '2026-03-03'), daysBetween('2026-03-28', '2026-04-01')]; }"""
    last, between = await module_page.evaluate(script)
    assert last == {"first": "2026-02-25", "last": "2026-03-03"}
    assert between == ["2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-01"]


async def test_polygons_are_read_however_they_are_pasted(module_page: Page) -> None:
    """GeoJSON in every wrapping, bare coordinates, and lines; rings are closed; anything else is refused."""
    ring = [[2.3, 48.8], [2.4, 48.8], [2.4, 48.9]]
    closed = [[*ring, ring[0]]]
    polygon = {"type": "Polygon", "coordinates": closed}
    feature = {"type": "Feature", "properties": {}, "geometry": polygon}
    script = """async (texts) => { const { parseRings } = await module('offers/rings.js'); return texts.map((text) => {
      try { return parseRings(typeof text === 'string' ? text : JSON.stringify(text)); } catch { return null; } }); }"""
    good = [polygon, feature, {"type": "FeatureCollection", "features": [feature]}, closed, ring]
    good.append("2.3, 48.8\n2.4 48.8\n2.4; 48.9")  # type: ignore[arg-type]
    assert await module_page.evaluate(script, good) == [closed] * 6
    assert (
        await module_page.evaluate(script, ["", "2.3, 48.8", "{}", '{"type":"Point","coordinates":[1,2]}'])
        == [None] * 4
    )


async def test_patching_keeps_the_elements_and_the_focus(module_page: Page) -> None:
    """A drawing that says the same changes nothing; keyed rows move instead of being made anew."""
    script = """async () => { const { h, render, slot } = await module('dom.js');
      const root = document.createElement('div');
      document.body.append(root); const own = document.createElement('video'); let pressed = '';
      const draw = (rows, word) => render(root, rows.map((key) => h('p', { key }, h('input', {}), key)),
        h('button', { onclick: () => { pressed = word; } }, word), slot(own));
      draw(['a', 'b'], 'one'); const b = root.children[1]; b.firstChild.value = 'typed'; b.firstChild.focus();
      draw(['b', 'c', 'a'], 'two'); root.querySelector('button').onclick();
      return [root.children[0] === b, b.firstChild.value, root.querySelector('button').textContent, pressed,
        [...root.querySelectorAll('p')].map((p) => p.textContent), root.lastChild === own,
        document.activeElement === b.firstChild]; }"""
    assert await module_page.evaluate(script) == [True, "typed", "two", "two", ["b", "c", "a"], True, True]


async def test_markup_in_a_name_stays_text(module_page: Page) -> None:
    """Children become text nodes, never elements."""
    script = """async () => { const { h } = await module('dom.js');
      const node = h('p', { title: '<i>' }, '<img src=x onerror=alert(1)>');
      return [node.children.length, node.textContent]; }"""
    assert await module_page.evaluate(script) == [0, "<img src=x onerror=alert(1)>"]


async def test_an_older_question_takes_the_answer_of_the_newest(module_page: Page) -> None:
    """Whichever answer comes last, the phone shows and keeps what it asked for last."""
    script = """async () => { const { lastKnown } = await module('me/kept.js'); let older;
      const first = lastKnown('orders', () => new Promise((answer) => { older = answer; }));
      const second = await lastKnown('orders', async () => 'paid');
      older('placed');
      const kept = await lastKnown('orders', async () => { throw Object.assign(new Error(), { code: 'offline' }); });
      return [(await first).value, second.value, kept.value, kept.fresh]; }"""
    assert await module_page.evaluate(script) == ["paid", "paid", "paid", False]
