"""Serve on an unused port of loopback and write its number to a file: `python -m bench.usual_stack FILE`."""

import asyncio
import socket
import sys
from pathlib import Path

import uvicorn

from bench.usual_stack.app import app


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await asyncio.to_thread(_told, self.servers[0].sockets[0].getsockname()[1])


def _told(port: int) -> None:
    partial = Path(f"{sys.argv[1]}.new")
    partial.write_text(str(port))
    partial.rename(sys.argv[1])


if __name__ == "__main__":
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
    _Server(config).run()
