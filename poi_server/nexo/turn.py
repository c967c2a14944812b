"""One request under way, as the categories see it, and what a category is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from poi_engine.clock import moment
from poi_engine.staff.rights import Acting, Right
from poi_server.config import Nexo, NexoPoi
from poi_server.nexo.conditions import StillOpen
from poi_server.nexo.messages import Echo, Kept, Made, about, access_of, claim, key_of, made
from poi_server.nexo.wire.common import MessageHeader, POIData, TransactionIdentification
from poi_server.nexo.wire.names import Wire

if TYPE_CHECKING:
    from poi_engine.engine import Engine
    from poi_engine.principal import Principal
    from poi_server.nexo.waiting import Waiting
    from poi_server.services import Services


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A request: who asks, at which station, and what it is on file as (None where nothing is kept of it).

    `selling` has the stations at which a till's request has the session to itself, `waiting` what a till may give up,
    and `ended` tells how an earlier request ended. `stop` is set when the till gives this one up.
    """

    services: Services
    waiting: Waiting
    selling: set[str]
    ended: Callable[[Turn, MessageHeader], Awaitable[tuple[Kept, dict[str, Any]]]]
    header: MessageHeader
    poi: NexoPoi
    acting: Acting
    kept: Kept | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def config(self) -> Nexo:
        """How tills are served here."""
        return self.services.config.nexo

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.services.engine

    @property
    def merchant_id(self) -> str:
        """Whose till it is."""
        return self.acting.by.merchant_id

    @property
    def station_id(self) -> str:
        """The station that the POIID names."""
        return self.poi.station

    @property
    def by(self) -> Principal:
        """Whom records name."""
        return self.acting.by

    @property
    def message_id(self) -> str:
        """The request's own id, unique for ever."""
        assert self.kept is not None
        return self.kept.message_id

    @property
    def echo(self) -> Echo:
        """What the answer repeats."""
        assert self.kept is not None
        return self.kept.echo

    @property
    def at(self) -> int:
        """Now, in microseconds since 1970."""
        return self.engine.wiring.at()

    @property
    def since(self) -> int:
        """Whatever came before is not under way in another process any more, microseconds since 1970."""
        return self.at - int(self.engine.wiring.grace * 1_000_000)

    async def made(self) -> Made | None:
        """What the request's payment or refund made, by SQL's word."""
        merchant_id, principal, message_id = self.merchant_id, access_of(self.header), self.message_id
        return await self.services.sql.read(lambda: made(merchant_id, principal, message_id))

    def must_be_nobodys(self) -> None:
        """Before a request is given up as interrupted: another process may be working on it still."""
        assert self.kept is not None
        if self.kept.created_at > self.since:
            raise StillOpen("Another process may be working on it.")

    async def works_on(self, subject: str) -> None:
        """Put on file what the request works on, before it does anything there."""
        key = key_of(self.merchant_id, self.header)
        await self.services.sql.write(lambda: about(key, subject))

    async def has(self, session_id: str) -> None:
        """Have the session for this request alone: two tills that share a station would pay each other's basket."""
        key, station_id, since = key_of(self.merchant_id, self.header), self.station_id, self.since
        await self.services.sql.write(lambda: claim(key, session_id, station_id, since))

    def named(self, transaction_id: str, at: datetime | None = None) -> TransactionIdentification:
        """A transaction of ours."""
        when = moment(self.at) if at is None else at
        return TransactionIdentification(
            transaction_id=transaction_id, time_stamp=when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        )

    def poi_data(self, transaction_id: str, at: datetime | None = None) -> POIData:
        """Our name for this transaction."""
        return POIData(poi_transaction_id=self.named(transaction_id, at))


Handle = Callable[[Turn, Any], Awaitable[Wire | None]]
Ended = Callable[[Turn], Awaitable[Wire | None]]


class Category(NamedTuple):
    """A category of requests: its type, what answers it, the right that it takes, and whether its answer is kept.

    `echo` says what a kept answer repeats of its request; `ended` finds the answer of one whose server stopped.
    """

    request: type[Wire]
    handle: Handle
    right: Right | None = "sell"
    kept: bool = False
    login: bool = True
    echo: Callable[[Any], Echo] = lambda _: Echo()
    ended: Ended | None = None
