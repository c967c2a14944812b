"""The fiscal part's service: closings by people and by the clock, training, prints, and what is put on record."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime, timedelta
from typing import IO

from msgspec import Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound, PoiError, RequestError
from poi_engine.fiscal import closing, events, journal, training
from poi_engine.fiscal.archive import Made, Progress, unwatched, write_archive
from poi_engine.fiscal.drafts import Draft, Moved, next_due, open_receipts
from poi_engine.fiscal.events import MERCHANT, Event
from poi_engine.fiscal.events import Kind as EventKind
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.model import Closed, Kind
from poi_engine.fiscal.steady import Steady
from poi_engine.fiscal.times import local_day
from poi_engine.fiscal.totals import Totals
from poi_engine.fiscal.version import STAMP
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.wiring import Wiring

_log = logging.getLogger(__name__)
_TRIES = 20
ROUND = "server:round"
"""Who closed what nobody closed."""


class Standing(Struct, frozen=True, kw_only=True):
    """A station's books before their next closing: receipts `first` to `last`; `open`: whether it may sell;
    `clock_believed`: whether a day that is over is closed by the clock."""

    station_id: str
    day: date
    open: bool
    closed_until: datetime | None
    training: bool
    first: int
    last: int
    totals: Totals
    clock_believed: bool = True


class Fiscal:
    """Every method takes the merchant first; `by` is who acts, for the records."""

    def __init__(self, wiring: Wiring, signer: Signer) -> None:
        self._w = wiring
        self.signer = signer
        self._paused = 0
        self.steady = Steady(wiring.clock)

    # --- closings ---------------------------------------------------------------------------------------------------

    async def close(self, merchant_id: str, station_id: str, kind: Kind, *, by: Principal) -> Closed:
        """Close a station's day (that of the store's clock now), or its month or year that is over.

        Closing a closed day again answers its closing. `Conflict` `payment-under-way` while something is being sent,
        `period-not-over` when there is no month or year to close.
        """
        today = (await self._day(merchant_id, station_id)) if kind == "day" else None
        made = await self._close_due(merchant_id, station_id, today, by)
        if kind == "day":
            return await self._last(merchant_id, station_id, "day")
        found = [one for one in made if one.closing.kind == kind]
        if not found:
            raise Conflict("period-not-over", f"No {kind} of this station is over and waits for its closing.")
        return found[-1]

    async def closings(self, merchant_id: str, station_id: str, *, before: int, limit: int) -> list[Closed]:
        """A station's closings, newest first, with numbers below `before`."""
        return await self._w.sql.read(lambda: closing.page(merchant_id, station_id, before, limit))

    async def standing(self, merchant_id: str, station_id: str) -> Standing:
        """What would be closed now: nothing is written. Past days that nobody closed count in."""
        today, at = await self._day(merchant_id, station_id), self._w.at()
        counter = await self._w.places.counter(merchant_id, station_id)

        def job() -> Job[Standing]:
            head = yield Query(
                "select closed_until from closing_head where merchant_id = ? and station_id = ?",
                (merchant_id, station_id),
            )
            until = head[0]["closed_until"] if head else 0
            totals, first, last = yield from open_receipts(merchant_id, station_id, today)
            return Standing(
                station_id=station_id,
                day=today,
                open=at >= until,
                closed_until=moment(until) if until else None,
                training=counter.training,
                first=first,
                last=last,
                totals=totals,
                clock_believed=self.steady.believed,
            )

        return await self._w.sql.read(job)

    async def keys(self, merchant_id: str) -> list[tuple[str, bytes, int]]:
        """The ids, public keys and first uses (microseconds since 1970) of the keys that signed, oldest first."""
        return await self._w.sql.read(lambda: closing.keys_of(merchant_id))

    async def events(self, merchant_id: str, station_id: str, *, before: int, limit: int) -> list[Event]:
        """A chain's events, newest first, with numbers below `before`; no station: the merchant's own."""
        return await self._w.sql.read(lambda: events.page(merchant_id, station_id, before, limit))

    async def round(self) -> None:
        """Close the days, months and years that are over and that nobody closed; not while a clock that leapt ahead is
        new, which is put on record."""
        if leap := self.steady.look():
            await self._doubted("clock-ahead", leap)
        if self._paused or not self.steady.believed:
            return
        for merchant_id, station_id in await self._w.sql.read(_stations):
            try:
                await self._close_due(merchant_id, station_id, None, None)
            except RequestError as error:  # something is being sent: the next round closes it
                _log.info("closing of %s: %s", station_id, error.code)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """No day is closed by the clock meanwhile: somebody writes a history of past days."""
        self._paused += 1
        try:
            yield
        finally:
            self._paused -= 1

    async def _close_due(
        self, merchant_id: str, station_id: str, today: date | None, by: Principal | None
    ) -> list[Closed]:
        """Everything that is over, and `today` if it is to be closed; what was made."""
        yesterday, at = await self._day(merchant_id, station_id) - timedelta(days=1), self._w.at()
        made: list[Closed] = []

        def due() -> Job[Draft | None]:
            return next_due(merchant_id, station_id, today or yesterday, at, today=today is not None)

        tries = 0
        while (draft := await self._w.sql.read(due)) is not None:
            closed = await self._write(merchant_id, draft, by)
            tries = tries + 1 if closed is None else 0
            if tries > _TRIES:
                raise Conflict("books-moving", "The books move on faster than they can be closed; try again.")
            made += [closed] if closed else []
        return made

    async def _write(self, merchant_id: str, draft: Draft, by: Principal | None) -> Closed | None:
        """The closing of a draft; None when the books have moved on since it was made."""
        event_id, audit_id, at = self._w.ids.new("evt"), self._w.ids.new("aud"), self._w.at()

        def job() -> Job[Closed]:
            who = by.who if by else ROUND
            made = yield from closing.write(merchant_id, draft, self.signer.sign, event_id, who, at)
            if by is not None:
                act, station_id = f"close-{draft.kind}", draft.station_id
                yield insert_audit(merchant_id, audit_id, who, act, station_id, draft.period, at, by.station_id)
            return made

        with suppress(Moved):
            return await self._w.sql.write(job)
        return None

    async def _day(self, merchant_id: str, station_id: str) -> date:
        counter = await self._w.places.counter(merchant_id, station_id)
        return local_day(self._w.at(), counter.place.zone)

    async def _last(self, merchant_id: str, station_id: str, kind: Kind) -> Closed:
        found = await self._w.sql.read(lambda: closing.last_of(merchant_id, station_id, kind))
        if found is None:
            raise NotFound("closing", station_id)
        return found

    # --- training and prints ----------------------------------------------------------------------------------------

    async def train(self, merchant_id: str, station_id: str, on: bool, *, by: Principal) -> bool:
        """Begin or end exercises at a station; whether that changed anything. Not while a payment is under way."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()
        kind: EventKind = "training-on" if on else "training-off"
        await self._w.places.counter(merchant_id, station_id)

        def job() -> Job[bool]:
            yield from closing.nothing_under_way(merchant_id, station_id)
            if not (yield from training.switch(merchant_id, station_id, on)):
                return False
            yield insert_audit(merchant_id, audit_id, by.who, kind, station_id, "", at, by.station_id)
            yield from events.record(merchant_id, station_id, kind, "", by.who, {}, at)
            return True

        changed = await self._w.sql.write(job)
        self._w.places.forget()
        return changed

    async def print_receipt(self, merchant_id: str, sale_id: str, *, by: Principal, to: str = "") -> int:
        """Put a print of a sale's receipt on record; the how-manieth duplicate it is, 0 for the first print.

        `to`: the message whose answer gives the receipt out: one print, however often it is answered, and no act of
        a person's.
        """
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[int]:
            station_id, receipt = yield from _receipt_of(merchant_id, sale_id)
            yield from events.hold(merchant_id, station_id)
            before = yield from events.prints(merchant_id, sale_id)
            if found := [event for event in before if to and event.values.get("to") == to]:
                return int(found[0].values.get("duplicate", 0))
            number = sum(event.kind == "reprint" for event in before) + 1 if before else 0
            kind: EventKind = "reprint" if number else "print"
            values: dict[str, str | int] = {"receipt": receipt}
            values |= {"duplicate": number} if number else {}
            values |= {"where": by.station_id} if by.station_id else {}
            values |= {"to": to} if to else {}
            yield from events.record(merchant_id, station_id, kind, sale_id, by.who, values, at)
            if not to:
                why = str(number or "")
                yield insert_audit(merchant_id, audit_id, by.who, kind, sale_id, why, at, by.station_id)
            return number

        return await self._w.sql.write(job)

    # --- what is put on record --------------------------------------------------------------------------------------

    async def started(self) -> None:
        """The server runs, perhaps with another version of this part than before, or by a clock that was wrong."""
        newest, leapt = await self._w.sql.read(_known_times)
        if gap := self.steady.begin(newest / 1_000_000, leapt / 1_000_000):
            await self._doubted("clock-ahead" if gap > 0 else "clock-back", abs(gap))
        at = self._w.at()

        def job() -> Job[None]:
            for merchant_id in (yield from _merchants()):
                last = yield from events.page(merchant_id, MERCHANT, _NO_LIMIT, 1)
                if last and last[0].fiscal != STAMP:
                    values: dict[str, str | int] = {"before": last[0].fiscal, "now": STAMP}
                    yield from events.record(merchant_id, MERCHANT, "version", STAMP, "", values, at)
                yield from events.record(merchant_id, MERCHANT, "start", "", "", {}, at)

        await self._w.sql.write(job)

    async def _doubted(self, kind: EventKind, seconds: int) -> None:
        """The clock is not where it should be: until that is old, people close, and the clock does not."""
        at = self._w.at()
        _log.warning("%s by %d s: is the clock right? For an hour it closes no day; people may.", kind, seconds)

        def job() -> Job[None]:
            for merchant_id in (yield from _merchants()):
                yield from events.record(merchant_id, MERCHANT, kind, "", "", {"seconds": seconds}, at)

        await self._w.sql.write(job)

    async def stopped(self) -> None:
        """The server stops; when the storage is away already, that is not on record."""
        at = self._w.at()

        def job() -> Job[None]:
            for merchant_id in (yield from _merchants()):
                yield from events.record(merchant_id, MERCHANT, "stop", "", "", {}, at)

        with suppress(PoiError):
            await self._w.sql.write(job)

    async def archive(
        self,
        merchant_id: str,
        year: str,
        to: IO[bytes],
        *,
        digits: int,
        by: Principal,
        progress: Progress = unwatched,
    ) -> Made:
        """Write a year's archive to an open file, and put that on record. `digits` of the currency's minor unit."""
        made = await write_archive(self._w.sql, self.signer, merchant_id, year, digits, to, self._w.at(), progress)
        await self.note(merchant_id, "archive", year, {"manifest": made.sha256}, by)
        return made

    async def note(
        self, merchant_id: str, kind: EventKind, subject: str, values: dict[str, str | int], by: Principal
    ) -> None:
        """Put an act of the merchant's on record, in the event log and the audit."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            yield from events.record(merchant_id, MERCHANT, kind, subject, by.who, values, at)
            yield insert_audit(merchant_id, audit_id, by.who, f"fiscal-{kind}", subject, "", at, by.station_id)

        await self._w.sql.write(job)


_NO_LIMIT = (1 << 63) - 1


def _receipt_of(m: str, sale_id: str) -> Job[tuple[str, int]]:
    """The station in whose chain a sale's receipt is, and its number there."""
    rows = yield Query(
        "select station_id, receipt_number from sale where merchant_id = ? and sale_id = ?", (m, sale_id)
    )
    if not rows:
        raise NotFound("sale", sale_id)
    return rows[0]["station_id"], rows[0]["receipt_number"]


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]


def _known_times() -> Job[tuple[int, int]]:
    """When the newest receipt was written and the clock last leapt ahead, in microseconds since 1970; 0 for never."""
    newest, leapt = (yield from journal.newest()), 0
    for merchant_id in (yield from _merchants()):
        leapt = max(leapt, (yield from events.last(merchant_id, "clock-ahead", "")))
    return newest, leapt


def _stations() -> Job[list[tuple[str, str]]]:
    """Stations with receipts: the others have nothing that the clock would close."""
    rows = yield Query("select merchant_id, station_id from journal_head order by merchant_id, station_id")
    return [(row["merchant_id"], row["station_id"]) for row in rows]
