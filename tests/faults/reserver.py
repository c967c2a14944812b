"""One of the processes that reserve against the same limits; its order is a JSON line on standard input.

It runs the job that every acceptance runs, many at a time, through the storage's group commit; the answer is a line
of how many it was granted, gave back again, and was refused.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from typing import Any

from msgspec.structs import replace

from poi_engine.checkout.frozen import Frozen, decode
from poi_engine.checkout.reservation import release, reserve
from poi_engine.clock import SystemClock, micros
from poi_engine.errors import StorageError
from poi_engine.ids import Ids
from poi_engine.ledger import Insufficient
from poi_engine.ports import Job, Sql
from poi_engine.storage import open_sql
from poi_engine.wiring import untraced
from tests.engine.shop import M

AT_ONCE = 128
GIVEN_BACK = 0.05


def limit_key(number: int) -> str:
    """The name of an offer's limit."""
    return f"off_{number}:0:total:ever"


class Reserver:
    """Takes the limits in turn, each time for another session."""

    def __init__(self, sql: Sql, order: dict[str, Any]) -> None:
        self._sql = sql
        self._frozen: Frozen = decode(order["document"])
        self._limits, self._cap = order["limits"], order["cap"]
        self._numbers = iter(range(order["first"], order["first"] + order["count"]))
        self._dice = random.Random(order["first"])
        self._clock = SystemClock()
        self._ids = Ids(self._clock.now)
        self.seen: Counter[str] = Counter(granted=0, refused=0, given_back=0)

    async def work(self) -> None:
        """One after the other, until none is left."""
        for number in self._numbers:
            try:
                checkout_id = await self._reserved(number)
            except Insufficient:
                self.seen["refused"] += 1
                continue
            self.seen["granted"] += 1
            if self._dice.random() < GIVEN_BACK:
                await self._let_go(checkout_id)

    async def _reserved(self, number: int) -> str:
        """The reservation; what storage could not answer is sent again under the same name."""
        frozen, checkout_id = self._asked(number), f"chk_{number}"
        while True:
            try:
                await self._sql.write(lambda: self._job(checkout_id, frozen))
            except StorageError as error:
                self.seen[error.code] += 1
            else:
                return checkout_id

    def _asked(self, number: int) -> Frozen:
        claim = replace(self._frozen.claims[0], key=limit_key(number % self._limits), cap=self._cap)
        session = replace(self._frozen.session, session_id=f"ses_{number}", checkout_id=f"chk_{number}")
        return replace(self._frozen, claims=(claim,), session=session)

    def _job(self, checkout_id: str, frozen: Frozen) -> Job[Frozen]:
        return reserve(M, checkout_id, frozen, ids=self._ids, at=self._at(), trace=untraced)

    async def _let_go(self, checkout_id: str) -> None:
        """Given back; what storage could not answer is asked again, and has then perhaps been done before."""
        asked = 0
        while True:
            try:
                gone = await self._sql.write(
                    lambda: release(
                        M, checkout_id, "released", ("reserved",), ids=self._ids, at=self._at(), trace=untraced
                    )
                )
            except StorageError as error:
                asked += 1
                self.seen[error.code] += 1
            else:
                self.seen["given_back"] += gone or asked > 0
                return

    def _at(self) -> int:
        return micros(self._clock.now())


async def main() -> None:
    """Do what the order says."""
    order = json.loads(sys.stdin.readline())
    sql = open_sql(order["url"])
    reserver = Reserver(sql, order)
    print("ready", flush=True)
    sys.stdin.readline()  # all start together
    await asyncio.gather(*(reserver.work() for _ in range(AT_ONCE)))
    await sql.close()
    print(json.dumps(reserver.seen))


if __name__ == "__main__":
    asyncio.run(main())
