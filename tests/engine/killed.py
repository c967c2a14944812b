"""Run as a program: sells, refunds and recovers in a child process that kills itself at a named step, for every name.

Prints one JSON object a line: the step, whether the child was killed there, and what was wrong after the recovery.
The terminal's book and the database outlive the child; session state does not.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from poi_engine.basket import BasketEntry
from poi_engine.errors import PoiError
from poi_engine.pay_jobs import decline
from poi_engine.ports import PaymentResult
from poi_engine.returns import ReturnedLine
from poi_engine.storage import open_sql
from poi_engine.verify import verify
from poi_offers.model import Limit, Offer, PercentOff
from tests.engine.shop import SELLER, M, Shop
from tests.simulation.storage import MemorySessions

LATE = 1777
"""An amount whose approval comes after its checkout was ended by somebody else."""


def offer(offer_id: str, **changes: object) -> Offer:
    """A tenth off, at most 100 times."""
    limits = (Limit(of="uses", cap=100),)
    effects = (PercentOff(percent=1000),)
    return Offer(offer_id=offer_id, name={"en": offer_id}, currency="EUR", effects=effects, limits=limits, **changes)  # type: ignore[arg-type]


def shop_in(folder: Path, trace: Callable[[str], None]) -> Shop:
    """The shop on the folder's database and book."""
    shop = Shop(open_sql(f"sqlite:///{folder / 'poi.db'}"), MemorySessions(), folder)
    shop.engine = shop.build(trace)
    return shop


async def story(folder: Path, trace: Callable[[str], None], acknowledge: Callable[[str], None]) -> None:
    """Every path of a payment once."""
    shop = shop_in(folder, trace)
    await shop.setup()
    await shop.engine.offers.create(M, offer("off_1"))
    await shop.engine.offers.create(M, offer("off_reward", reward_points=10))
    customer = await shop.customer()

    async def sell(*amounts: int, means: str = "card", known: bool = False) -> str:
        session = await shop.basket(*amounts)
        if known:
            session = await shop.identify(session, customer)
            entries = [BasketEntry(amount=amount) for amount in amounts]
            session = await shop.engine.stations.set_basket(M, session.session_id, entries, rewards=("off_reward",))
        session = await shop.pay(await shop.accept(session), means)
        if session.state == "unknown":
            session = await shop.engine.checkout.ask_status(M, session.session_id)
        if session.state == "declined":
            await shop.engine.stations.abandon(M, session.session_id)
        acknowledge(f"{session.state} {session.sale_id}")
        return session.sale_id or ""

    first = await sell(*no_tenth(1005, 1013, 3000), known=True)
    await sell(2000, known=True)
    for end in (1005, 1013, 1014):
        await sell(*no_tenth(end))
    await sell(700, means="cash")
    for number, line in enumerate(("3", "1", "2")):
        await give_back(shop, first, line, number)
    _let_late_approvals_meet_an_ended_checkout(shop)
    await sell(*no_tenth(LATE))
    session = await shop.basket(900)
    await shop.engine.stations.abandon(M, (await shop.accept(session)).session_id)
    await shop.accept(await shop.basket(800))
    shop.clock.forward(16 * 60)
    await shop.engine.recovery.run()
    session = await shop.engine.stations.open(M, "sta_2", [BasketEntry(amount=amount) for amount in no_tenth(1013)])
    await shop.pay(await shop.accept(session))
    await shop.engine.recovery.run()


def no_tenth(*paid: int) -> list[int]:
    """Amounts that cost what is said after a tenth is taken off them."""
    return [round(amount * 10 / 9) for amount in paid]


async def give_back(shop: Shop, sale_id: str, line: str, number: int) -> None:
    """Refund one line."""
    try:
        lines = [ReturnedLine(line_id=line, quantity=1000)]
        await shop.engine.checkout.refund(M, sale_id, lines, "broken", key=f"refund-{number}", by=SELLER)
    except PoiError as error:
        if error.code not in ("refund-unknown", "refund-declined"):
            raise


def _let_late_approvals_meet_an_ended_checkout(shop: Shop) -> None:
    terminal, authorise = shop.terminal, shop.terminal.authorise

    async def late(
        station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        result = await authorise(station_id, payment_ref, amount, currency, acquisition_ref)
        if amount == LATE:
            rows = await shop.rows("select checkout_id from payment where payment_id = ?", (payment_ref,))
            said = PaymentResult(outcome="declined", payment_ref=payment_ref)
            await shop.sql.write(
                lambda: decline(
                    *(M, str(rows[0]["checkout_id"]), said), sure=False, ids=shop.ids, at=1, trace=lambda _: None
                )
            )
        return result

    terminal.authorise = late  # type: ignore[method-assign]


async def check(folder: Path, acknowledged: list[str]) -> list[str]:
    """Recover as a new process does, then look for anything lost or doubled."""
    shop = shop_in(folder, lambda _: None)
    shop.clock.forward(3600)
    await shop.engine.recovery.run()
    wrong = [f"{found.rule}: {found.message}" for found in await verify(shop.sql)]
    captured = await shop.rows("select payment_id, amount from payment where means = 'card' and state = 'captured'")
    here = {str(row["payment_id"]): abs(int(str(row["amount"]))) for row in captured}
    there = {
        done.reference: done.amount
        for done in await shop.operations()
        if done.kind in ("authorise", "refund") and done.approved and not done.cancelled
    }
    if here != there:
        wrong.append(f"the terminal has {there}, we have {here}")
    sales = {str(row["sale_id"]) for row in await shop.rows("select sale_id from sale")}
    wrong += [f"{line} was acknowledged" for line in acknowledged if line.startswith("paid") and line[5:] not in sales]
    open_ = await shop.rows("select checkout_id, state from checkout where state in ('reserved', 'paying', 'unknown')")
    wrong += [f"{row['checkout_id']} stays {row['state']}" for row in open_]
    return wrong


def child(act: Callable[[], None]) -> int:
    """Run in a process of its own; its wait status."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1]


def one(template: Path, folder: Path, step: str | None) -> dict[str, object]:
    """The story, killed at a step (None: to its end), then the recovery."""
    folder.mkdir()
    shutil.copy(template, folder / "poi.db")
    steps, acknowledged, wrong = folder / "steps", folder / "acknowledged", folder / "wrong"

    def trace(name: str) -> None:
        if name == step:
            os.kill(os.getpid(), signal.SIGKILL)
        append(steps, name)

    status = child(lambda: asyncio.run(story(folder, trace, lambda line: append(acknowledged, line))))
    said = acknowledged.read_text().splitlines() if acknowledged.exists() else []
    checked = child(lambda: append(wrong, json.dumps(asyncio.run(check(folder, said)))) or None)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    found = json.loads(wrong.read_text()) if checked == 0 else ["the recovery failed"]
    seen = list(dict.fromkeys(steps.read_text().splitlines())) if steps.exists() else []
    return {"step": step, "killed": killed, "status": status, "wrong": found, "seen": seen, "said": said}


def append(path: Path, line: str) -> None:
    """Add a line at once."""
    with path.open("a") as file:
        file.write(f"{line}\n")


def main() -> None:
    """`template` is an empty migrated database, `folder` where to work."""
    template, folder = Path(sys.argv[1]), Path(sys.argv[2])
    whole = one(template, folder / "whole", None)
    print(json.dumps(whole), flush=True)
    for number, step in enumerate(whole["seen"]):  # type: ignore[arg-type,var-annotated]
        result = one(template, folder / str(number), step)
        print(json.dumps({**result, "seen": []}), flush=True)


if __name__ == "__main__":
    main()
