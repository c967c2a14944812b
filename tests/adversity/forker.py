"""A process that has imported everything and forks one child an order: each a real process, without its start-up time.

An order is a JSON line: the folder, the scenario, the point to be killed at, and whether to audit afterwards. The
answer is a JSON line: the signal that ended the child, or the text of what went wrong in it.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from poi_engine.storage.redis import open_redis
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.storage.upgrade import migrate
from poi_engine.storage.valkey import EmbeddedValkey
from poi_offers.model import Limit, Offer
from poi_offers.offer_effects import PercentOff
from tests.adversity.audit import CAP, audited
from tests.adversity.scenarios import SCENARIOS
from tests.adversity.till import Killer, opened
from tests.engine.shop import M, Shop

CHILD_SECONDS = 60


async def furnished(folder: Path) -> None:
    """The shop on its first day: ten percent off for everybody, a million times."""
    await migrate(f"sqlite:///{folder / 'poi.db'}")
    sql = SqliteSql(folder / "poi.db")
    async with EmbeddedValkey(folder) as valkey:
        sessions = open_redis(valkey.url)
        shop = await Shop(sql, sessions, folder).setup()
        await shop.customer()
        offer = Offer(
            offer_id="off_ten",
            name={"en": "10 % off"},
            currency="EUR",
            effects=(PercentOff(percent=1000),),
            limits=(Limit(of="uses", cap=CAP),),
        )
        await shop.engine.offers.create(M, offer)
        await shop.close()
        await sessions.close()
    await sql.close()


async def perform(order: dict[str, Any]) -> None:
    """One process of the shop: recover, go on with the scenario, and look at all books when asked."""
    async with opened(Path(order["folder"]), Killer(order["point"])) as shop:
        if order["scenario"]:
            await SCENARIOS[order["scenario"]](shop)
        if order["audit"]:
            await audited(shop, order["expected"])


def _child(order: dict[str, Any]) -> None:
    if order["furnish"]:
        asyncio.run(furnished(Path(order["folder"])))
    else:
        asyncio.run(perform(order))


def _forked(order: dict[str, Any]) -> dict[str, Any]:
    wrong = Path(order["folder"]) / "wrong.txt"
    wrong.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        signal.alarm(CHILD_SECONDS)
        code = 0
        try:
            _child(order)
        except BaseException:
            wrong.write_text(traceback.format_exc())
            code = 1
        os._exit(code)
    return {"signal": _waited(child, order["kill_after"]), "wrong": wrong.read_text() if wrong.exists() else ""}


def _waited(child: int, kill_after: float | None) -> int:
    """The signal that ended the child, 0 for none; killed by us after some seconds."""
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main() -> None:
    """Serve orders until standard input ends."""
    assert threading.active_count() == 1
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
