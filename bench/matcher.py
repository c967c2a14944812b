"""Which of ten thousand offers hold? The compiled matcher, its plain twin and the oracle, asked the same."""

import asyncio
import sys
from statistics import median

from bench.figures import Ratio, Row

EVALUATORS = ("compiled", "twin", "oracle")


async def measure(*, live: int, asked: int, rounds: int) -> list[Row]:
    """Rounds in turn; every evaluator must give every answer alike, in the timed rounds themselves."""
    ratio = Ratio()
    children = {name: await _child(name, live, asked) for name in EVALUATORS}
    times: dict[str, list[float]] = {name: [] for name in EVALUATORS}
    eligible = 0.0
    try:
        for _ in range(rounds):
            digests = set()
            for name, child in children.items():
                took, digest, eligible = await _round(child)
                times[name].append(took)
                digests.add(digest)
            if len(digests) != 1:
                raise RuntimeError("the evaluators do not agree")
    finally:
        for child in children.values():
            assert child.stdin is not None
            child.stdin.close()
            await child.wait()
    return [_row(name, times, live, eligible, ratio) for name in EVALUATORS]


def _row(name: str, times: dict[str, list[float]], live: int, eligible: float, ratio: Ratio) -> Row:
    took = f"{median(times[name]):.0f} us"
    if name == "compiled":
        return Row(f"which of {live} offers hold, compiled (mean {eligible:.1f} do)", took)
    slower = median(mine / best for mine, best in zip(times[name], times["compiled"], strict=True))
    what = {"twin": "  its plain twin, same answers", "oracle": "  the oracle over offer objects, same answers"}[name]
    return Row(what, f"{took}, {ratio.shown(slower, '{:.1f} times the compiled')}")


async def _child(name: str, live: int, asked: int) -> asyncio.subprocess.Process:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.matching", name, str(live), str(asked)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    if (await child.stdout.readline()).strip() != b"ready":
        raise RuntimeError(f"the {name} evaluator did not start")
    return child


async def _round(child: asyncio.subprocess.Process) -> tuple[float, str, float]:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"\n")
    took, digest, eligible = (await child.stdout.readline()).decode().split()
    return float(took), digest, float(eligible)
