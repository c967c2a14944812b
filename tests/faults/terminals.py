"""Between server and card terminals messages are lost, doubled, cut, late, and overtake each other, in TLS.

Each counter has a simulated nexo terminal of its own with a book; a message that comes twice is answered twice and done
once, one that never came is found out by asking.
"""

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path

import aiohttp

from poi_engine.connectors.nexo_simulator import SimulatedNexoTerminal
from poi_engine.ports import Sql
from tests.adversity.http_proxy import HttpProxy, between_requests, by_seed
from tests.connectors.certificates import terminal_certificate
from tests.faults.audit import audited_here, card_payments
from tests.faults.crowd import TILLS, Crowd
from tests.faults.place import Place, grounds
from tests.faults.plan import Outcome, Plan

BAD, ROUND_SECONDS = 30, 20
"""A round ends when so many messages had a bad fate, or after so long."""
END_SECONDS = 60
_SIGNS = {"Payment": 1, "Reversal": -1, "refund": -1}


async def run(plan: Plan, made: Outcome) -> None:
    """As many rounds as the plan says."""
    async with AsyncExitStack() as stack:
        ground = await stack.enter_async_context(grounds(plan.folder, plan.storage))
        config = plan.folder / "terminals.toml"
        place = await ground.place(POI_CONFIG=str(config))
        wires = Wires(plan.seed)
        await wires.stand(stack, place.stations[: 2 * TILLS], config)
        assert await place.start()
        crowd = Crowd(place, str(plan.seed))
        await _connected(place, crowd, wires.stations)
        try:
            while made.times < plan.times and not plan.over:
                await _round(plan, made, place, crowd, wires)
        finally:
            made.repeated = crowd.repeated
            made.seen.update(crowd.book.seen)
            made.seen.update({f"a message {fate}": often for fate, often in wires.met().items()})


class Wires:
    """A terminal for each station, at the end of a bad wire; `calm`: every message passes."""

    def __init__(self, seed: int) -> None:
        self.calm = True
        self.stations: Sequence[str] = ()
        self.terminals: list[SimulatedNexoTerminal] = []
        self._proxies: list[HttpProxy] = []
        self._fate = by_seed(random.Random(f"{seed} terminals"))

    async def stand(self, stack: AsyncExitStack, stations: Sequence[str], config: Path) -> None:
        """Put the terminals there, and write the server's configuration."""
        self.stations = stations
        ca, tls = await asyncio.to_thread(terminal_certificate, config.parent, "terminal.example")
        text = '[payment]\nconnectors = ["simulator", "nexo"]\n'
        for number, station in enumerate(stations):
            terminal = SimulatedNexoTerminal(poi_id=f"SIM-{number}")
            stack.push_async_callback(terminal.close)
            port = await terminal.listen(tls=tls)
            proxy = await stack.enter_async_context(between_requests(port, self._fated, tls))
            self.terminals.append(terminal)
            self._proxies.append(proxy)
            text += _configured(station, f"SIM-{number}", proxy.port, ca)
        await asyncio.to_thread(config.write_text, text)

    def _fated(self, request: bytes) -> tuple[str, int]:
        return ("passes", 0) if self.calm else self._fate(request)

    def met(self) -> dict[str, int]:
        """How often each fate was met."""
        return {fate: sum(one.met[fate] for one in self._proxies) for one in self._proxies for fate in one.met}

    def bad(self) -> int:
        """How many messages did not just pass."""
        return sum(often for fate, often in self.met().items() if fate != "passes")

    def moved(self) -> int:
        """What the terminals took less what they gave back, minor units."""
        done = [one for terminal in self.terminals for one in terminal.book if one.done]
        return int(sum((_SIGNS[one.what] * one.amount for one in done), Decimal(0)) * 100)


def _configured(station: str, poi_id: str, port: int, ca: Path) -> str:
    options = {"host": "127.0.0.1", "port": port, "poi_id": poi_id, "ca": str(ca)}
    options |= {"certificate_name": "terminal.example", "answer_seconds": 3, "status_seconds": 2}
    inside = ", ".join(f"{name} = {json.dumps(value)}" for name, value in options.items())
    return f'[[payment.terminals]]\nstation = "{station}"\nconnector = "nexo"\noptions = {{ {inside} }}\n'


async def _connected(place: Place, crowd: Crowd, stations: Sequence[str]) -> None:
    """Each station gets its terminal, and sells once: a terminal that has answered can show that it forgot nothing."""
    headers = {"Authorization": f"Bearer {place.secret}"}
    async with aiohttp.ClientSession(place.base_url, headers=headers) as http:
        async with http.get("/v1/stations") as answer:
            known = {one["station_id"]: one for one in (await answer.json())["items"]}
        for station in stations:
            now = {"store_id": known[station]["store_id"], "name": known[station]["name"], "connector": "nexo"}
            async with http.put(f"/v1/stations/{station}", json=now) as answer:
                assert answer.status == 200, await answer.text()
            key = f"first-{station}"
            body = {"entries": [{"amount": 1000}], "means": "card", "accept_up_to": 1000}
            async with http.post(f"/v1/stations/{station}/sale", json=body, headers={"Idempotency-Key": key}) as answer:
                sold = await answer.json()
                assert answer.status == 200 and sold["state"] == "paid", sold
            crowd.book.told(crowd.book.sales, key, (sold["sale_id"], sold["decision"]["total"]))


async def _round(plan: Plan, made: Outcome, place: Place, crowd: Crowd, wires: Wires) -> None:
    """Tills serve over the bad wires; then all is well, everything comes to its end, and the books are compared."""
    stop = asyncio.Event()
    tills = crowd.serve(stop)
    before, wires.calm = wires.bad(), False
    for _ in range(ROUND_SECONDS * 10):
        await asyncio.wait([tills], timeout=0.1)
        if tills.done() or wires.bad() >= before + BAD:
            break
    wires.calm = True
    stop.set()
    await tills
    async with place.sql() as sql:
        captured = await _ended(sql)
        assert captured == wires.moved(), f"cards paid {captured} here, {wires.moved()} at the terminals"
        made.sales = await audited_here(sql, crowd.book)
    made.times += 1
    plan.say(f"{made.times:,} of {plan.times:,} rounds, {made.sales:,} sales")


async def _ended(sql: Sql) -> int:
    """What cards paid here, once recovery has brought all that is to be undone to its end."""
    for _ in range(END_SECONDS * 5):
        captured, without_end = await card_payments(sql)
        if not without_end:
            return captured
        await asyncio.sleep(0.2)
    raise AssertionError(f"{without_end} card payments have no end after {END_SECONDS} s")
