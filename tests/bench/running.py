"""Runs a benchmark as its command does, in a process of its own."""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECONDS = 180


async def printed(*command: str) -> str:
    """What `python -m command` prints. Its temporary files have a short path: a browser's socket lies among them."""
    with tempfile.TemporaryDirectory(prefix="poi-") as folder:
        return await _printed(folder, command)


async def _printed(folder: str, command: tuple[str, ...]) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": folder},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, problems = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, problems.decode()
    return out.decode()
