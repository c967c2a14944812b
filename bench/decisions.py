"""`POST /v1/decisions` beside a bare aiohttp handler that returns the same bytes, round by round."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from msgspec import json

from bench.figures import Ratio, Row
from bench.offers import offers
from bench.server import Server, fill
from bench.trade import Trade
from bench.wire import ask, rate, request
from poi_offers.situation import Basket

LANES = 8
GOAL = "goal: 70 %"


async def measure(folder: Path, trade: Trade, *, rounds: int, seconds: float, live: Sequence[int]) -> list[Row]:
    """The rate with so many live offers, side by side with the bare handler's."""
    rows = []
    for count in live:
        rows += await _measure(folder / str(count), trade, rounds, seconds, count)
    return rows


async def _measure(folder: Path, trade: Trade, rounds: int, seconds: float, live: int) -> list[Row]:
    filled = await fill(folder, offers(live, trade.articles), trade, stations=1, customers=1)
    ratio = Ratio()
    async with Server(folder) as server:
        bodies = [_body(basket, filled.store_id) for basket in trade.baskets]
        asked = [request("127.0.0.1", "/v1/decisions", server.secret, body) for body in bodies]
        answers = [await ask(server.address, message) for message in asked]
        async with _bare(folder, answers) as bare:
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(await rate(server.address, asked, LANES, seconds))
                theirs.append(await rate(bare, asked, LANES, seconds))
    share = median(mine / other for mine, other in zip(ours, theirs, strict=True))
    size = median(len(answer) for answer in answers)
    return [
        Row(f"decisions a second, {live} live offers", f"{median(ours):.0f}"),
        Row(f"  a bare handler with the same bytes ({size:.0f} B)", f"{median(theirs):.0f}"),
        Row("  ratio", ratio.shown(share), GOAL),
    ]


def _body(basket: Basket, store_id: str) -> bytes:
    asked = {"currency": basket.currency, "items": basket.items, "store_id": store_id, "explain": "eligible"}
    return json.encode(asked)


@asynccontextmanager
async def _bare(folder: Path, answers: Sequence[bytes]) -> AsyncIterator[tuple[str, int]]:
    file = folder / "answers"
    file.write_bytes(b"\n".join(base64.b64encode(answer) for answer in answers))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.bare", str(file)), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield "127.0.0.1", int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()
