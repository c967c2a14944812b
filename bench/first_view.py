"""How long until a page shows something, and until it shows what it is for, on a processor four times slower.

    python -m bench.first_view [--runs 5] [--slower 4] [--pages me,dashboard] [--json FILE] [--markdown FILE]

The shipped server serves the demo shop on loopback; Debian's Chromium opens each page as who it is for, with its
processor slowed by the DevTools protocol. `first`: nothing is in the browser's cache; `again`: everything is that may
be. Times are from the start of the navigation, medians of the runs; `paint` is the browser's own first contentful
paint, `content` the frame after the page's data are there (a card, a row, a tile: `bench/views.py`).
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from bench.figures import Row, table
from bench.server import Api, Server
from bench.views import BROWSER, VIEWS, View, chromium, device, first_station
from poi_server.benchmark.machine import described

GOAL_MS = 1000
SCREEN = {"width": 390, "height": 844}
PATIENCE_MS = 60_000
WATCH = """(() => {
  const shows = __SHOWS__;
  const look = () => {
    if (window.shownAt || ![...document.querySelectorAll(shows)].some((node) => node.checkVisibility())) return;
    window.shownAt = -1;
    requestAnimationFrame(() => setTimeout(() => { window.shownAt = performance.now(); }));
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
})()"""
"""Notes the frame after which what the page is for stands on the screen."""
READ = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const came = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
  return { paint: paint?.startTime ?? 0, content: window.shownAt,
    requests: came.length, bytes: came.reduce((sum, one) => sum + one.transferSize, 0) };
}"""


@dataclass(frozen=True, slots=True)
class Opened:
    """One opening: milliseconds from the start of the navigation, and what came over the network."""

    paint: float
    content: float
    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A page: medians of its openings with nothing kept by the browser, and of those after."""

    page: str
    first: Opened
    again: Opened


def _options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.first_view", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="openings of each kind (default: 5)")
    parser.add_argument("--slower", type=float, default=4, help="how much slower the processor is (default: 4)")
    parser.add_argument("--pages", default="", help="only these, by name, with commas between")
    parser.add_argument("--json", type=Path, help="write the figures there as well")
    parser.add_argument("--markdown", type=Path, help="write the table there as well")
    return parser.parse_args(arguments)


def views(names: str) -> list[View]:
    """The pages asked for; without names all that have a script of their own."""
    known = {view.name: view for view in VIEWS if "#" not in view.path and view.name != "reference"}
    unknown = set(filter(None, names.split(","))) - known.keys()
    if unknown:
        raise SystemExit(f"There is no page {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    return [view for view in known.values() if not names or view.name in names.split(",")]


async def _measure(options: argparse.Namespace, chosen: Sequence[View], folder: Path) -> list[Measured]:
    program = chromium(whole=True)
    if program is None:
        raise SystemExit("Chromium is not installed (apt: chromium).")
    async with (
        Server(folder, "--demo-shop") as server,
        aiohttp.ClientSession() as http,
        async_playwright() as driver,
    ):
        api = Api(http, server)
        browser = await driver.chromium.launch(executable_path=program, args=list(BROWSER))
        try:
            return [await _page(browser, server, api, view, options) for view in chosen]
        finally:
            await browser.close()


async def _page(browser: Browser, server: Server, api: Api, view: View, options: argparse.Namespace) -> Measured:
    """Alternately with an empty cache and with a full one; without the service worker, which would keep the files."""
    print(f"measuring {view.name} ...", file=sys.stderr, flush=True)
    context = await device(browser, server, api, view.who, viewport=SCREEN, locale="fr-FR", service_workers="block")
    address = server.url + view.path.format(station=await first_station(api))
    first: list[Opened] = []
    again: list[Opened] = []
    for _ in range(options.runs):
        first.append(await _open(context, address, view, options.slower, empty=True))
        again.append(await _open(context, address, view, options.slower, empty=False))
    await context.close()
    return Measured(view.name, _median(first), _median(again))


async def _open(context: BrowserContext, address: str, view: View, slower: float, *, empty: bool) -> Opened:
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    if empty:
        await devtools.send("Network.clearBrowserCache")
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    await page.add_init_script(WATCH.replace("__SHOWS__", json.dumps(view.shows)))
    await page.goto(address, timeout=PATIENCE_MS)
    found = await _shown(page, view)
    await _close(page, devtools)
    return Opened(**found)


async def _shown(page: Page, view: View) -> dict[str, Any]:
    try:
        await page.wait_for_function("() => window.shownAt > 0", timeout=PATIENCE_MS)
    except Exception as error:
        raise RuntimeError(f"{view.name} never showed {view.shows}") from error
    found: dict[str, Any] = await page.evaluate(READ)
    return found


async def _close(page: Page, devtools: CDPSession) -> None:
    await devtools.detach()
    await page.close()


def _median(opened: Sequence[Opened]) -> Opened:
    return Opened(
        paint=median(one.paint for one in opened),
        content=median(one.content for one in opened),
        requests=round(median(one.requests for one in opened)),
        bytes=round(median(one.bytes for one in opened)),
    )


def _rows(measured: Sequence[Measured]) -> list[Row]:
    def told(one: Opened) -> str:
        times = f"paint {one.paint:5.0f} ms, content {one.content:5.0f} ms"
        return f"{times}, {one.requests:3} requests, {one.bytes / 1000:4.0f} kB"

    goal = f"first content < {GOAL_MS} ms"
    return [Row(one.page, f"first: {told(one.first)}; again: {told(one.again)}", goal) for one in measured]


def markdown(measured: Sequence[Measured]) -> str:
    """The table for the documentation."""
    head = (
        "| page | first paint | first content | seen again: paint | seen again: content | requests | kB |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    return head + "".join(
        f"| {one.page} | {one.first.paint:.0f} ms | **{one.first.content:.0f} ms** | {one.again.paint:.0f} ms |"
        f" {one.again.content:.0f} ms | {one.first.requests} | {one.first.bytes / 1000:.0f} |\n"
        for one in measured
    )


def main() -> int:
    """Print the machine and the table."""
    options = _options()
    chosen = views(options.pages)
    print(described(), flush=True)
    print(f"processor slowed {options.slower:g} times, {options.runs} runs, a screen of 390 x 844\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="poi-first-view-") as name:
        measured = asyncio.run(_measure(options, chosen, Path(name)))
    print(table(_rows(measured)))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in measured], indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
