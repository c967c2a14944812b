"""Stock for tests, as a delivery brings it."""

from poi_engine import ledger
from poi_engine.goods.stock import RECEIVED, STOCK, stock_account
from poi_engine.ports import Job, Query
from tests.engine.shop import M, Shop


async def stocked(shop: Shop, code: str = "eclair", **by_place: int) -> None:
    """Track a product and put so many thousandths at each place."""

    def job() -> Job[None]:
        yield Query("update product set tracked = 1 where merchant_id = ? and code = ?", (M, code))
        moves = [
            ledger.Move(kind="received", debit=RECEIVED, credit=stock_account(place, code), amount=amount, unit=STOCK)
            for place, amount in by_place.items()
        ]
        yield from ledger.enter(M, shop.ids.new("stk"), moves, ids=shop.ids, at=shop.engine.wiring.at())

    await shop.sql.write(job)
