"""From a till's message to its answer: who asks, at which station, may they, and once per ServiceID."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from aiohttp import web

from poi_engine.errors import NotFound, PoiError, RequestError, StorageError
from poi_engine.nexo.crypto import Sealer
from poi_engine.pan import refuse_pan
from poi_engine.principal import Principal
from poi_engine.staff.rights import Acting
from poi_server.config import Nexo, NexoPoi
from poi_server.nexo.answers import failed, json_of, named
from poi_server.nexo.categories import CATEGORIES
from poi_server.nexo.conditions import LASTING, Failed, StillOpen, failure_of, money_may_move
from poi_server.nexo.envelope import REQUEST, UNANSWERED, VERSION, Asked, opened, reply_header, sealed, speaks
from poi_server.nexo.events import Events
from poi_server.nexo.messages import Kept, access_of, answer, begin, digest, find, forget_old, key_of, logins
from poi_server.nexo.turn import Category, Ended, Turn
from poi_server.nexo.waiting import Waiting
from poi_server.nexo.wire.common import MessageHeader, class_of
from poi_server.nexo.wire.names import Wire, encode

if TYPE_CHECKING:
    from poi_server.services import Services

log = structlog.get_logger(__name__)
SWEEP_US = 86_400_000_000
"""How often answers that are kept no longer are deleted."""
_MISSING = {"right-missing": "Whoever is signed in has not the right.", "sign-in-needed": "Sign in at the station."}


class NexoServer:
    """Serves the tills of one merchant; `sealers` are the keys of secured messages, derived once."""

    def __init__(self, services: Services, merchant_id: str, sealers: tuple[Sealer, ...]) -> None:
        self.services = services
        self.merchant_id = merchant_id
        self.config: Nexo = services.config.nexo
        self.waiting = Waiting(services.live)
        self._selling: set[str] = set()
        self.events = Events(services, merchant_id, self.config.pois, sealers)
        self._sealers = sealers
        self._swept = 0
        self._under_way: dict[tuple[str, ...], asyncio.Task[dict[str, Any]]] = {}

    async def close(self) -> None:
        """Wait for what is under way."""
        await self.events.close()
        self.waiting.end_all()
        tasks = list(self._under_way.values())
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    def opened(self, content: bytes) -> Asked:
        """The request in a message; one that cannot be read has no answer of its kind."""
        return opened(content, self._sealers)

    async def answer(self, asked: Asked, credential: Principal | None) -> bytes:
        """The answer's bytes; nothing where the standard knows no answer. `credential`: who sent a plain message."""
        turn = await self._admitted(asked, credential)
        category = CATEGORIES.get(asked.header.message_category)
        name = asked.header.message_category
        try:
            body = await self._served(turn, category, asked)
        except (Failed, PoiError) as error:
            body = failed(turn, name, asked.body, failure_of(error))
        except Exception as error:
            await asyncio.to_thread(log.error, "nexo_broke", category=name, exc_info=error)
            broke = StorageError("internal", "Something broke here; the log has it.")
            body = failed(turn, name, asked.body, failure_of(broke))
        if name in UNANSWERED:
            return b""
        return sealed(reply_header(asked.header), body, asked.sealer)

    def under_way(self, key: tuple[str, ...]) -> bool:
        """Whether this process is working on the request."""
        return key in self._under_way

    # --- who asks

    async def _admitted(self, asked: Asked, credential: Principal | None) -> Turn:
        refuse_pan(asked.header.sale_id, f"$.{REQUEST}.MessageHeader.SaleID")
        poi = self._poi(asked.header, credential)
        if asked.sealer is not None and poi.keys and asked.sealer.identifier not in poi.keys:
            raise RequestError("station-refused", "This key is another POI's.", status=403)
        if poi.sale_ids and asked.header.sale_id not in poi.sale_ids:
            raise RequestError("nexo-till-unknown", "This POI does not serve this SaleID.", status=403)
        station = Principal(
            merchant_id=self.merchant_id,
            access_id=access_of(asked.header),
            role="station",
            subject_id=poi.station,
        )
        acting = await self.services.signins.acting(station, active=True)
        return Turn(
            services=self.services,
            waiting=self.waiting,
            selling=self._selling,
            ended=self._ended,
            header=asked.header,
            poi=poi,
            acting=acting,
        )

    def _poi(self, header: MessageHeader, credential: Principal | None) -> NexoPoi:
        for poi in self.config.pois:
            if poi.poi_id == header.poiid:
                if credential is not None and credential.subject_id != poi.station:
                    raise RequestError("station-refused", "This credential is another station's.", status=403)
                return poi
        if credential is not None and header.poiid == credential.subject_id:
            return NexoPoi(poi_id=header.poiid, station=header.poiid)
        raise NotFound("POI", header.poiid)

    # --- what they ask

    async def _served(self, turn: Turn, category: Category | None, asked: Asked) -> dict[str, Any]:
        name = asked.header.message_category
        if not speaks(asked.header):
            raise Failed("MessageFormat", f"This POI speaks version {VERSION} of the protocol.", "protocol-version")
        if category is None:
            raise Failed("UnavailableService", f"This POI does not serve {name[:40]} requests.", "nexo-category")
        if asked.header.message_class != class_of(name):
            raise Failed("MessageFormat", f"The MessageClass of {name} is {class_of(name)}.", "nexo-header")
        request = _converted(category, name, asked.body)
        _must_have_right(turn.acting, category)
        if category.login:
            await self._must_be_logged_in(turn)
        if not category.kept or turn.header.service_id is None:  # a device's request may have none
            return json_of(name, await category.handle(turn, request))
        return await self._once(turn, category, name, request, asked.body)

    async def _must_be_logged_in(self, turn: Turn) -> None:
        if self.config.login != "required":
            return
        found = await self.services.sql.read(lambda: logins(self.merchant_id, turn.header.poiid))
        if turn.header.sale_id not in {one.sale_system for one in found}:
            raise Failed("LoggedOut", "Log in first.", "logged-out")

    async def _once(
        self, turn: Turn, category: Category, name: str, request: Any, body: dict[str, Any]
    ) -> dict[str, Any]:
        """One ServiceID, one effect, one answer; a caller who hangs up does not interrupt it."""
        key = key_of(self.merchant_id, turn.header)
        stop = self.waiting.began(key)  # before anything is awaited: the till may give it up at once
        try:
            kept = await self._filed(turn, category, name, request, body)
            if kept.answer is not None:
                return dict(msgspec.json.decode(kept.answer))
            task = self._under_way.get(key)
            if task is None:
                working = self._worked(replace(turn, kept=kept, stop=stop), category, request)
                task = self._under_way[key] = asyncio.create_task(working)
                task.add_done_callback(lambda _: self._over(key))
            return await asyncio.shield(task)
        finally:
            if key not in self._under_way:
                self.waiting.over(key)

    async def _filed(self, turn: Turn, category: Category, name: str, request: Any, body: dict[str, Any]) -> Kept:
        key, at = key_of(self.merchant_id, turn.header), turn.at
        if at - self._swept > SWEEP_US:
            self._swept = at
            await self.services.sql.write(lambda: forget_old(self.merchant_id, at))
        message_id, body_hash, echo = self.services.ids.new("nxm"), digest(name, encode(body)), category.echo(request)
        refuse_pan(encode(echo).decode(), f"$.{named(name, 'Request')}")
        return await self.services.sql.write(lambda: begin(key, message_id, turn.station_id, name, body_hash, echo, at))

    def _over(self, key: tuple[str, ...]) -> None:
        self._under_way.pop(key, None)
        self.waiting.over(key)

    async def _worked(self, turn: Turn, category: Category, request: Any) -> dict[str, Any]:
        """The body of the answer, kept unless it is still open."""
        assert turn.kept is not None
        ended = None if turn.kept.fresh else category.ended
        try:
            return await self._settled(turn, _found(turn, ended) if ended else category.handle(turn, request))
        except StillOpen as error:
            return failed(turn, turn.kept.category, {}, failure_of(error))

    async def _settled(self, turn: Turn, work: Awaitable[Wire | None]) -> dict[str, Any]:
        """Do the work and keep its answer, a failure too; not while it is open, nor where it broke before it began."""
        assert turn.kept is not None
        name = turn.kept.category
        try:
            told = json_of(name, await work)
        except StillOpen as error:
            if (cause := error.__cause__) is not None:
                trace = None if isinstance(cause, PoiError) else cause
                await asyncio.to_thread(
                    log.error, "nexo_in_doubt", message=turn.message_id, error=str(cause), exc_info=trace
                )
            raise
        except (Failed, PoiError) as error:
            if isinstance(error, PoiError) and error.status >= 500 and error.code not in LASTING:
                raise
            told = failed(turn, name, {}, failure_of(error))
        key, content, at = key_of(self.merchant_id, turn.header), encode(told), turn.at
        kept = await self.services.sql.write(lambda: answer(key, content, at))
        return told if kept == content else dict(msgspec.json.decode(kept))

    # --- how it ended

    async def _ended(self, turn: Turn, header: MessageHeader) -> tuple[Kept, dict[str, Any]]:
        """An earlier request and the body of its answer; `StillOpen` while it has none, `NotFound` if it never came."""
        key = key_of(self.merchant_id, header)
        kept = await self.services.sql.read(lambda: find(key))
        if kept is None or kept.station_id != turn.station_id:
            raise Failed("NotFound", "No such request came here; it can be sent again.", "not-found")
        if kept.answer is not None:
            return kept, dict(msgspec.json.decode(kept.answer))
        category = CATEGORIES[kept.category]
        if self.under_way(key) or category.ended is None:
            raise StillOpen("It is under way.")
        earlier = replace(turn, header=header, kept=kept)
        return kept, await self._settled(earlier, _found(earlier, category.ended))


async def _found(turn: Turn, ended: Ended) -> Wire | None:
    """How an earlier request ended; where that cannot be found out, it is still open."""
    with money_may_move():
        return await ended(turn)


def _converted(category: Category, name: str, body: dict[str, Any]) -> Any:
    field = named(name, "Request")
    try:
        return msgspec.convert(body.get(field) or {}, category.request)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at ")
        raise RequestError("message-format", f"{text}.", path=f"$.{field}{where.strip('`')[1:]}") from None


def _must_have_right(acting: Acting, category: Category) -> None:
    if category.right is not None and not acting.may(category.right):
        raise Failed("NotAllowed", _MISSING[acting.missing], acting.missing)


NEXO = web.AppKey("nexo", NexoServer)
