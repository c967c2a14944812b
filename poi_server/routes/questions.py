"""What is asked on a station's screens, and the answer."""

from poi_server.http import COUNTER, Call, Routes
from poi_server.questions import Answer, Question
from poi_server.routes.counter import own_station

routes = Routes("questions")


@routes.get(
    "/v1/stations/{station_id}/question",
    roles=COUNTER,
    right="sell",
    summary="What a till asks on this station's screen, or has printed there",
)
async def question(call: Call, station_id: str) -> Question | None:
    """Whoever loads it shows it, or prints it: something to print goes to the first alone."""
    return await call.services.questions.show(call.merchant_id, own_station(call, station_id))


@routes.post(
    "/v1/stations/{station_id}/question/answer",
    roles=COUNTER,
    right="sell",
    summary="Answer what a till asks, or say that it is printed; the first answer counts",
)
async def answer(call: Call, station_id: str, body: Answer) -> None:
    await call.services.questions.answer(call.merchant_id, own_station(call, station_id), body)
