"""A merchant's staff on SQLite and on PostgreSQL, seen by two processes at once, with a clock that moves when told."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from poi_engine.access import Access
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.principal import Principal, Role
from poi_engine.staff.approvals import Approvals
from poi_engine.staff.pins import Pins
from poi_engine.staff.rights import StaffRole
from poi_engine.staff.sellers import NewSeller, Sellers
from poi_engine.staff.signin import SignIns
from tests.engine.shop import STATION, FakeClock, M, merchant_rows

OWNER = Principal(merchant_id=M, access_id="acc_owner", role="owner", subject_id="owner")
COUNTER = Principal(merchant_id=M, access_id="acc_sta", role="station", subject_id=STATION)
PIN = "5093"


@dataclass
class Told:
    """Screens that remember which stations were told."""

    stations: list[str] = field(default_factory=list)

    async def seller_changed(self, merchant_id: str, station_id: str) -> None:
        """Keep it."""
        assert merchant_id == M
        self.stations.append(station_id)


class Staff:
    """One process's services over the storage."""

    def __init__(self, sql: Sql, clock: FakeClock, *, exclusive: bool) -> None:
        ids = Ids(clock.now)
        self.sql, self.clock, self.told = sql, clock, Told()
        self.access = Access(sql, clock, ids, exclusive=exclusive)
        pins = Pins(sql, clock, ids, cost=2**4)
        self.signins = SignIns(sql, clock, ids, pins, self.told, exclusive=exclusive)
        self.sellers = Sellers(sql, clock, ids, self.access, pins, self.signins)
        self.approvals = Approvals(sql, clock, ids, pins, self.signins)

    async def hire(self, name: str, role: StaffRole = "seller", pin: str | None = PIN, **more: Any) -> str:
        """A new person with a PIN; their id."""
        made = await self.sellers.add(M, NewSeller(name=name, role=role, **more), by=OWNER)
        if pin is not None:
            await self.sellers.set_pin(M, made.seller_id, pin, by=OWNER)
        return made.seller_id

    async def enter(self, seller_id: str, pin: str = PIN, station: str = STATION) -> str | None:
        """Sign in; who is in afterwards."""
        at = await self.signins.with_pin(M, station, seller_id, pin, by=COUNTER)
        return at.person.seller_id if at.person else None

    async def who(self, station: str = STATION) -> str | None:
        """Who is signed in."""
        person = (await self.signins.at(M, station)).person
        return person.seller_id if person else None

    async def rows(self, text: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """What a statement finds."""

        def job() -> Job[list[dict[str, Any]]]:
            return [dict(row) for row in (yield Query(text, values))]

        return await self.sql.read(job)

    async def acts(self) -> list[tuple[str, str, str, str]]:
        """The audit so far: who, act, subject, why; the oldest first."""
        rows = await self.rows("select who, act, subject_id, why from audit order by created_at, audit_id")
        return [(row["who"], row["act"], row["subject_id"], row["why"]) for row in rows]


def principal(seller_id: str, role: Role = "seller", **more: Any) -> Principal:
    """A person's own device."""
    return Principal(merchant_id=M, access_id=f"acc_{seller_id}", role=role, subject_id=seller_id, **more)


@pytest.fixture
async def staff(sql: Sql) -> AsyncIterator[Staff]:
    """The process that owns the storage."""
    await sql.write(merchant_rows)
    yield Staff(sql, FakeClock(), exclusive=True)


@pytest.fixture
async def pair(sql: Sql) -> AsyncIterator[tuple[Staff, Staff]]:
    """Two processes on one storage."""
    await sql.write(merchant_rows)
    clock = FakeClock()
    yield Staff(sql, clock, exclusive=False), Staff(sql, clock, exclusive=False)
