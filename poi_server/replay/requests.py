"""A request for a decision as a line of a file: the body of `POST /v1/decisions`, or a whole situation."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from poi_engine.basket import BasketEntry, check_entries, lines_of
from poi_engine.errors import RequestError
from poi_engine.setup import ZONES
from poi_offers.decide import Explained
from poi_offers.situation import Basket, CustomerFacts, PaymentFacts, Place, SaleItem, Situation
from poi_offers.storetime import YEARS
from poi_server.replay.lines import decoded
from poi_server.routes.decisions import Currency


class Request(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One past basket. Either a `basket`, or its parts beside the rest as `POST /v1/decisions` takes them.

    `place` may name its store and regions; `store_id` alone needs the list of stores. `customer` is what was on file.
    `session_id`, which the API asks some callers for, is read and means nothing here.
    """

    at: datetime | None = None
    place: Place | None = None
    store_id: str | None = None
    basket: Basket | None = None
    currency: Currency | None = None
    items: Annotated[tuple[SaleItem, ...], Meta(max_length=500)] = ()
    entries: Annotated[tuple[BasketEntry, ...], Meta(max_length=200)] = ()
    codes: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=20)] = ()
    rewards: Annotated[tuple[str, ...], Meta(max_length=20)] = ()
    vat_rate: Annotated[int, Meta(ge=0, le=10_000)] = 2000
    customer: CustomerFacts | None = None
    customer_id: str | None = None
    session_id: str | None = None
    payment: PaymentFacts | None = None
    channel: Literal["counter", "phone", "partner"] | None = None
    partner: str | None = None
    explain: Explained | None = None


class Question(NamedTuple):
    """A situation, and which offers get a reason if the request itself says."""

    situation: Situation
    explain: Explained | None


_REQUEST = msgspec.json.Decoder(Request)


class Reader:
    """Turns lines into questions. `stores`: places that requests may name by id; `at`: for requests without a time."""

    def __init__(self, stores: Mapping[str, Place], at: datetime | None = None) -> None:
        self._stores = stores
        self._at = at

    def read(self, line: bytes) -> Question:
        """The question; a `RequestError` names the JSON path of what is wrong and how to mend it."""
        request = decoded(_REQUEST, line)
        situation = Situation(
            at=checked_instant(request.at or self._at, "$.at"),
            place=self._place(request),
            basket=_basket(request),
            customer=_customer(request),
            payment=request.payment,
            channel=request.channel or ("partner" if request.basket is None else "counter"),
            partner=request.partner,
        )
        return Question(situation, request.explain)

    def _place(self, request: Request) -> Place:
        if (request.place is None) == (request.store_id is None):
            raise RequestError("place-or-store", "Give either `place` or `store_id`.", path="$.place")
        if request.place is not None:
            return checked_place(request.place, "$.place")
        place = self._stores.get(request.store_id or "")
        if place is None:
            message = "No such store in --stores FILE: name it there, or write `place` with the store's zone here."
            raise RequestError("unknown-store", message, path="$.store_id")
        return place


def checked_place(place: Place, path: str) -> Place:
    """The place, if its zone is known and its position whole."""
    if place.zone not in ZONES:
        message = f"{place.zone!r} is no IANA time zone; write one such as Europe/Paris."
        raise RequestError("unknown-zone", message, path=f"{path}.zone")
    if (place.lat is None) != (place.lon is None):
        raise RequestError("half-a-place", "A position needs both `lat` and `lon`.", path=f"{path}.lat")
    return place


def checked_instant(at: datetime | None, path: str) -> datetime:
    """The instant, if it is one on every clock."""
    if at is None:
        message = "Give the moment of the basket, such as 2026-11-22T17:30:00Z, or --at for all that have none."
        raise RequestError("time-missing", message, path=path)
    if at.tzinfo is None:
        raise RequestError("naive-time", "The time needs its offset, such as `Z`.", path=path)
    if at.year not in YEARS:
        raise RequestError("time-range", f"The year is {YEARS[0]} to {YEARS[-1]}.", path=path)
    return at


def _customer(request: Request) -> CustomerFacts | None:
    customer = request.customer
    if request.customer_id is not None and (customer is None or customer.customer_id != request.customer_id):
        message = "A replay looks nobody up: write what was on file as `customer`, with this `customer_id`."
        raise RequestError("facts-missing", message, path="$.customer_id")
    if customer is not None and customer.last_visit is not None:
        checked_instant(customer.last_visit, "$.customer.last_visit")
    return customer


def _basket(request: Request) -> Basket:
    basket, parts = request.basket, (request.currency, request.items, request.entries, request.codes, request.rewards)
    if basket is not None and any(parts):
        message = "Give `basket`, or `currency`, `items` and the rest beside it, not both."
        raise RequestError("basket-twice", message, path="$.basket")
    if basket is None and request.currency is None:
        raise RequestError("basket-missing", "Give `currency` and `items`, or a whole `basket`.", path="$.currency")
    if basket is None:
        items = (*request.items, *_lines(request))
        basket = Basket(currency=request.currency or "", items=items, codes=request.codes, rewards=request.rewards)
    _check_lines(basket.items, "$.items" if request.basket is None else "$.basket.items")
    return basket


def _lines(request: Request) -> tuple[SaleItem, ...]:
    check_entries(request.entries)
    for number, entry in enumerate(request.entries):
        if entry.code is not None:
            message = "A replay has no list of products: write the line in `items`, with its label and price."
            raise RequestError("unknown-product", message, path=f"$.entries[{number}].code")
    return lines_of(request.entries, {}, request.vat_rate)


def _check_lines(items: tuple[SaleItem, ...], path: str) -> None:
    seen: set[str] = set()
    for number, item in enumerate(items):
        if item.line_id in seen:
            message = f"Two lines have the id {item.line_id!r}: give each its own."
            raise RequestError("line-twice", message, path=f"{path}[{number}].line_id")
        seen.add(item.line_id)
