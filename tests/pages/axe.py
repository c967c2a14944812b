"""axe-core's judgement of a page as it stands."""

from pathlib import Path

from playwright.async_api import Page

from tests.pages.fit import SETTLE

AXE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
_RUN = """async (runOnly) => (await axe.run(document, { runOnly, preload: false })).violations
  .flatMap(({ id, nodes }) => nodes.map(
    ({ target, failureSummary }) => `${id}: ${target} ${failureSummary.replaceAll("\\n", " ")}`))"""


async def judge(page: Page, axe: str) -> str:
    """What is wrong in light and in dark, a line each."""
    found: list[str] = []
    await page.evaluate(axe)
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await page.evaluate(SETTLE)
        found += [f"{scheme} {wrong}" for wrong in await page.evaluate(_RUN, RULES)]
    return "\n".join(found)
