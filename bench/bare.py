"""What `POST /v1/decisions` is compared with: an aiohttp handler that reads the body and returns bytes made before.

`python -m bench.bare FILE`: each line of FILE is a body in base64. It prints its port, and ends when its input ends.
"""

import asyncio
import base64
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import uvloop
from aiohttp import web


async def _main(bodies: Iterator[bytes]) -> None:

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=next(bodies), content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/decisions", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)
    await runner.cleanup()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        made = [base64.b64decode(line) for line in Path(sys.argv[1]).read_bytes().splitlines()]
        loop.run(_main(itertools.cycle(made)))
