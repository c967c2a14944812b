"""A till that wants one round trip: a whole sale in one request."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.basket import BasketEntry
from poi_engine.session import Session
from poi_engine.whole_sale import Wish
from poi_server.http import COUNTER, Call, Routes
from poi_server.routes.counter import own_station
from poi_server.sight import must, must_take, shown_to

routes = Routes("till")


class SaleBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole sale. `credential`: what the till read of a loyalty card or a phone, as it was scanned.

    `accept_up_to`: the most that the customer agreed to, in minor units; offers may make it less, never more.
    """

    entries: Annotated[tuple[BasketEntry, ...], Meta(min_length=1, max_length=200)]
    accept_up_to: Annotated[int, Meta(ge=0)]
    means: Literal["card", "cash", "wallet"] = "card"
    credential: Annotated[str, Meta(min_length=1, max_length=4096)] | None = None
    codes: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=20)] = ()


@routes.post(
    "/v1/stations/{station_id}/sale",
    roles=COUNTER,
    right="take_payment",
    idempotent=True,
    summary="A whole sale in one request: identified, decided, accepted and paid",
)
async def sell(call: Call, station_id: str, body: SaleBody) -> Session:
    """Repeating the key goes on where the first request was interrupted, and never sells twice."""
    must(call.acting, "sell")
    await must_take(call, own_station(call, station_id), body.means)
    read = call.services.scanning.read_line
    wish = Wish(
        entries=body.entries,
        accept_up_to=body.accept_up_to,
        means=body.means,
        credential=read(f"till:{station_id}", body.credential) if body.credential else None,
        codes=body.codes,
    )
    sold = await call.engine.whole_sales.sell(
        call.merchant_id, station_id, wish, key=call.key, caller=call.principal, by=call.by
    )
    return shown_to(call, sold)
