"""The audit as people read it: newest first, by who, act, subject and day; and the row that a look leaves in it."""

from datetime import datetime

from msgspec import Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import moment
from poi_engine.errors import RequestError
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal

LOOK_US = 3_600_000_000
"""The same look within an hour is one row."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """Who did what to what, when, why, and at which station; `name` is the person's, if it was one."""

    audit_id: str
    who: str
    act: str
    subject_id: str
    why: str
    at: datetime
    station_id: str | None = None
    name: str | None = None
    station: str | None = None


class AuditFilter(Struct, frozen=True, kw_only=True):
    """What is looked for; an empty text is everything. `first` and `last` in microseconds since 1970, end exclusive."""

    who: str = ""
    act: str = ""
    subject_id: str = ""
    first: int = 0
    last: int = 2**62


class AuditBook:
    """Reads the audit; rows are never changed or deleted."""

    def __init__(self, sql: Sql) -> None:
        self._sql = sql

    async def page(self, merchant_id: str, wanted: AuditFilter, *, limit: int, after: str = "") -> list[AuditEntry]:
        """A page, newest first; `after` is the last id of the page before."""
        return await self._sql.read(lambda: _page(merchant_id, wanted, limit, after))

    async def acts(self, merchant_id: str) -> list[str]:
        """The acts there are, by name."""
        return await self._sql.read(lambda: _acts(merchant_id))


class Look(Struct, frozen=True, kw_only=True):
    """That somebody read what is about people: nothing changes, and yet it is on record. `at` in microseconds."""

    merchant_id: str
    by: Principal
    act: str
    subject_id: str
    why: str
    at: int


async def note_look(sql: Sql, audit_id: str, look: Look) -> None:
    """Put a look on record, unless the same one is there already."""
    if not await sql.read(lambda: _seen(look)):
        await sql.write(lambda: _write(audit_id, look))


def _seen(look: Look) -> Job[bool]:
    rows = yield Query(
        "select 1 as one from audit where merchant_id = ? and subject_id = ? and created_at > ? and created_at <= ?"
        " and who = ? and act = ? and why = ? and coalesce(station_id, '') = ? limit 1",
        (
            *(look.merchant_id, look.subject_id, look.at - LOOK_US, look.at),
            *(look.by.who, look.act, look.why, look.by.station_id or ""),
        ),
    )
    return bool(rows)


def _write(audit_id: str, look: Look) -> Job[None]:
    yield insert_audit(
        look.merchant_id, audit_id, look.by.who, look.act, look.subject_id, look.why, look.at, look.by.station_id
    )


def _page(merchant_id: str, wanted: AuditFilter, limit: int, after: str) -> Job[list[AuditEntry]]:
    last, last_id = (wanted.last, "") if not after else (yield from _place(merchant_id, after))
    named = [(name, value) for name in ("who", "act", "subject_id") if (value := getattr(wanted, name))]
    also = "".join(f" and a.{name} = ?" for name, _ in named)
    rows = yield Query(
        "select a.audit_id, a.who, a.act, a.subject_id, a.why, a.created_at, a.station_id, s.name as seller,"
        " t.name as station from audit a"
        " left join seller s on s.merchant_id = a.merchant_id and s.seller_id = substr(a.who, 8)"
        " left join station t on t.merchant_id = a.merchant_id and t.station_id = a.station_id"
        f" where a.merchant_id = ? and a.created_at >= ? and a.created_at <= ?{also}"
        " and (a.created_at < ? or a.audit_id < ?) order by a.created_at desc, a.audit_id desc limit ?",
        (merchant_id, wanted.first, min(last, wanted.last), *(value for _, value in named), last, last_id, limit),
    )
    return [_entry(row) for row in rows]


def _place(merchant_id: str, audit_id: str) -> Job[tuple[int, str]]:
    rows = yield Query("select created_at from audit where merchant_id = ? and audit_id = ?", (merchant_id, audit_id))
    if not rows:
        raise RequestError("unknown-cursor", "There is no such entry to go on after.", path="$.after")
    return int(rows[0]["created_at"]), audit_id


def _acts(merchant_id: str) -> Job[list[str]]:
    """Hops from act to act over the index instead of walking every row."""
    found: list[str] = []
    while True:
        rows = yield Query(
            "select act from audit where merchant_id = ? and act > ? order by act limit 1",
            (merchant_id, found[-1] if found else ""),
        )
        if not rows:
            return found
        found.append(rows[0]["act"])


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        audit_id=row["audit_id"],
        who=row["who"],
        act=row["act"],
        subject_id=row["subject_id"],
        why=row["why"],
        at=moment(row["created_at"]),
        station_id=row["station_id"],
        name=row["seller"],
        station=row["station"],
    )
