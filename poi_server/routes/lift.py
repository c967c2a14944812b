"""What an offer brings, measured against the customers who were held out."""

from datetime import date

from poi_engine.segments.lift_reader import LiftView
from poi_server.http import READER, Call, Routes

routes = Routes("offers")


@routes.get("/v1/offers/{offer_id}/lift", roles=READER, right="insights", summary="An offer's effect, by its holdout")
async def offer_lift(call: Call, offer_id: str, first: date | None = None, last: date | None = None) -> LiftView:
    """By default the thirty days up to today. Honest where there is not enough data yet: see `enough`, `needed`."""
    return await call.engine.lifts.of_offer(call.merchant_id, offer_id, first, last)
