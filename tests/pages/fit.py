"""Does a page fit its screen and a thumb, and does it speak one language? A line for each fault."""

import re
from pathlib import Path

from playwright.async_api import Page

from poi_server.i18n import LANGUAGES, catalogue

SETTLE = """async () => {
  for (let frame = 0; frame < 2; frame += 1) await new Promise(requestAnimationFrame);
  for (const one of document.getAnimations()) if (one.effect.getTiming().iterations !== Infinity) one.finish();
}"""
"""Colours and places change over a few frames: what is judged is where they arrive."""

_SCRIPT = (Path(__file__).parent / "fit.js").read_text("utf-8")
_CATALOGUES = {language: catalogue(language) for language in LANGUAGES}
_ENGLISH = re.compile(r"\b(the|and|with|from|your|this|that|have|which|when|they)\b", re.IGNORECASE)


async def misfits(page: Page, *, touch: bool) -> list[str]:
    """Sideways scrolling, targets below 44 px (where one touches) and words cut off; in a dialog, if one is open."""
    await page.evaluate(SETTLE)
    found: list[str] = await page.evaluate(f"(touch) => {{ {_SCRIPT} return misfits(touch); }}", touch)
    return found


async def wrong_words(page: Page) -> list[str]:
    """Keys without a text, texts of the other language, English words in French (what the demo's merchant writes)."""
    language = str(await page.evaluate("document.documentElement.lang"))
    texts: list[str] = await page.evaluate(f"() => {{ {_SCRIPT} return texts(); }}")
    ours = _CATALOGUES[language]
    theirs = {text for other in _CATALOGUES.values() for text in other.values() if len(text) > 3} - set(ours.values())
    families = "|".join(sorted({key.split(".")[0] for key in ours if "." in key}))
    found = [f"a key: {text}" for text in texts if re.fullmatch(rf"({families})\.[a-z0-9_.:-]+", text)]
    found += [f"another language: {text}" for text in texts if text in theirs and (language == "fr" or " " in text)]
    return found + [f"English: {text}" for text in texts if language == "fr" and _ENGLISH.search(text)]
