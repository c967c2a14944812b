"""What the fiscal part does in a day, for those who look at each statement."""

from poi_engine.fiscal import training
from poi_engine.fiscal.reporting import report_of
from poi_engine.fiscal.times import local_day
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.fiscal.books import receipt

DAY = 86_400.0
_ALL = 1 << 60


async def day_of_books(shop: Shop) -> None:
    """Closings by hand and by the clock, an exercise, a print and a duplicate, and whoever reads the books."""
    fiscal = shop.engine.fiscal
    await fiscal.started()
    await fiscal.train(M, STATION, True, by=SELLER)
    await shop.sql.write(lambda: training.record(M, STATION, receipt("sale", "trn_1", STATION, 500), 1))
    await fiscal.train(M, STATION, False, by=SELLER)
    for _ in range(2):
        await fiscal.print_receipt(M, (await shop.engine.sales.list(M, limit=1))[0].sale_id, by=SELLER)
    await fiscal.standing(M, STATION)
    await fiscal.close(M, STATION, "day", by=SELLER)
    today = local_day(shop.engine.wiring.at(), "Europe/Paris")
    shop.clock.forward(45 * DAY)
    await shop.sell(1000)
    await fiscal.close(M, STATION, "day", by=SELLER)
    shop.clock.forward(DAY)
    await fiscal.round()
    await fiscal.closings(M, STATION, before=_ALL, limit=10)
    await fiscal.events(M, STATION, before=_ALL, limit=10)
    await fiscal.keys(M)
    await shop.sql.read(lambda: report_of(M, today))
