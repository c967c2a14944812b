"""One of two server processes that reach for the same thing: each line of standard input is an acceptance to pay."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from poi_engine.engine import Engine
from poi_engine.errors import PoiError
from poi_engine.storage import open_sql
from poi_engine.storage.redis import open_redis
from tests.engine.shop import SELLER, M, Shop

PARTED = ("session-busy", "storage-locked")
"""Refusals that say nothing of what was reached for."""


async def redeem(engine: Engine, asked: dict[str, Any]) -> str:
    """Accept what the session shows and pay it in cash; the session's state, or why not."""
    while True:
        try:
            await engine.checkout.accept(M, asked["session"], asked["decision"], asked["total"], by=SELLER)
            paid = await engine.checkout.pay(M, asked["session"], "cash", key=f"pay-{asked['session']}", by=SELLER)
        except PoiError as error:
            if error.code not in PARTED:
                return error.code
        else:
            return str(paid.state)


async def main() -> None:
    """Serve lines until they end."""
    url, redis, folder = sys.argv[1:]
    sql, sessions = open_sql(url), open_redis(redis)
    shop = Shop(sql, sessions, Path(folder))
    engine = shop.build(exclusive=False)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await redeem(engine, json.loads(line))), flush=True)
    await shop.close()
    await sessions.close()
    await sql.close()


if __name__ == "__main__":
    asyncio.run(main())
