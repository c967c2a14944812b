"""What the staff write down about a customer: short, signed, and erasable."""

from datetime import datetime

from msgspec import Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.rows import living, lock_alive
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal

LETTERS = 1000
MOST = 50
"""Notes on one customer."""


class Note(Struct, frozen=True, kw_only=True):
    """A note: who wrote it, and when."""

    note_id: str
    text: str
    who: str
    at: datetime


class Notes:
    """The notes' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def add(self, merchant_id: str, customer_id: str, text: str, *, by: Principal) -> Note:
        """Write a note; that it was written is audited, not what it says."""
        text = text.strip()
        if not 1 <= len(text) <= LETTERS:
            raise RequestError("bad-note", f"A note has 1 to {LETTERS} letters.", path="$.text")
        if find_pan(text) is not None:
            raise RequestError("card-number", "A card's number is never written down.", path="$.text")
        note_id, audit_id, at = self._ids.new("not"), self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            known = yield from lock_alive(merchant_id, customer_id)
            yield from _make_room(merchant_id, known.customer_id)
            yield Query(
                "insert into customer_note (merchant_id, note_id, customer_id, body, who, created_at) "
                "values (?, ?, ?, ?, ?, ?)",
                (merchant_id, note_id, known.customer_id, text, by.who, at),
            )
            yield insert_audit(
                merchant_id, audit_id, by.who, "write-note", known.customer_id, note_id, at, by.station_id
            )

        await self._sql.write(job)
        return Note(note_id=note_id, text=text, who=by.who, at=moment(at))

    async def erase(
        self, merchant_id: str, customer_id: str, note_id: str, *, by: Principal, own: bool = False
    ) -> None:
        """Take a note away (with `own`: if `by` wrote it); that it was there is audited, not what it said."""
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            known = yield from living(merchant_id, customer_id)
            gone = yield Query(
                "delete from customer_note where merchant_id = ? and note_id = ? and customer_id = ? "
                "and (? = 0 or who = ?) returning note_id",
                (merchant_id, note_id, known.customer_id, int(own), by.who),
            )
            if not gone:
                raise NotFound("note", note_id)
            yield insert_audit(
                merchant_id, audit_id, by.who, "erase-note", known.customer_id, note_id, at, by.station_id
            )

        await self._sql.write(job)


def read_notes(merchant_id: str, customer_id: str) -> Job[tuple[Note, ...]]:
    """The notes on a customer, newest first."""
    rows = yield Query(
        "select note_id, body, who, created_at from customer_note where merchant_id = ? and customer_id = ?",
        (merchant_id, customer_id),
    )
    ordered = sorted(rows, key=lambda row: (row["created_at"], row["note_id"]), reverse=True)
    return tuple(
        Note(note_id=row["note_id"], text=row["body"], who=row["who"], at=moment(row["created_at"])) for row in ordered
    )


def _make_room(merchant_id: str, customer_id: str) -> Job[None]:
    yield Query(  # whoever writes another one waits here
        "update customer set absorbed = absorbed where merchant_id = ? and customer_id = ?", (merchant_id, customer_id)
    )
    rows = yield Query(
        "select count(*) as notes from customer_note where merchant_id = ? and customer_id = ?",
        (merchant_id, customer_id),
    )
    if rows[0]["notes"] >= MOST:
        raise Conflict("too-many-notes", f"{MOST} notes are written on this customer; take one away first.")
