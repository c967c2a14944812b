"""What sells, when, for how much, by which means and to whom."""

import asyncio
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

from poi_engine.clock import micros, moment
from poi_engine.errors import RequestError
from poi_engine.insights import Insights
from poi_server.http import READER, Call, Routes

routes = Routes("insights")

LONGEST_DAYS = 1100


@routes.get("/v1/insights", roles=READER, right="insights", summary="The figures of a period, from committed sales")
async def insights(
    call: Call,
    first: date | None = None,
    last: date | None = None,
    store_id: str | None = None,
    top: Annotated[int, Meta(ge=1, le=200)] = 20,
) -> Insights:
    last_day = last or await _today(call)
    first_day = first or last_day - timedelta(days=29)
    if not 0 <= (last_day - first_day).days <= LONGEST_DAYS:
        raise RequestError(
            "bad-period", f"The first day comes before the last, at most {LONGEST_DAYS} days apart.", path="$.first"
        )
    return await call.services.insights.read(call.merchant_id, first_day, last_day, store_id, top=top)


async def _today(call: Call) -> date:
    """Today at the merchant's first store; UTC if there is none."""
    stores = await call.services.setup.stores(call.merchant_id)
    zone = await asyncio.to_thread(ZoneInfo, stores[0].zone if stores else "UTC")  # the first use reads a file
    return moment(micros(call.services.clock.now())).astimezone(zone).date()
